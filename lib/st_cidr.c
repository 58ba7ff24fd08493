#include "lib/st_cidr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "lib/st_num.h"

enum { MAPPED_BITS = 96, ADDRESS_BITS = 128 };

static const uint8_t mapped_prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

static bool is_mapped(const uint8_t address[static ST_CIDR_ADDRESS_BYTES])
{
    return memcmp(address, mapped_prefix, sizeof mapped_prefix) == 0;
}

enum st_err st_cidr_parse_address(uint8_t out[static ST_CIDR_ADDRESS_BYTES], const char *text)
{
    memset(out, 0, ST_CIDR_ADDRESS_BYTES);
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, text, &v4) == 1) {
        memcpy(out, mapped_prefix, sizeof mapped_prefix);
        memcpy(out + sizeof mapped_prefix, &v4, sizeof v4);
        return ST_OK;
    }
    if (inet_pton(AF_INET6, text, &v6) != 1)
        return ST_EMALFORMED;
    memcpy(out, &v6, sizeof v6);
    return ST_OK;
}

/* Bit i of an address, counted from the front. */
static bool bit_at(const uint8_t *address, unsigned i)
{
    return (address[i / 8] >> (7 - i % 8) & 1) != 0;
}

/* Reads one network: "ADDRESS" or "ADDRESS/BITS". */
static enum st_err parse_one(struct st_cidr *cidr, char *text)
{
    char *slash = strchr(text, '/');
    if (slash != NULL)
        *slash = '\0';
    enum st_err err = st_cidr_parse_address(cidr->address, text);
    if (err != ST_OK)
        return err;
    /* The length counts in the family in which it was written; a mapped address was written in either. */
    bool written_v4 = strchr(text, ':') == NULL;
    int64_t bits = written_v4 ? ADDRESS_BITS - MAPPED_BITS : ADDRESS_BITS;
    if (slash != NULL && st_num_parse(slash + 1, 0, bits, &bits) != ST_OK)
        return ST_EMALFORMED;
    cidr->bits = (uint8_t)(bits + (written_v4 ? MAPPED_BITS : 0));
    for (unsigned i = cidr->bits; i < ADDRESS_BITS; i++) {
        if (bit_at(cidr->address, i))
            return ST_EMALFORMED;
    }
    return ST_OK;
}

enum st_err st_cidr_parse_list(struct st_cidr_list *list_r, const char *text)
{
    memset(list_r, 0, sizeof *list_r);
    struct st_cidr_list list = { .count = 0 };
    const char *at = text + strspn(text, " \t");
    if (*at == '\0')
        return ST_OK;
    for (;;) {
        char one[ST_CIDR_TEXT_SIZE];
        at += strspn(at, " \t");
        size_t len = strcspn(at, ", \t");
        if (len >= sizeof one)
            return ST_EMALFORMED;
        memcpy(one, at, len);
        one[len] = '\0';
        if (list.count == ST_CIDR_MAX)
            return ST_ELIMIT;
        enum st_err err = parse_one(&list.items[list.count], one);
        if (err != ST_OK)
            return err;
        list.count++;
        at += len;
        at += strspn(at, " \t");
        if (*at == '\0')
            break;
        if (*at++ != ',')
            return ST_EMALFORMED;
    }
    *list_r = list;
    return ST_OK;
}

bool st_cidr_contains(const struct st_cidr_list *list, const uint8_t address[static ST_CIDR_ADDRESS_BYTES])
{
    for (size_t i = 0; i < list->count; i++) {
        const struct st_cidr *cidr = &list->items[i];
        unsigned whole = cidr->bits / 8u;
        unsigned rest = cidr->bits % 8u;
        if (memcmp(cidr->address, address, whole) != 0)
            continue;
        if (rest == 0 || (cidr->address[whole] ^ address[whole]) >> (8 - rest) == 0)
            return true;
    }
    return false;
}

void st_cidr_format(char out[static ST_CIDR_TEXT_SIZE], const struct st_cidr *cidr)
{
    char address[INET6_ADDRSTRLEN] = "";
    bool v4 = is_mapped(cidr->address) && cidr->bits >= MAPPED_BITS;
    if (v4)
        inet_ntop(AF_INET, cidr->address + sizeof mapped_prefix, address, sizeof address);
    else
        inet_ntop(AF_INET6, cidr->address, address, sizeof address);
    snprintf(out, ST_CIDR_TEXT_SIZE, "%s/%u", address, v4 ? cidr->bits - (unsigned)MAPPED_BITS : cidr->bits);
}
