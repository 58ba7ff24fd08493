#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/st_num.h"

static void num__parse__whole_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t value;
    } good[] = { { "0", 0 },
                 { "7", 7 },
                 { "-1", -1 },
                 { "65535", 65535 },
                 { "9223372036854775807", INT64_MAX },
                 { "-9223372036854775808", INT64_MIN } };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        int64_t value;
        assert_int_equal(st_num_parse(good[i].text, INT64_MIN, INT64_MAX, &value), ST_OK);
        assert_true(value == good[i].value);
    }
}

static void num__parse__refuses_all_else(void **state)
{
    (void)state;
    static const char *const bad[] = { "",    " 1",  "1 ", "+1", "-",  "--1", "01",  "-0",  "00",      "1.0",
                                       "1e3", "0x1", "1,", "a",  "1a", "\n",  "1\n", "1_0", "\xd9\xa1" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t value = 9;
        assert_int_equal(st_num_parse(bad[i], 3, 100, &value), ST_EMALFORMED);
        assert_int_equal(value, 3);
    }
}

static void num__parse__range_at_both_ends(void **state)
{
    (void)state;
    int64_t value;
    assert_int_equal(st_num_parse("1", 1, 65535, &value), ST_OK);
    assert_int_equal(st_num_parse("65535", 1, 65535, &value), ST_OK);
    assert_int_equal(st_num_parse("0", 1, 65535, &value), ST_ELIMIT);
    assert_int_equal(value, 1);
    assert_int_equal(st_num_parse("65536", 1, 65535, &value), ST_ELIMIT);
    static const char *const huge[] = { "9223372036854775808", "-9223372036854775809", "18446744073709551617",
                                        "99999999999999999999999999999999", "-99999999999999999999999999" };
    for (size_t i = 0; i < sizeof huge / sizeof huge[0]; i++)
        assert_int_equal(st_num_parse(huge[i], INT64_MIN, INT64_MAX, &value), ST_ELIMIT);
    assert_int_equal(st_num_parse("99999999999999999999x", INT64_MIN, INT64_MAX, &value), ST_EMALFORMED);
}

static void num__duration__units(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = { { "0", 0 },       { "250ms", 250 },   { "30s", 30000 },    { "30", 30000 },
                 { "5m", 300000 }, { "8h", 28800000 }, { "7d", 604800000 }, { "2w", 1209600000 } };
    int64_t ms;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(st_num_parse_duration_ms(good[i].text, 0, INT64_MAX, &ms), ST_OK);
        assert_true(ms == good[i].ms);
    }
    static const char *const bad[] = { "", "s", "5 m", "5M", "5min", "1h30m", "1.5h", "-", "5mss", "m5" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(st_num_parse_duration_ms(bad[i], 0, INT64_MAX, &ms), ST_EMALFORMED);
    assert_int_equal(st_num_parse_duration_ms("-1s", 0, INT64_MAX, &ms), ST_ELIMIT);
    assert_int_equal(st_num_parse_duration_ms("9223372036854775807w", 0, INT64_MAX, &ms), ST_ELIMIT);
    assert_int_equal(st_num_parse_duration_ms("15250284453w", 0, INT64_MAX, &ms), ST_ELIMIT);
    assert_int_equal(st_num_parse_duration_ms("15250284452w", 0, INT64_MAX, &ms), ST_OK);
}

static void num__size__units(void **state)
{
    (void)state;
    int64_t bytes;
    assert_int_equal(st_num_parse_size("64K", 0, INT64_MAX, &bytes), ST_OK);
    assert_int_equal(bytes, 65536);
    assert_int_equal(st_num_parse_size("8M", 0, INT64_MAX, &bytes), ST_OK);
    assert_int_equal(bytes, 8388608);
    assert_int_equal(st_num_parse_size("1000", 0, INT64_MAX, &bytes), ST_OK);
    assert_int_equal(bytes, 1000);
    assert_int_equal(st_num_parse_size("8388607T", 0, INT64_MAX, &bytes), ST_OK);
    assert_int_equal(st_num_parse_size("8388608T", 0, INT64_MAX, &bytes), ST_ELIMIT);
    assert_int_equal(st_num_parse_size("64k", 0, INT64_MAX, &bytes), ST_EMALFORMED);
    assert_int_equal(st_num_parse_size("64KB", 0, INT64_MAX, &bytes), ST_EMALFORMED);
    assert_int_equal(st_num_parse_size("K", 0, INT64_MAX, &bytes), ST_EMALFORMED);
}

static void num__bool__words(void **state)
{
    (void)state;
    static const char *const yes[] = { "yes", "on", "true", "1" };
    static const char *const no[] = { "no", "off", "false", "0" };
    static const char *const bad[] = { "", "Yes", "y", "2", "yes ", "truee" };
    bool value;
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(st_num_parse_bool(yes[i], &value), ST_OK);
        assert_true(value);
        assert_int_equal(st_num_parse_bool(no[i], &value), ST_OK);
        assert_false(value);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        value = true;
        assert_int_equal(st_num_parse_bool(bad[i], &value), ST_EMALFORMED);
        assert_false(value);
    }
}

static void num__format__shortest_and_back(void **state)
{
    (void)state;
    char text[ST_NUM_TEXT_SIZE];
    st_num_format_duration_ms(text, 90000);
    assert_string_equal(text, "90s");
    st_num_format_duration_ms(text, 3600000);
    assert_string_equal(text, "1h");
    st_num_format_duration_ms(text, 1500);
    assert_string_equal(text, "1500ms");
    st_num_format_duration_ms(text, 0);
    assert_string_equal(text, "0s");
    st_num_format_size(text, 65536);
    assert_string_equal(text, "64K");
    st_num_format_size(text, 1000);
    assert_string_equal(text, "1000");
    st_num_format_size(text, 0);
    assert_string_equal(text, "0");
    uint64_t lcg = 1;
    for (int i = 0; i < 100000; i++) {
        lcg = lcg * UINT64_C(6364136223846793005) + 1442695040888963407;
        int64_t value = (int64_t)(lcg >> (lcg % 50));
        int64_t back;
        st_num_format_duration_ms(text, value);
        assert_int_equal(st_num_parse_duration_ms(text, INT64_MIN, INT64_MAX, &back), ST_OK);
        assert_true(back == value);
        st_num_format_size(text, value);
        assert_int_equal(st_num_parse_size(text, INT64_MIN, INT64_MAX, &back), ST_OK);
        assert_true(back == value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(num__parse__whole_numbers),
        cmocka_unit_test(num__parse__refuses_all_else),
        cmocka_unit_test(num__parse__range_at_both_ends),
        cmocka_unit_test(num__duration__units),
        cmocka_unit_test(num__size__units),
        cmocka_unit_test(num__bool__words),
        cmocka_unit_test(num__format__shortest_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
