/* A record as one JSON object and as one plain line, both from its table of fields. */
#ifndef ENCODE_H
#define ENCODE_H

#include "client/cli/record.h"
#include "lib/st_bytes.h"

/* Appends `{"v":1,"type":…}` without a newline: the fields in the order of their table, what is absent left out (an
 * absent field that is not optional shows as "" or 0), then `event` if there is one. Errors stick in `out`. */
void encode_json(struct st_buf *out, const struct record *record);

/* Appends the type, every field and the event, separated by tabs, without a newline. Absent is empty; true and false
 * are words; attachments and policy are their JSON. In texts `\t`, `\n` and `\\` are escaped, and what could steer a
 * terminal is shown as `<U+202E>`. Errors stick in `out`. */
void encode_plain(struct st_buf *out, const struct record *record);

#endif
