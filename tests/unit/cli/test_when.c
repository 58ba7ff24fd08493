#include "tests/unit/cli/cli_test.h"

#include <time.h>

#include "client/cli/when.h"

static const int64_t NOW = INT64_C(1764079267250); /* 2025-11-25T14:01:07.250Z */

static int64_t parse(const char *text)
{
    int64_t at = -1;
    if (when_parse(&at, text, NOW) != ST_OK)
        fail_msg("%s", text);
    return at;
}

static void zone(const char *name)
{
    (void)setenv("TZ", name, 1);
    tzset();
}

static void when__parse__every_form(void **state)
{
    (void)state;
    zone("UTC");
    assert_int_equal(parse("2025-11-25"), INT64_C(1764028800000));
    assert_int_equal(parse("today"), INT64_C(1764028800000));
    assert_int_equal(parse("yesterday"), INT64_C(1763942400000));
    assert_int_equal(parse("14:05"), INT64_C(1764079500000));
    assert_int_equal(parse("00:00"), INT64_C(1764028800000));
    assert_int_equal(parse("2h"), NOW - 7200000);
    assert_int_equal(parse("30s"), NOW - 30000);
    assert_int_equal(parse("2w"), NOW - INT64_C(1209600000));
    assert_int_equal(parse("2025-11-25T14:01:07.250Z"), NOW);
    assert_int_equal(parse("2025-11-25T15:01:07.25+01:00"), NOW);
    assert_int_equal(parse("2024-02-29"), INT64_C(1709164800000));
}

static void when__parse__dates_are_local(void **state)
{
    (void)state;
    zone("CET-1");
    assert_int_equal(parse("2025-11-25"), INT64_C(1764025200000));
    assert_int_equal(parse("14:05"), INT64_C(1764075900000));
    zone("EST5");
    assert_int_equal(parse("today"), INT64_C(1764046800000));
    zone("UTC");
}

static void when__parse__refuses(void **state)
{
    (void)state;
    static const char *const bad[] = { "",
                                       "5",
                                       "now",
                                       "2025-11-31",
                                       "2025-02-29",
                                       "2025-13-01",
                                       "2025-00-10",
                                       "2025-11-00",
                                       "2025-1-1",
                                       "25-11-2025",
                                       "2025/11/25",
                                       "24:00",
                                       "12:60",
                                       "1:00",
                                       "12:0",
                                       "12:00:00",
                                       " today",
                                       "Today",
                                       "today ",
                                       "-2h",
                                       "2 h",
                                       "2y",
                                       "1h30m",
                                       "9999999999w",
                                       "2025-11-25T14:01:07",
                                       "2025-11-25 14:01",
                                       "2025-11-25T25:00:00Z" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t at = -1;
        if (when_parse(&at, bad[i], NOW) != ST_EMALFORMED)
            fail_msg("%s", bad[i]);
        assert_int_equal(at, 0);
    }
}

static void when__texts__for_people(void **state)
{
    (void)state;
    char text[WHEN_TEXT_BYTES];
    zone("UTC");
    when_clock(text, NOW);
    assert_string_equal(text, "14:01");
    when_day(text, NOW);
    assert_string_equal(text, "Tue 25 Nov 2025");
    when_short(text, NOW - 3600000, NOW);
    assert_string_equal(text, "13:01");
    when_short(text, NOW - INT64_C(86400000) * 30, NOW);
    assert_string_equal(text, "26 Oct");
    when_short(text, NOW - INT64_C(86400000) * 400, NOW);
    assert_string_equal(text, "21 Oct 2024");
    when_clock(text, -1);
    assert_string_equal(text, "23:59");
}

static void when__span__largest_unit(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = { { -5, "0 s" },
                  { 999, "0 s" },
                  { 45000, "45 s" },
                  { 180000, "3 min" },
                  { 7200000, "2 h" },
                  { 90000000, "1 d" },
                  { INT64_C(2592000000), "30 d" } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[WHEN_TEXT_BYTES];
        when_span(text, cases[i].ms);
        assert_string_equal(text, cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(when__parse__every_form),  cmocka_unit_test(when__parse__dates_are_local),
        cmocka_unit_test(when__parse__refuses),     cmocka_unit_test(when__texts__for_people),
        cmocka_unit_test(when__span__largest_unit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
