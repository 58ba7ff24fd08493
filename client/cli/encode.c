#include "client/cli/encode.h"

#include <inttypes.h>
#include <stdio.h>

#include "client/cli/json.h"
#include "client/cli/sanitize.h"
#include "lib/st_time.h"

enum { PART_JSON_MAX = 256 * 1024 };

static const char *text_of(const void *holder, const struct record_field *field)
{
    const char *text;
    memcpy(&text, (const char *)holder + field->offset, sizeof text);
    return text;
}

static int64_t number_of(const void *holder, const struct record_field *field)
{
    int64_t number;
    memcpy(&number, (const char *)holder + field->offset, sizeof number);
    return number;
}

static bool bool_of(const void *holder, const struct record_field *field)
{
    bool value;
    memcpy(&value, (const char *)holder + field->offset, sizeof value);
    return value;
}

static bool is_absent(const void *holder, const struct record_field *field)
{
    switch (field->kind) {
    case RECORD_FIELD_TEXT:
        return text_of(holder, field) == NULL;
    case RECORD_FIELD_INT:
    case RECORD_FIELD_TIME:
    case RECORD_FIELD_MAYBE:
        return number_of(holder, field) == RECORD_NONE;
    default:
        return false;
    }
}

static void json_fields(struct json *json, const void *holder, const struct record_field *fields, size_t count);

static void json_parts(struct json *json, const struct record_parts *parts)
{
    size_t count;
    const struct record_field *fields = record_part_fields(&count);
    json_array_begin(json);
    for (size_t i = 0; i < parts->count; i++) {
        json_object_begin(json);
        json_fields(json, &parts->items[i], fields, count);
        json_object_end(json);
    }
    json_array_end(json);
}

static void json_policy(struct json *json, const struct record_policy *policy)
{
    size_t count;
    const struct record_field *fields = record_policy_fields(&count);
    json_object_begin(json);
    json_fields(json, policy, fields, count);
    json_object_end(json);
}

static void json_value(struct json *json, const void *holder, const struct record_field *field)
{
    char time[ST_TIME_SIZE];
    const char *at = (const char *)holder + field->offset;
    int64_t number = 0;
    switch (field->kind) {
    case RECORD_FIELD_TEXT:
        json_text(json, st_view_text(text_of(holder, field) != NULL ? text_of(holder, field) : ""));
        break;
    case RECORD_FIELD_INT:
        number = number_of(holder, field);
        json_int(json, number == RECORD_NONE ? 0 : number);
        break;
    case RECORD_FIELD_TIME:
        number = number_of(holder, field);
        st_time_format(time, number == RECORD_NONE ? 0 : number);
        json_text(json, st_view_text(time));
        break;
    case RECORD_FIELD_BOOL:
        json_bool(json, bool_of(holder, field));
        break;
    case RECORD_FIELD_MAYBE:
        json_bool(json, number_of(holder, field) == 1);
        break;
    case RECORD_FIELD_PARTS:
        json_parts(json, (const struct record_parts *)(const void *)at);
        break;
    case RECORD_FIELD_POLICY:
        json_policy(json, (const struct record_policy *)(const void *)at);
        break;
    }
}

static void json_fields(struct json *json, const void *holder, const struct record_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (fields[i].optional && is_absent(holder, &fields[i]))
            continue;
        json_key(json, fields[i].name);
        json_value(json, holder, &fields[i]);
    }
}

void encode_json(struct st_buf *out, const struct record *record)
{
    struct json json;
    const struct record_type *type = record_type(record->kind);
    json_init(&json, out);
    json_object_begin(&json);
    json_key(&json, "v");
    json_int(&json, 1);
    json_key(&json, "type");
    json_text(&json, st_view_text(type->name));
    json_fields(&json, record, type->fields, type->count);
    if (record->event != RECORD_NONE) {
        json_key(&json, "event");
        json_int(&json, record->event);
    }
    json_object_end(&json);
}

/* Clean text in which a tab, a newline and a backslash are two characters. */
static void put_plain_text(struct st_buf *out, struct st_view text)
{
    struct st_buf clean;
    st_buf_init(&clean, (text.len + 1) * SANITIZE_GROWTH_MAX);
    sanitize_append(&clean, text, SANITIZE_MESSAGE, false);
    for (size_t i = 0; i < clean.len; i++) {
        uint8_t c = clean.p[i];
        if (c == '\t')
            (void)st_buf_append(out, "\\t", 2);
        else if (c == '\n')
            (void)st_buf_append(out, "\\n", 2);
        else if (c == '\\')
            (void)st_buf_append(out, "\\\\", 2);
        else
            (void)st_buf_append(out, &c, 1);
    }
    if (st_buf_error(&clean) != ST_OK && st_buf_error(out) == ST_OK)
        out->err = st_buf_error(&clean);
    st_buf_wipe_free(&clean);
}

static void put_plain_json(struct st_buf *out, const struct record *record, const struct record_field *field)
{
    struct st_buf text;
    struct json json;
    st_buf_init(&text, PART_JSON_MAX);
    json_init(&json, &text);
    json_value(&json, record, field);
    put_plain_text(out, st_buf_view(&text));
    if (st_buf_error(&text) != ST_OK && st_buf_error(out) == ST_OK)
        out->err = st_buf_error(&text);
    st_buf_wipe_free(&text);
}

static void put_plain_value(struct st_buf *out, const struct record *record, const struct record_field *field)
{
    char text[32];
    if (is_absent(record, field))
        return;
    switch (field->kind) {
    case RECORD_FIELD_TEXT:
        put_plain_text(out, st_view_text(text_of(record, field)));
        return;
    case RECORD_FIELD_INT:
        (void)snprintf(text, sizeof text, "%" PRId64, number_of(record, field));
        break;
    case RECORD_FIELD_TIME:
        st_time_format(text, number_of(record, field));
        break;
    case RECORD_FIELD_BOOL:
        (void)snprintf(text, sizeof text, "%s", bool_of(record, field) ? "true" : "false");
        break;
    case RECORD_FIELD_MAYBE:
        (void)snprintf(text, sizeof text, "%s", number_of(record, field) == 1 ? "true" : "false");
        break;
    case RECORD_FIELD_PARTS:
    case RECORD_FIELD_POLICY:
        put_plain_json(out, record, field);
        return;
    }
    (void)st_buf_append(out, text, strlen(text));
}

void encode_plain(struct st_buf *out, const struct record *record)
{
    const struct record_type *type = record_type(record->kind);
    (void)st_buf_append(out, type->name, strlen(type->name));
    for (size_t i = 0; i < type->count; i++) {
        (void)st_buf_append(out, "\t", 1);
        put_plain_value(out, record, &type->fields[i]);
    }
    char event[32] = "\t";
    if (record->event != RECORD_NONE)
        (void)snprintf(event, sizeof event, "\t%" PRId64, record->event);
    (void)st_buf_append(out, event, strlen(event));
}
