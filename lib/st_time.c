#include "lib/st_time.h"

#include <stdbool.h>
#include <stddef.h>

enum { MS_PER_DAY = 86400000, DAYS_TO_1970 = 719528 /* from 0000-01-01 */, DAYS_PER_400_YEARS = 146097 };

static bool is_leap_year(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int month_length(int year, int month)
{
    static const int lengths[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    return month == 2 && is_leap_year(year) ? 29 : lengths[month - 1];
}

/* Days from 0000-01-01 to the first of January of `year`, in the Gregorian calendar carried backwards. */
static int days_before_year(int year)
{
    if (year == 0)
        return 0;
    int past = year - 1;
    return 365 * year + past / 4 - past / 100 + past / 400 + 1;
}

static char *put_digits(char *out, int value, int count)
{
    for (int i = count - 1; i >= 0; i--) {
        out[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return out + count;
}

static char *put_char(char *out, char c)
{
    *out = c;
    return out + 1;
}

void st_time_format(char out[static ST_TIME_SIZE], int64_t wall_ms)
{
    if (wall_ms < ST_TIME_MIN_MS)
        wall_ms = ST_TIME_MIN_MS;
    if (wall_ms > ST_TIME_MAX_MS)
        wall_ms = ST_TIME_MAX_MS;
    int64_t since_zero = wall_ms - ST_TIME_MIN_MS;
    int day = (int)(since_zero / MS_PER_DAY);
    int ms = (int)(since_zero % MS_PER_DAY);
    /* A year is never longer than 366 days: start at or below the right one and walk up. */
    int year = (int)((int64_t)day * 400 / DAYS_PER_400_YEARS);
    if (year > 0)
        year--;
    while (year < 9999 && days_before_year(year + 1) <= day)
        year++;
    day -= days_before_year(year);
    int month = 1;
    while (day >= month_length(year, month))
        day -= month_length(year, month++);
    char *at = put_char(put_digits(out, year, 4), '-');
    at = put_char(put_digits(at, month, 2), '-');
    at = put_char(put_digits(at, day + 1, 2), 'T');
    at = put_char(put_digits(at, ms / 3600000, 2), ':');
    at = put_char(put_digits(at, ms / 60000 % 60, 2), ':');
    at = put_char(put_digits(at, ms / 1000 % 60, 2), '.');
    at = put_char(put_digits(at, ms % 1000, 3), 'Z');
    *at = '\0';
}

/* Reads `count` digits into a number between min and max. */
static bool take_digits(const char **at, int count, int min, int max, int *value)
{
    *value = 0;
    for (int i = 0; i < count; i++, (*at)++) {
        if (**at < '0' || **at > '9')
            return false;
        *value = *value * 10 + (**at - '0');
    }
    return *value >= min && *value <= max;
}

static bool take_char(const char **at, char c)
{
    if (**at != c)
        return false;
    (*at)++;
    return true;
}

static bool take_date(const char **at, int64_t *day)
{
    int year, month, day_of_month;
    if (!take_digits(at, 4, 0, 9999, &year) || !take_char(at, '-') || !take_digits(at, 2, 1, 12, &month) ||
        !take_char(at, '-') || !take_digits(at, 2, 1, month_length(year, month), &day_of_month))
        return false;
    *day = days_before_year(year) + day_of_month - 1;
    for (int m = 1; m < month; m++)
        *day += month_length(year, m);
    return true;
}

/* ".5", ".250", ".123456789" or nothing; what is finer than a millisecond is cut. */
static bool take_fraction(const char **at, int *ms)
{
    *ms = 0;
    if (!take_char(at, '.'))
        return true;
    int count = 0;
    int worth = 100;
    for (; **at >= '0' && **at <= '9' && count < 9; count++, (*at)++) {
        *ms += worth * (**at - '0');
        worth /= 10;
    }
    return count > 0;
}

static bool take_time(const char **at, int *ms_of_day)
{
    int hour, minute, second, ms;
    if (!take_digits(at, 2, 0, 23, &hour) || !take_char(at, ':') || !take_digits(at, 2, 0, 59, &minute) ||
        !take_char(at, ':') || !take_digits(at, 2, 0, 59, &second) || !take_fraction(at, &ms))
        return false;
    *ms_of_day = ((hour * 60 + minute) * 60 + second) * 1000 + ms;
    return true;
}

static bool take_offset(const char **at, int *offset_ms)
{
    *offset_ms = 0;
    if (take_char(at, 'Z') || take_char(at, 'z'))
        return true;
    int sign = **at == '-' ? -1 : 1;
    int hours, minutes;
    if ((!take_char(at, '+') && !take_char(at, '-')) || !take_digits(at, 2, 0, 23, &hours) || !take_char(at, ':') ||
        !take_digits(at, 2, 0, 59, &minutes))
        return false;
    *offset_ms = sign * (hours * 60 + minutes) * 60000;
    return true;
}

enum st_err st_time_parse(const char *text, int64_t *wall_ms_r)
{
    *wall_ms_r = 0;
    const char *at = text;
    int64_t day;
    int ms_of_day, offset_ms;
    if (!take_date(&at, &day) || (!take_char(&at, 'T') && !take_char(&at, 't')) || !take_time(&at, &ms_of_day) ||
        !take_offset(&at, &offset_ms) || *at != '\0')
        return ST_EMALFORMED;
    int64_t wall_ms = (day - DAYS_TO_1970) * MS_PER_DAY + ms_of_day - offset_ms;
    if (wall_ms < ST_TIME_MIN_MS || wall_ms > ST_TIME_MAX_MS)
        return ST_EMALFORMED;
    *wall_ms_r = wall_ms;
    return ST_OK;
}
