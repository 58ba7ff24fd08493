#include "lib/st_num.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct unit {
    const char *name;
    int64_t factor;
};

/* Smallest first; the bare number's unit is named by its own row with "". */
static const struct unit duration_units[] = {
    { "ms", 1 },      { "s", 1000 },     { "", 1000 },       { "m", 60000 },
    { "h", 3600000 }, { "d", 86400000 }, { "w", 604800000 }, { NULL, 0 },
};

static const struct unit size_units[] = {
    { "", 1 }, { "K", 1024 }, { "M", 1 << 20 }, { "G", 1 << 30 }, { "T", INT64_C(1) << 40 }, { NULL, 0 },
};

/* Reads the digits at the start of `text`; *end_r is behind them. Too big a number is ST_ELIMIT, and the digits are
 * passed all the same, so that the rest can still be judged. */
static enum st_err take_number(const char *text, int64_t *value_r, const char **end_r)
{
    bool negative = *text == '-';
    const char *digits = text + negative;
    const char *at = digits;
    enum st_err err = ST_OK;
    int64_t value = 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        int digit = *at - '0';
        /* Built below zero, where one more number has room than above. */
        if (value < (INT64_MIN + digit) / 10)
            err = ST_ELIMIT;
        else
            value = value * 10 - digit;
    }
    *end_r = at;
    *value_r = 0;
    if (at == digits || (*digits == '0' && (at > digits + 1 || negative)))
        return ST_EMALFORMED;
    if (err == ST_OK && !negative && value == INT64_MIN)
        err = ST_ELIMIT;
    if (err == ST_OK)
        *value_r = negative ? value : -value;
    return err;
}

static enum st_err parse_with_units(const char *text, const struct unit *units, int64_t min, int64_t max,
                                    int64_t *value_r)
{
    *value_r = min;
    int64_t number;
    const char *end;
    enum st_err err = take_number(text, &number, &end);
    if (err == ST_EMALFORMED)
        return err;
    while (units->name != NULL && strcmp(units->name, end) != 0)
        units++;
    if (units->name == NULL)
        return ST_EMALFORMED;
    if (err != ST_OK)
        return err;
    if (number > INT64_MAX / units->factor || number < INT64_MIN / units->factor)
        return ST_ELIMIT;
    number *= units->factor;
    if (number < min || number > max)
        return ST_ELIMIT;
    *value_r = number;
    return ST_OK;
}

enum st_err st_num_parse(const char *text, int64_t min, int64_t max, int64_t *value_r)
{
    static const struct unit none[] = { { "", 1 }, { NULL, 0 } };
    return parse_with_units(text, none, min, max, value_r);
}

enum st_err st_num_parse_duration_ms(const char *text, int64_t min_ms, int64_t max_ms, int64_t *ms_r)
{
    return parse_with_units(text, duration_units, min_ms, max_ms, ms_r);
}

enum st_err st_num_parse_size(const char *text, int64_t min, int64_t max, int64_t *bytes_r)
{
    return parse_with_units(text, size_units, min, max, bytes_r);
}

enum st_err st_num_parse_bool(const char *text, bool *value_r)
{
    static const char *const words[][2] = { { "no", "yes" }, { "off", "on" }, { "false", "true" }, { "0", "1" } };
    *value_r = false;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(text, words[i][0]) == 0)
            return ST_OK;
        if (strcmp(text, words[i][1]) == 0) {
            *value_r = true;
            return ST_OK;
        }
    }
    return ST_EMALFORMED;
}

/* The largest unit that divides the number; a zero gets the unit `zero_unit`. */
static void format_with_units(char out[static ST_NUM_TEXT_SIZE], int64_t number, const struct unit *units,
                              const char *zero_unit)
{
    const struct unit *best = units;
    for (const struct unit *unit = units; unit->name != NULL; unit++) {
        if (number % unit->factor == 0 && unit->factor > best->factor)
            best = unit;
    }
    const char *name = number == 0 ? zero_unit : best->name;
    snprintf(out, ST_NUM_TEXT_SIZE, "%" PRId64 "%s", number / best->factor, name);
}

void st_num_format_duration_ms(char out[static ST_NUM_TEXT_SIZE], int64_t ms)
{
    format_with_units(out, ms, duration_units, "s");
}

void st_num_format_size(char out[static ST_NUM_TEXT_SIZE], int64_t bytes)
{
    format_with_units(out, bytes, size_units, "");
}
