#include "lib/st_config_value.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/st_num.h"

/* Copies text into a field of `size` bytes and zeroes the rest, so that equal settings are equal bytes. */
static enum st_err parse_text(char *to, size_t size, const char *text)
{
    size_t len = strlen(text);
    if (len >= size)
        return ST_EMALFORMED;
    memset(to, 0, size);
    memcpy(to, text, len);
    return ST_OK;
}

static enum st_err parse_enum(const struct st_config_row *row, int *to, const char *text)
{
    for (int i = 0; row->names[i] != NULL; i++) {
        if (strcmp(row->names[i], text) == 0) {
            *to = i;
            return ST_OK;
        }
    }
    return ST_EMALFORMED;
}

static enum st_err parse_any(const struct st_config_row *row, union st_config_any *any, const char *text)
{
    switch (row->kind) {
    case ST_CONFIG_KIND_INT:
        return st_num_parse(text, row->min, row->max, &any->number);
    case ST_CONFIG_KIND_SIZE:
        return st_num_parse_size(text, row->min, row->max, &any->number);
    case ST_CONFIG_KIND_DURATION:
        return st_num_parse_duration_ms(text, row->min, row->max, &any->number);
    case ST_CONFIG_KIND_BOOL:
        return st_num_parse_bool(text, &any->flag);
    case ST_CONFIG_KIND_TEXT:
        return parse_text(any->text, sizeof any->text, text);
    case ST_CONFIG_KIND_PATH:
        return parse_text(any->path, sizeof any->path, text);
    case ST_CONFIG_KIND_ENUM:
        return parse_enum(row, &any->choice, text);
    case ST_CONFIG_KIND_CIDRS:
        return st_cidr_parse_list(&any->cidrs, text);
    }
    return ST_EMALFORMED;
}

static size_t size_of(enum st_config_kind kind)
{
    static const size_t sizes[] = {
        [ST_CONFIG_KIND_INT] = sizeof(int64_t),      [ST_CONFIG_KIND_SIZE] = sizeof(int64_t),
        [ST_CONFIG_KIND_DURATION] = sizeof(int64_t), [ST_CONFIG_KIND_BOOL] = sizeof(bool),
        [ST_CONFIG_KIND_TEXT] = ST_CONFIG_TEXT_SIZE, [ST_CONFIG_KIND_PATH] = ST_CONFIG_PATH_SIZE,
        [ST_CONFIG_KIND_ENUM] = sizeof(int),         [ST_CONFIG_KIND_CIDRS] = sizeof(struct st_cidr_list),
    };
    return sizes[kind];
}

enum st_err st_config_value_parse(const struct st_config_row *row, void *to, const char *text, const char **why_r)
{
    union st_config_any any;
    *why_r = NULL;
    if (parse_any(row, &any, text) != ST_OK)
        return ST_EMALFORMED;
    if (row->check != NULL && row->check(text, why_r) != ST_OK)
        return ST_EMALFORMED;
    memcpy(to, &any, size_of(row->kind));
    return ST_OK;
}

/* The networks with commas between them; those that fit (a list of the largest ones does). */
static void format_cidrs(const struct st_cidr_list *list, char out[static ST_CONFIG_VALUE_SIZE])
{
    _Static_assert(ST_CIDR_MAX * (ST_CIDR_TEXT_SIZE + 2) < ST_CONFIG_VALUE_SIZE, "every list has room");
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < list->count; i++) {
        char one[ST_CIDR_TEXT_SIZE];
        st_cidr_format(one, &list->items[i]);
        int n = snprintf(out + len, ST_CONFIG_VALUE_SIZE - len, "%s%s", i > 0 ? ", " : "", one);
        len += n > 0 ? (size_t)n : 0;
    }
}

void st_config_value_format(const struct st_config_row *row, const void *from, char out[static ST_CONFIG_VALUE_SIZE])
{
    union st_config_any any;
    memcpy(&any, from, size_of(row->kind));
    switch (row->kind) {
    case ST_CONFIG_KIND_INT:
        snprintf(out, ST_CONFIG_VALUE_SIZE, "%" PRId64, any.number);
        return;
    case ST_CONFIG_KIND_SIZE:
        st_num_format_size(out, any.number);
        return;
    case ST_CONFIG_KIND_DURATION:
        st_num_format_duration_ms(out, any.number);
        return;
    case ST_CONFIG_KIND_BOOL:
        snprintf(out, ST_CONFIG_VALUE_SIZE, "%s", any.flag ? "yes" : "no");
        return;
    case ST_CONFIG_KIND_TEXT:
        snprintf(out, ST_CONFIG_VALUE_SIZE, "%.*s", ST_CONFIG_TEXT_SIZE - 1, any.text);
        return;
    case ST_CONFIG_KIND_PATH:
        snprintf(out, ST_CONFIG_VALUE_SIZE, "%.*s", ST_CONFIG_PATH_SIZE - 1, any.path);
        return;
    case ST_CONFIG_KIND_ENUM:
        snprintf(out, ST_CONFIG_VALUE_SIZE, "%s", row->names[any.choice]);
        return;
    case ST_CONFIG_KIND_CIDRS:
        format_cidrs(&any.cidrs, out);
        return;
    }
}

static void describe_enum(const struct st_config_row *row, char out[static ST_CONFIG_DESCRIPTION_SIZE])
{
    int n = snprintf(out, ST_CONFIG_DESCRIPTION_SIZE, "one of ");
    size_t len = n > 0 ? (size_t)n : 0;
    for (size_t i = 0; row->names[i] != NULL && len < ST_CONFIG_DESCRIPTION_SIZE; i++) {
        n = snprintf(out + len, ST_CONFIG_DESCRIPTION_SIZE - len, "%s%s", i > 0 ? ", " : "", row->names[i]);
        len += n > 0 ? (size_t)n : 0;
    }
}

void st_config_value_describe(const struct st_config_row *row, char out[static ST_CONFIG_DESCRIPTION_SIZE])
{
    char min[ST_NUM_TEXT_SIZE];
    char max[ST_NUM_TEXT_SIZE];
    switch (row->kind) {
    case ST_CONFIG_KIND_INT:
        snprintf(out, ST_CONFIG_DESCRIPTION_SIZE, "a whole number from %" PRId64 " to %" PRId64, row->min, row->max);
        return;
    case ST_CONFIG_KIND_SIZE:
        st_num_format_size(min, row->min);
        st_num_format_size(max, row->max);
        snprintf(out, ST_CONFIG_DESCRIPTION_SIZE, "a size from %s to %s, such as 64K or 8M", min, max);
        return;
    case ST_CONFIG_KIND_DURATION:
        st_num_format_duration_ms(min, row->min);
        st_num_format_duration_ms(max, row->max);
        snprintf(out, ST_CONFIG_DESCRIPTION_SIZE, "a time from %s to %s, such as 250ms, 30s, 5m, 8h, 7d or 2w", min,
                 max);
        return;
    case ST_CONFIG_KIND_BOOL:
        snprintf(out, ST_CONFIG_DESCRIPTION_SIZE, "yes or no");
        return;
    case ST_CONFIG_KIND_TEXT:
        snprintf(out, ST_CONFIG_DESCRIPTION_SIZE, "a text of at most %d bytes", ST_CONFIG_TEXT_SIZE - 1);
        return;
    case ST_CONFIG_KIND_PATH:
        snprintf(out, ST_CONFIG_DESCRIPTION_SIZE, "a path of at most %d bytes", ST_CONFIG_PATH_SIZE - 1);
        return;
    case ST_CONFIG_KIND_ENUM:
        describe_enum(row, out);
        return;
    case ST_CONFIG_KIND_CIDRS:
        snprintf(out, ST_CONFIG_DESCRIPTION_SIZE, "at most %d networks such as 10.0.0.0/8, 2001:db8::/32", ST_CIDR_MAX);
        return;
    }
}
