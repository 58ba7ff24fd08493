#include "lib/st_address.h"

#include <stdio.h>

#include <arpa/inet.h>
#include <sodium.h>

#include "lib/st_base32.h"

static const char SCHEME[] = "safetalk://";

enum { LABEL_MAX = 63 };

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

static bool is_label(const char *label, size_t len)
{
    if (len == 0 || len > LABEL_MAX || label[0] == '-' || label[len - 1] == '-')
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = label[i];
        if (!(c >= 'a' && c <= 'z') && !is_digit((uint8_t)c) && c != '-' && c != '_')
            return false;
    }
    return true;
}

/* Labels joined by dots. The last one has a letter: otherwise it would be a broken IPv4 address, and resolvers
 * disagree on what `10.1` means. */
static bool is_dns_name(const char *host)
{
    const char *label = host;
    for (;;) {
        size_t len = strcspn(label, ".");
        if (!is_label(label, len))
            return false;
        if (label[len] == '\0')
            return strspn(label, "0123456789") != len;
        label += len + 1;
    }
}

enum st_err st_address_parse_host(char out[static ST_ADDRESS_HOST_MAX + 1], struct st_view text)
{
    memset(out, 0, ST_ADDRESS_HOST_MAX + 1);
    if (text.len == 0 || text.len > ST_ADDRESS_HOST_MAX || memchr(text.p, '\0', text.len) != NULL)
        return ST_EMALFORMED;
    for (size_t i = 0; i < text.len; i++)
        out[i] = (char)lower(text.p[i]);
    struct in6_addr v6;
    struct in_addr v4;
    if (inet_pton(AF_INET6, out, &v6) == 1) {
        char canonical[INET6_ADDRSTRLEN];
        if (inet_ntop(AF_INET6, &v6, canonical, sizeof canonical) == NULL)
            return ST_EMALFORMED;
        memset(out, 0, ST_ADDRESS_HOST_MAX + 1);
        memcpy(out, canonical, strlen(canonical));
        return ST_OK;
    }
    if (inet_pton(AF_INET, out, &v4) == 1 || is_dns_name(out))
        return ST_OK;
    memset(out, 0, ST_ADDRESS_HOST_MAX + 1);
    return ST_EMALFORMED;
}

/* A decimal port without sign and leading zero. */
static enum st_err parse_port(uint16_t *out, struct st_view text)
{
    *out = 0;
    if (text.len == 0 || text.len > 5 || text.p[0] == '0')
        return ST_EMALFORMED;
    uint32_t port = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (!is_digit(text.p[i]))
            return ST_EMALFORMED;
        port = port * 10 + (uint32_t)(text.p[i] - '0');
    }
    if (port > UINT16_MAX)
        return ST_EMALFORMED;
    *out = (uint16_t)port;
    return ST_OK;
}

/* Cuts `[v6]`, or everything before the first colon, off the front of `rest`. ST_EMALFORMED without a host. */
static enum st_err cut_host(char host[static ST_ADDRESS_HOST_MAX + 1], struct st_view *rest)
{
    bool bracket = rest->len > 0 && rest->p[0] == '[';
    const uint8_t *end = rest->len == 0 ? NULL : memchr(rest->p, bracket ? ']' : ':', rest->len);
    size_t len = end == NULL ? rest->len : (size_t)(end - rest->p);
    size_t skip = bracket ? 1 : 0;
    if (bracket && end == NULL)
        return ST_EMALFORMED;
    if (st_address_parse_host(host, st_view(rest->p + skip, len - skip)) != ST_OK)
        return ST_EMALFORMED;
    if (bracket != (strchr(host, ':') != NULL))
        return ST_EMALFORMED;
    *rest = st_view(rest->p + len + skip, rest->len - len - skip);
    return ST_OK;
}

/* The checks of HOST[:PORT]; `out` may be left half filled. */
static const char *read_host_port(struct st_address *out, struct st_view text)
{
    struct st_view rest = text;
    out->port = ST_ADDRESS_DEFAULT_PORT;
    if (cut_host(out->host, &rest) != ST_OK)
        return "the host is neither a DNS name nor an IP address (IPv6 stands in brackets)";
    if (rest.len == 0)
        return NULL;
    if (rest.p[0] != ':' || parse_port(&out->port, st_view(rest.p + 1, rest.len - 1)) != ST_OK)
        return "the port is not a number from 1 to 65535";
    return NULL;
}

static const char *read_address(struct st_address *out, struct st_view text)
{
    size_t scheme_len = sizeof SCHEME - 1;
    if (text.len < scheme_len || memcmp(text.p, SCHEME, scheme_len) != 0)
        return "it does not begin with safetalk://";
    struct st_view rest = st_view(text.p + scheme_len, text.len - scheme_len);
    const uint8_t *hash = rest.len == 0 ? NULL : memchr(rest.p, '#', rest.len);
    if (hash == NULL)
        return "the server's key is missing: it stands behind a #";
    size_t host_port_len = (size_t)(hash - rest.p);
    const char *why = read_host_port(out, st_view(rest.p, host_port_len));
    if (why != NULL)
        return why;
    struct st_view key = st_view(hash + 1, rest.len - host_port_len - 1);
    if (key.len != ST_BASE32_CHARS(ST_ADDRESS_KEY_BYTES))
        return "the key behind the # does not have 52 characters";
    if (st_base32_decode(out->key, sizeof out->key, key) != ST_OK || sodium_is_zero(out->key, sizeof out->key))
        return "the key behind the # is mistyped";
    return NULL;
}

static enum st_err finish(struct st_address *out, const char *fault, const char **why)
{
    if (why != NULL)
        *why = fault;
    if (fault == NULL)
        return ST_OK;
    memset(out, 0, sizeof *out);
    return ST_EMALFORMED;
}

enum st_err st_address_parse(struct st_address *out, struct st_view text, const char **why)
{
    memset(out, 0, sizeof *out);
    return finish(out, read_address(out, text), why);
}

enum st_err st_address_parse_host_port(struct st_address *out, struct st_view text, const char **why)
{
    memset(out, 0, sizeof *out);
    return finish(out, read_host_port(out, text), why);
}

void st_address_format_host_port(char out[static ST_ADDRESS_HOST_PORT_BYTES], const char *host, uint16_t port)
{
    if (strchr(host, ':') != NULL)
        (void)snprintf(out, ST_ADDRESS_HOST_PORT_BYTES, "[%.253s]:%u", host, (unsigned)port);
    else
        (void)snprintf(out, ST_ADDRESS_HOST_PORT_BYTES, "%.253s:%u", host, (unsigned)port);
}

void st_address_format(char out[static ST_ADDRESS_TEXT_BYTES], const struct st_address *address)
{
    char host_port[ST_ADDRESS_HOST_PORT_BYTES];
    char key[ST_BASE32_CHARS(ST_ADDRESS_KEY_BYTES) + 1];
    st_address_format_host_port(host_port, address->host, address->port);
    out[0] = '\0';
    if (st_base32_encode(key, sizeof key, st_view(address->key, sizeof address->key)) == ST_OK)
        (void)snprintf(out, ST_ADDRESS_TEXT_BYTES, "%s%s#%s", SCHEME, host_port, key);
}

bool st_address_equal(const struct st_address *a, const struct st_address *b)
{
    return a->port == b->port && strcmp(a->host, b->host) == 0 && memcmp(a->key, b->key, sizeof a->key) == 0;
}
