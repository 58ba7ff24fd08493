#include "client/cli/json.h"

#include <inttypes.h>
#include <stdio.h>

#include "client/cli/sanitize.h"

void json_init(struct json *json, struct st_buf *out)
{
    json->out = out;
    json->comma = false;
}

static void put(struct json *json, const char *text)
{
    (void)st_buf_append(json->out, text, strlen(text));
}

static void before_value(struct json *json)
{
    if (json->comma)
        put(json, ",");
    json->comma = true;
}

void json_object_begin(struct json *json)
{
    before_value(json);
    put(json, "{");
    json->comma = false;
}

void json_object_end(struct json *json)
{
    put(json, "}");
    json->comma = true;
}

void json_array_begin(struct json *json)
{
    before_value(json);
    put(json, "[");
    json->comma = false;
}

void json_array_end(struct json *json)
{
    put(json, "]");
    json->comma = true;
}

void json_key(struct json *json, const char *key)
{
    before_value(json);
    put(json, "\"");
    put(json, key);
    put(json, "\":");
    json->comma = false;
}

/* One or two `\uXXXX`; two for what lies above U+FFFF. */
static void put_escape(struct json *json, uint32_t code)
{
    char text[16];
    if (code > 0xFFFF) {
        uint32_t rest = code - 0x10000;
        (void)snprintf(text, sizeof text, "\\u%04x\\u%04x", (unsigned)(0xD800 + (rest >> 10)),
                       (unsigned)(0xDC00 + (rest & 0x3FF)));
    } else {
        (void)snprintf(text, sizeof text, "\\u%04x", (unsigned)code);
    }
    put(json, text);
}

static const char *short_escape(int32_t code)
{
    switch (code) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '\n':
        return "\\n";
    case '\t':
        return "\\t";
    default:
        return NULL;
    }
}

void json_text(struct json *json, struct st_view text)
{
    struct sanitize_scan scan;
    struct sanitize_point point;
    before_value(json);
    put(json, "\"");
    sanitize_scan_init(&scan, text);
    while (sanitize_next(&scan, &point)) {
        const char *escape = short_escape(point.code);
        if (escape != NULL)
            put(json, escape);
        else if (point.code < 0)
            put_escape(json, 0xFFFD);
        else if (point.hidden)
            put_escape(json, (uint32_t)point.code);
        else
            (void)st_buf_append(json->out, point.at, point.len);
    }
    put(json, "\"");
}

void json_int(struct json *json, int64_t value)
{
    char text[24];
    before_value(json);
    (void)snprintf(text, sizeof text, "%" PRId64, value);
    put(json, text);
}

void json_bool(struct json *json, bool value)
{
    before_value(json);
    put(json, value ? "true" : "false");
}
