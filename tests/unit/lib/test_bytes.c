#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/st_bytes.h"

static void bytes__buf__never_above_its_limit(void **state)
{
    (void)state;
    static const uint8_t data[200] = { 1, 2, 3 };
    for (size_t limit = 0; limit < 200; limit++) {
        for (size_t step = 1; step <= 70; step += 23) {
            struct st_buf buf;
            st_buf_init(&buf, limit);
            size_t len = 0;
            while (len + step <= limit) {
                assert_int_equal(st_buf_append(&buf, data, step), ST_OK);
                len += step;
            }
            assert_int_equal(buf.len, len);
            assert_int_equal(st_buf_append(&buf, data, limit - len + 1), ST_ELIMIT);
            assert_int_equal(buf.len, len);
            st_buf_free(&buf);
        }
    }
}

static void bytes__buf__first_failure_stays(void **state)
{
    (void)state;
    struct st_buf buf;
    st_buf_init(&buf, 4);
    assert_int_equal(st_buf_append(&buf, "abc", 3), ST_OK);
    assert_int_equal(st_buf_append(&buf, "de", 2), ST_ELIMIT);
    assert_int_equal(st_buf_append(&buf, "d", 1), ST_ELIMIT);
    assert_null(st_buf_extend(&buf, 1));
    assert_null(st_buf_extend(&buf, SIZE_MAX));
    assert_int_equal(st_buf_error(&buf), ST_ELIMIT);
    assert_true(st_view_equal(st_buf_view(&buf), st_view_text("abc")));
    st_buf_clear(&buf);
    assert_int_equal(st_buf_append(&buf, "wxyz", 4), ST_OK);
    assert_true(st_view_equal(st_buf_view(&buf), st_view_text("wxyz")));
    st_buf_wipe_free(&buf);
    assert_int_equal(buf.len, 0);
    assert_int_equal(buf.limit, 4);
    st_buf_wipe_free(&buf);
}

static void bytes__extend__nothing_is_no_failure(void **state)
{
    (void)state;
    struct st_buf buf;
    st_buf_init(&buf, 0);
    assert_non_null(st_buf_extend(&buf, 0));
    assert_int_equal(st_buf_append(&buf, NULL, 0), ST_OK);
    assert_int_equal(st_buf_error(&buf), ST_OK);
    assert_int_equal(buf.len, 0);
    assert_null(st_buf_extend(&buf, 1));
    st_buf_free(&buf);
}

static void bytes__append__keeps_what_was_there(void **state)
{
    (void)state;
    struct st_buf buf;
    st_buf_init(&buf, 100000);
    for (unsigned i = 0; i < 25000; i++) {
        uint8_t number[4];
        st_put_u32(number, i * 2654435761u);
        assert_int_equal(st_buf_append(&buf, number, 4), ST_OK);
    }
    assert_int_equal(st_buf_append(&buf, "x", 1), ST_ELIMIT);
    for (unsigned i = 0; i < 25000; i++)
        assert_int_equal(st_get_u32(buf.p + (size_t)4 * i), i * 2654435761u);
    st_buf_free(&buf);
}

static void bytes__integers__big_endian(void **state)
{
    (void)state;
    uint8_t out[8];
    static const uint8_t expected[8] = { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef };
    st_put_u64(out, UINT64_C(0x0123456789abcdef));
    assert_memory_equal(out, expected, 8);
    assert_true(st_get_u64(out) == UINT64_C(0x0123456789abcdef));
    st_put_u32(out, 0x01234567);
    assert_memory_equal(out, expected, 4);
    assert_int_equal(st_get_u32(expected + 4), 0x89abcdef);
    st_put_u16(out, 0x0123);
    assert_memory_equal(out, expected, 2);
    assert_int_equal(st_get_u16(expected + 6), 0xcdef);
}

static void bytes__view__equality(void **state)
{
    (void)state;
    assert_true(st_view_equal(st_view(NULL, 0), st_view("", 0)));
    assert_true(st_view_equal(st_view_text("abc"), st_view("abcd", 3)));
    assert_false(st_view_equal(st_view_text("abc"), st_view_text("abd")));
    assert_false(st_view_equal(st_view_text("abc"), st_view_text("ab")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes__buf__never_above_its_limit),    cmocka_unit_test(bytes__buf__first_failure_stays),
        cmocka_unit_test(bytes__extend__nothing_is_no_failure), cmocka_unit_test(bytes__append__keeps_what_was_there),
        cmocka_unit_test(bytes__integers__big_endian),          cmocka_unit_test(bytes__view__equality),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
