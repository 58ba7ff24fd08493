#include "client/cli/target.h"

#include <string.h>

#include "lib/st_num.h"

static void set_person(struct target *out, const char *name)
{
    out->kind = TARGET_PERSON;
    memcpy(out->name, name, strlen(name));
    out->shown[0] = '@';
    memcpy(out->shown + 1, name, strlen(name));
}

enum st_err target_parse(struct target *out, const char *text, bool person_only)
{
    memset(out, 0, sizeof *out);
    if (text[0] == '@' && st_name_is_login(st_view_text(text + 1))) {
        set_person(out, text + 1);
        return ST_OK;
    }
    if (person_only && st_name_is_login(st_view_text(text))) {
        set_person(out, text);
        return ST_OK;
    }
    if (!person_only && strcmp(text, "me") == 0) {
        out->kind = TARGET_ME;
        memcpy(out->name, "me", 2);
        memcpy(out->shown, "me", 2);
        return ST_OK;
    }
    if (!person_only && text[0] == '#' && st_name_is_group(st_view_text(text + 1))) {
        out->kind = TARGET_GROUP;
        memcpy(out->name, text + 1, strlen(text + 1));
        memcpy(out->shown, text, strlen(text));
        return ST_OK;
    }
    return ST_EMALFORMED;
}

enum st_err target_parse_account(struct target_account *out, const char *text)
{
    memset(out, 0, sizeof *out);
    if (text[0] == '@')
        text++;
    size_t name_len = strcspn(text, "@");
    if (!st_name_is_login(st_view(text, name_len)))
        return ST_EMALFORMED;
    if (text[name_len] == '@') {
        struct st_address place;
        struct st_view host_port = st_view_text(text + name_len + 1);
        if (st_address_parse_host_port(&place, host_port, NULL) != ST_OK)
            return ST_EMALFORMED;
        memcpy(out->host, place.host, sizeof out->host);
        out->port = place.port;
    }
    memcpy(out->name, text, name_len);
    return ST_OK;
}

static bool parse_prefix(char out[static TARGET_ID_DIGITS + 1], const char *text, size_t len)
{
    if (len < TARGET_ID_DIGITS_MIN || len > TARGET_ID_DIGITS)
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (c >= 'A' && c <= 'F')
            c = (char)(c - 'A' + 'a');
        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f'))
            return false;
        out[i] = c;
    }
    return true;
}

enum st_err target_parse_message(struct target_message *out, const char *text, bool with_part)
{
    memset(out, 0, sizeof *out);
    size_t len = strcspn(text, ".");
    int64_t part = 0;
    bool ok = parse_prefix(out->prefix, text, len);
    if (text[len] == '.')
        ok = ok && with_part && st_num_parse(text + len + 1, 1, TARGET_PART_MAX, &part) == ST_OK;
    if (!ok) {
        memset(out, 0, sizeof *out);
        return ST_EMALFORMED;
    }
    out->part = (unsigned)part;
    return ST_OK;
}

enum st_err target_parse_number(char out[static TARGET_NUMBER_DIGITS + 1], const char *text)
{
    size_t count = 0;
    memset(out, 0, TARGET_NUMBER_DIGITS + 1);
    for (; *text != '\0'; text++) {
        if (*text == ' ' || *text == '-')
            continue;
        if (*text < '0' || *text > '9' || count == TARGET_NUMBER_DIGITS)
            goto malformed;
        out[count++] = *text;
    }
    if (count == TARGET_NUMBER_DIGITS)
        return ST_OK;
malformed:
    memset(out, 0, TARGET_NUMBER_DIGITS + 1);
    return ST_EMALFORMED;
}
