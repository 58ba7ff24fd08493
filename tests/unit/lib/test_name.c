#include "lib/st_name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void name__is_login__lengths(void **state)
{
    (void)state;
    const char *text = "abcdefghijklmnopqrstuvwxyz0123456789";
    for (size_t len = 0; len <= 36; len++)
        assert_int_equal(st_name_is_login(st_view(text, len)), len >= 3 && len <= 32);
}

static void name__is_login__every_byte(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        uint8_t name[3] = { 'a', (uint8_t)c, 'b' };
        bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
        assert_int_equal(st_name_is_login(st_view(name, 3)), plain || c == '.');
        assert_int_equal(st_name_is_group(st_view(name, 3)), plain || c == '.');
        assert_int_equal(st_name_is_consumer(st_view(name, 3)), plain);
    }
}

static void name__is_group__lengths(void **state)
{
    (void)state;
    const char *text = "abcdefghijklmnopqrstuvwxyz0123456789";
    for (size_t len = 0; len <= 36; len++) {
        assert_int_equal(st_name_is_group(st_view(text, len)), len >= 1 && len <= 32);
        assert_int_equal(st_name_is_consumer(st_view(text, len)), len >= 1 && len <= 32);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(name__is_login__lengths),
        cmocka_unit_test(name__is_login__every_byte),
        cmocka_unit_test(name__is_group__lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
