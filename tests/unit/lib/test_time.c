#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "lib/st_time.h"

static void time__format__known_moments(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } known[] = {
        { 0, "1970-01-01T00:00:00.000Z" },
        { -1, "1969-12-31T23:59:59.999Z" },
        { INT64_C(1795615267250), "2026-11-25T14:01:07.250Z" },
        { INT64_C(951782400000), "2000-02-29T00:00:00.000Z" },
        { INT64_C(4107542400000), "2100-03-01T00:00:00.000Z" },
        { ST_TIME_MIN_MS, "0000-01-01T00:00:00.000Z" },
        { ST_TIME_MAX_MS, "9999-12-31T23:59:59.999Z" },
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        char text[ST_TIME_SIZE];
        int64_t back;
        st_time_format(text, known[i].ms);
        assert_string_equal(text, known[i].text);
        assert_int_equal(st_time_parse(text, &back), ST_OK);
        assert_true(back == known[i].ms);
    }
}

static void time__format__stays_in_its_range(void **state)
{
    (void)state;
    char text[ST_TIME_SIZE];
    st_time_format(text, INT64_MIN);
    assert_string_equal(text, "0000-01-01T00:00:00.000Z");
    st_time_format(text, INT64_MAX);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
}

/* Every day from 0000 to 9999 against the C library, and back. */
static void time__format__agrees_with_the_system(void **state)
{
    (void)state;
    for (int64_t ms = ST_TIME_MIN_MS + 43200123; ms <= ST_TIME_MAX_MS; ms += 86400000) {
        int64_t seconds = ms >= 0 ? ms / 1000 : -((-ms + 999) / 1000);
        time_t when = (time_t)seconds;
        struct tm tm;
        assert_non_null(gmtime_r(&when, &tm));
        char expected[64], text[ST_TIME_SIZE];
        snprintf(expected, sizeof expected, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1,
                 tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(ms - seconds * 1000));
        st_time_format(text, ms);
        if (strcmp(text, expected) != 0)
            fail_msg("%s is not %s", text, expected);
        int64_t back;
        assert_int_equal(st_time_parse(text, &back), ST_OK);
        assert_true(back == ms);
    }
}

static void time__parse__what_rfc_3339_allows(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {
        { "1985-04-12T23:20:50.52Z", INT64_C(482196050520) }, /* the RFC's examples */
        { "1996-12-19T16:39:57-08:00", INT64_C(851042397000) },
        { "1937-01-01T12:00:27.87+00:20", INT64_C(-1041337172130) },
        { "1970-01-01t00:00:00z", 0 },
        { "1970-01-01T00:00:00.000000001Z", 0 },
        { "1970-01-01T00:00:00.0019Z", 1 },
        { "1970-01-01T23:59:00+23:59", 0 },
        { "1969-12-31T16:00:00-08:00", 0 },
        { "1970-01-01T00:00:00-00:00", 0 },
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        int64_t ms = -5;
        if (st_time_parse(good[i].text, &ms) != ST_OK || ms != good[i].ms)
            fail_msg("%s: %lld", good[i].text, (long long)ms);
    }
}

static void time__parse__refuses_all_else(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "2026-11-25",
        "2026-11-25T14:01:07",
        "2026-11-25T14:01Z",
        "2026-11-25 14:01:07Z",
        "2026-11-25T14:01:07.Z",
        "2026-11-25T14:01:07.1234567890Z",
        "2026-11-25T14:01:07Zx",
        " 2026-11-25T14:01:07Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-04-00T00:00:00Z",
        "2026-04-01T24:00:00Z",
        "2026-04-01T00:60:00Z",
        "2016-12-31T23:59:60Z",
        "2026-04-01T00:00:00+24:00",
        "2026-04-01T00:00:00+00:60",
        "2026-04-01T00:00:00+0000",
        "2026-04-01T00:00:00*00:00",
        "+026-04-01T00:00:00Z",
        "-026-04-01T00:00:00Z",
        "0000-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t ms = 7;
        if (st_time_parse(bad[i], &ms) != ST_EMALFORMED || ms != 0)
            fail_msg("%s was taken", bad[i]);
    }
}

static void time__parse__truncated_at_every_length(void **state)
{
    (void)state;
    static const char whole[] = "2026-11-25T14:01:07.250+01:30";
    for (size_t len = 0; len < sizeof whole - 1; len++) {
        char text[sizeof whole];
        int64_t ms;
        memcpy(text, whole, len);
        text[len] = '\0';
        assert_int_equal(st_time_parse(text, &ms), ST_EMALFORMED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time__format__known_moments),
        cmocka_unit_test(time__format__stays_in_its_range),
        cmocka_unit_test(time__format__agrees_with_the_system),
        cmocka_unit_test(time__parse__what_rfc_3339_allows),
        cmocka_unit_test(time__parse__refuses_all_else),
        cmocka_unit_test(time__parse__truncated_at_every_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
