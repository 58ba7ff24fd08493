/* A writer of JSON (RFC 8259) into a buffer: straight through, one object a line. What the sanitiser hides, and
 * bytes that are not UTF-8 (as U+FFFD), is written as `\u`, so that a JSON line is safe on a terminal too. */
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/st_bytes.h"

/* Writes into `out`, which is borrowed; errors stick there. */
struct json {
    struct st_buf *out;
    bool comma; /* a value stands before the next one */
};

void json_init(struct json *json, struct st_buf *out);

/* Containers. Their members come between begin and end; inside an object each value follows its json_key. */
void json_object_begin(struct json *json);
void json_object_end(struct json *json);
void json_array_begin(struct json *json);
void json_array_end(struct json *json);

/* The name of the next member; a plain ASCII word of ours. */
void json_key(struct json *json, const char *key);

/* Values. */
void json_text(struct json *json, struct st_view text);
void json_int(struct json *json, int64_t value);
void json_bool(struct json *json, bool value);

#endif
