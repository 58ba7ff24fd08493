#include "client/cli/when.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/st_num.h"
#include "lib/st_time.h"

enum { MS_PER_SECOND = 1000 };

static bool local_parts(struct tm *out, int64_t ms)
{
    memset(out, 0, sizeof *out);
    int64_t seconds = ms >= 0 ? ms / MS_PER_SECOND : (ms - (MS_PER_SECOND - 1)) / MS_PER_SECOND;
    time_t at = (time_t)seconds;
    return localtime_r(&at, out) != NULL;
}

/* Local parts to ms; false if the date does not exist (30 February). */
static bool from_local(int64_t *out_ms, const struct tm *parts)
{
    struct tm normal = *parts;
    normal.tm_isdst = -1;
    time_t at = mktime(&normal);
    if (at == (time_t)-1 || normal.tm_mday != parts->tm_mday || normal.tm_mon != parts->tm_mon)
        return false;
    *out_ms = (int64_t)at * MS_PER_SECOND;
    return true;
}

/* Exactly `count` digits. */
static bool digits(int *out, const char *text, size_t count)
{
    *out = 0;
    for (size_t i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        *out = *out * 10 + (text[i] - '0');
    }
    return true;
}

static bool parse_date(int64_t *out_ms, const char *text)
{
    struct tm parts;
    int year;
    memset(&parts, 0, sizeof parts);
    if (strlen(text) != 10 || text[4] != '-' || text[7] != '-')
        return false;
    if (!digits(&year, text, 4) || !digits(&parts.tm_mon, text + 5, 2) || !digits(&parts.tm_mday, text + 8, 2))
        return false;
    parts.tm_year = year - 1900;
    parts.tm_mon -= 1;
    return parts.tm_mon >= 0 && parts.tm_mon < 12 && parts.tm_mday >= 1 && from_local(out_ms, &parts);
}

static bool parse_clock(int64_t *out_ms, const char *text, int64_t now_ms)
{
    struct tm parts;
    int hour;
    int minute;
    if (strlen(text) != 5 || text[2] != ':' || !digits(&hour, text, 2) || !digits(&minute, text + 3, 2))
        return false;
    if (hour > 23 || minute > 59 || !local_parts(&parts, now_ms))
        return false;
    parts.tm_hour = hour;
    parts.tm_min = minute;
    parts.tm_sec = 0;
    return from_local(out_ms, &parts);
}

/* The first moment of the day `back` days before today. */
static bool day_before(int64_t *out_ms, int64_t now_ms, int back)
{
    struct tm parts;
    if (!local_parts(&parts, now_ms))
        return false;
    parts.tm_hour = parts.tm_min = parts.tm_sec = 0;
    parts.tm_mday -= back;
    parts.tm_isdst = -1;
    time_t at = mktime(&parts);
    *out_ms = (int64_t)at * MS_PER_SECOND;
    return at != (time_t)-1;
}

static bool parse_ago(int64_t *out_ms, const char *text, int64_t now_ms)
{
    int64_t ago;
    if (strspn(text, "0123456789") == strlen(text))
        return false; /* a bare number could be anything */
    if (st_num_parse_duration_ms(text, 0, ST_TIME_MAX_MS, &ago) != ST_OK || ago > now_ms)
        return false;
    *out_ms = now_ms - ago;
    return true;
}

static bool parse_rfc3339(int64_t *out_ms, const char *text)
{
    return st_time_parse(text, out_ms) == ST_OK;
}

enum st_err when_parse(int64_t *out_ms, const char *text, int64_t now_ms)
{
    *out_ms = 0;
    bool ok;
    if (strcmp(text, "today") == 0)
        ok = day_before(out_ms, now_ms, 0);
    else if (strcmp(text, "yesterday") == 0)
        ok = day_before(out_ms, now_ms, 1);
    else
        ok = parse_date(out_ms, text) || parse_clock(out_ms, text, now_ms) || parse_ago(out_ms, text, now_ms) ||
             parse_rfc3339(out_ms, text);
    if (ok)
        return ST_OK;
    *out_ms = 0;
    return ST_EMALFORMED;
}

enum form { FORM_CLOCK, FORM_DAY, FORM_MONTH, FORM_YEAR };

static void format(char out[static WHEN_TEXT_BYTES], int64_t ms, enum form form)
{
    struct tm parts;
    (void)snprintf(out, WHEN_TEXT_BYTES, "?");
    if (!local_parts(&parts, ms))
        return;
    static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
    static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    const char *day = days[parts.tm_wday % 7];
    const char *month = months[parts.tm_mon % 12];
    switch (form) {
    case FORM_CLOCK:
        (void)snprintf(out, WHEN_TEXT_BYTES, "%02d:%02d", parts.tm_hour, parts.tm_min);
        break;
    case FORM_DAY:
        (void)snprintf(out, WHEN_TEXT_BYTES, "%s %d %s %d", day, parts.tm_mday, month, parts.tm_year + 1900);
        break;
    case FORM_MONTH:
        (void)snprintf(out, WHEN_TEXT_BYTES, "%d %s", parts.tm_mday, month);
        break;
    case FORM_YEAR:
        (void)snprintf(out, WHEN_TEXT_BYTES, "%d %s %d", parts.tm_mday, month, parts.tm_year + 1900);
        break;
    }
}

void when_clock(char out[static WHEN_TEXT_BYTES], int64_t ms)
{
    format(out, ms, FORM_CLOCK);
}

void when_day(char out[static WHEN_TEXT_BYTES], int64_t ms)
{
    format(out, ms, FORM_DAY);
}

void when_short(char out[static WHEN_TEXT_BYTES], int64_t ms, int64_t now_ms)
{
    struct tm then;
    struct tm now;
    if (!local_parts(&then, ms) || !local_parts(&now, now_ms) || then.tm_year != now.tm_year)
        format(out, ms, FORM_YEAR);
    else
        format(out, ms, then.tm_yday == now.tm_yday ? FORM_CLOCK : FORM_MONTH);
}

void when_span(char out[static WHEN_TEXT_BYTES], int64_t span_ms)
{
    static const struct {
        int64_t seconds;
        const char *unit;
    } units[] = { { 86400, "d" }, { 3600, "h" }, { 60, "min" }, { 1, "s" } };
    int64_t seconds = span_ms > 0 ? span_ms / MS_PER_SECOND : 0;
    size_t i = 0;
    while (i < 3 && seconds < units[i].seconds)
        i++;
    (void)snprintf(out, WHEN_TEXT_BYTES, "%" PRId64 " %s", seconds / units[i].seconds, units[i].unit);
}
