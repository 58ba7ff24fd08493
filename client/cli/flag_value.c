#include "client/cli/flag_value.h"

#include <string.h>

#include "client/cli/target.h"
#include "client/cli/when.h"
#include "lib/st_num.h"

enum { NUMBER_MAX = 1000000, FD_MAX = 65535 };

/* Ten years: longer waits are mistakes. */
#define DURATION_MAX_MS (INT64_C(3653) * 86400 * 1000)

static enum st_err parse_color(const char *text)
{
    static const char *const words[] = { "auto", "always", "never" };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(words[i], text) == 0)
            return ST_OK;
    return ST_EMALFORMED;
}

static enum st_err parse_address(const char *text)
{
    struct st_address address;
    return st_address_parse(&address, st_view_text(text), NULL);
}

static enum st_err parse_account(const char *text)
{
    struct target_account account;
    return target_parse_account(&account, text);
}

static enum st_err parse_message(const char *text)
{
    struct target_message message;
    return target_parse_message(&message, text, false);
}

static const char *const RIGHT[] = {
    [FLAG_KIND_SWITCH] = "no value",
    [FLAG_KIND_TEXT] = "a text that is not empty",
    [FLAG_KIND_ACCOUNT] = "NAME, NAME@HOST or NAME@HOST:PORT",
    [FLAG_KIND_ADDRESS] = "an address such as safetalk://HOST:PORT#KEY, in quotes, with its key of 52 characters",
    [FLAG_KIND_DURATION] = "a time such as 30s 5m 8h 7d 2w; a bare number is seconds",
    [FLAG_KIND_WHEN] = "a time such as 2026-11-25, 14:05, today, yesterday, 2h, or RFC 3339",
    [FLAG_KIND_NUMBER] = "a number from 1 to 1,000,000",
    [FLAG_KIND_FD] = "the number of an open descriptor",
    [FLAG_KIND_COLOR] = "auto, always or never",
    [FLAG_KIND_MESSAGE] = "a message id: 4 to 32 hex digits",
};

enum st_err flag_value_parse(int64_t *number, enum flag_kind kind, const char *text, int64_t now_ms, const char **right)
{
    *number = 0;
    *right = RIGHT[kind];
    switch (kind) {
    case FLAG_KIND_SWITCH:
        *number = 1;
        return ST_OK;
    case FLAG_KIND_TEXT:
        return ST_OK;
    case FLAG_KIND_ACCOUNT:
        return parse_account(text);
    case FLAG_KIND_ADDRESS:
        return parse_address(text);
    case FLAG_KIND_DURATION:
        return st_num_parse_duration_ms(text, 0, DURATION_MAX_MS, number);
    case FLAG_KIND_WHEN:
        return when_parse(number, text, now_ms);
    case FLAG_KIND_NUMBER:
        return st_num_parse(text, 1, NUMBER_MAX, number);
    case FLAG_KIND_FD:
        return st_num_parse(text, 0, FD_MAX, number);
    case FLAG_KIND_COLOR:
        return parse_color(text);
    case FLAG_KIND_MESSAGE:
        return parse_message(text);
    }
    return ST_EMALFORMED;
}
