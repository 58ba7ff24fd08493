#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/st_escape.h"

static void escape__any_byte__is_printable_ascii(void **state)
{
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        uint8_t in = (uint8_t)byte;
        char out[8];
        size_t len = st_escape(out, sizeof out, st_view(&in, 1));
        assert_int_equal(strlen(out), len);
        for (size_t i = 0; i < len; i++)
            assert_in_range(out[i], 0x20, 0x7e);
        assert_true(len == 1 ? (out[0] == byte && byte != '"' && byte != '\\') : out[0] == '\\');
    }
}

static void escape__known_text__reads_well(void **state)
{
    (void)state;
    char out[64];
    st_escape(out, sizeof out, st_view_text("a\nb\r\t\"\\\x1b[2J\x80"));
    assert_string_equal(out, "a\\nb\\r\\t\\\"\\\\\\x1b[2J\\x80");
    assert_int_equal(st_escape(out, sizeof out, st_view(NULL, 0)), 0);
    assert_string_equal(out, "");
}

static void escape__too_long__cut_between_characters(void **state)
{
    (void)state;
    char out[16];
    st_escape(out, sizeof out, st_view_text("123456789012345"));
    assert_string_equal(out, "123456789012345");
    st_escape(out, sizeof out, st_view_text("1234567890123456"));
    assert_string_equal(out, "123456789012...");
    st_escape(out, sizeof out, st_view_text("1234567890\x01\x01\x01"));
    assert_string_equal(out, "1234567890...");
    st_escape(out, sizeof out, st_view_text("\x01\x01\x01\x01"));
    assert_string_equal(out, "\\x01\\x01\\x01...");
}

static void escape__any_room__never_writes_past_it(void **state)
{
    (void)state;
    for (size_t cap = 1; cap < 40; cap++) {
        char out[64];
        memset(out, '#', sizeof out);
        size_t len = st_escape(out, cap, st_view_text("ab\x01\x02 cd\n\n\nefghijklmnopq\x7f"));
        assert_in_range(len, 0, cap - 1);
        assert_int_equal(out[len], '\0');
        for (size_t i = cap; i < sizeof out; i++)
            assert_int_equal(out[i], '#');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escape__any_byte__is_printable_ascii),
        cmocka_unit_test(escape__known_text__reads_well),
        cmocka_unit_test(escape__too_long__cut_between_characters),
        cmocka_unit_test(escape__any_room__never_writes_past_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
