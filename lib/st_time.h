/* Points in time as text: RFC 3339, in UTC, with milliseconds, as records and the log show them. Arithmetic only:
 * no clock, no time zone, no locale. Times are milliseconds since 1970-01-01T00:00:00Z. */
#ifndef ST_TIME_H
#define ST_TIME_H

#include <stdint.h>

#include "lib/st_err.h"

enum { ST_TIME_SIZE = 25 /* bytes of "2026-11-25T14:01:07.250Z" with the NUL */ };

/* The first and the last time that four digits of a year can show. */
#define ST_TIME_MIN_MS INT64_C(-62167219200000) /* 0000-01-01T00:00:00.000Z */
#define ST_TIME_MAX_MS INT64_C(253402300799999) /* 9999-12-31T23:59:59.999Z */

/* Always 24 characters. A time outside the range is shown as its nearer end. */
void st_time_format(char out[static ST_TIME_SIZE], int64_t wall_ms);

/* Any RFC 3339 date-time: fraction of 1 to 9 digits or none (beyond milliseconds it is cut), `Z` or an offset,
 * `t` and `z` in either case. No leap second, as UTC counted in milliseconds has no room for one.
 * ST_EMALFORMED otherwise, or if the offset leads out of the range; *wall_ms_r is then 0. */
enum st_err st_time_parse(const char *text, int64_t *wall_ms_r) ST_MUST_CHECK;

#endif
