/* Times as people type and read them: local time for people, UTC in JSON. */
#ifndef WHEN_H
#define WHEN_H

#include <stdint.h>

#include "lib/st_err.h"

enum { WHEN_TEXT_BYTES = 32 };

/* Reads WHEN: `2026-11-25`, RFC 3339, `14:05`, `today`, `yesterday`, or a duration with its unit (that long ago).
 * Dates and clock times are local; a date means its first moment. `now_ms` is the present (ms since 1970).
 * ST_EMALFORMED for anything else; `*out_ms` is then 0. */
enum st_err when_parse(int64_t *out_ms, const char *text, int64_t now_ms) ST_MUST_CHECK;

/* `14:01`, local. */
void when_clock(char out[static WHEN_TEXT_BYTES], int64_t ms);

/* `Wed 25 Nov 2026`, local. */
void when_day(char out[static WHEN_TEXT_BYTES], int64_t ms);

/* The shortest that is clear: `14:01` on the day of `now_ms`, `25 Nov` in its year, else `25 Nov 2026`. */
void when_short(char out[static WHEN_TEXT_BYTES], int64_t ms, int64_t now_ms);

/* How long something lasts, in its largest unit: `3 min`, `2 h`, `45 s`. */
void when_span(char out[static WHEN_TEXT_BYTES], int64_t span_ms);

#endif
