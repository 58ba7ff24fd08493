#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "lib/st_hex.h"

static void hex__encode__and_back(void **state)
{
    (void)state;
    uint8_t bytes[256], back[256];
    char text[513];
    for (int i = 0; i < 256; i++)
        bytes[i] = (uint8_t)i;
    st_hex_encode(text, bytes, sizeof bytes);
    assert_int_equal(strlen(text), 512);
    assert_int_equal(strncmp(text, "000102030405060708090a0b", 24), 0);
    assert_int_equal(st_hex_decode(back, sizeof back, text), ST_OK);
    assert_memory_equal(back, bytes, sizeof bytes);
    st_hex_encode(text, bytes, 0);
    assert_string_equal(text, "");
    assert_int_equal(st_hex_decode(back, 0, ""), ST_OK);
}

static void hex__decode__either_case(void **state)
{
    (void)state;
    uint8_t out[2];
    assert_int_equal(st_hex_decode(out, 2, "aBFf"), ST_OK);
    assert_int_equal(out[0], 0xab);
    assert_int_equal(out[1], 0xff);
}

static void hex__decode__refuses_all_else(void **state)
{
    (void)state;
    static const char *const bad[] = { "",      "a",     "abc",    "abcde",  "abcdef", "abcg", "ab:cd", "ab cd",
                                       " abcd", "abcd ", "abcd\n", "0xabcd", "ab,d",   "abG0", "-bcd",  "ab\xc3\xa9" };
    static const uint8_t zero[2];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint8_t out[2] = { 1, 1 };
        assert_int_equal(st_hex_decode(out, 2, bad[i]), ST_EMALFORMED);
        assert_memory_equal(out, zero, 2);
    }
    assert_int_equal(st_hex_decode((uint8_t[1]) { 0 }, 0, "00"), ST_EMALFORMED);
}

int main(void)
{
    if (sodium_init() < 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hex__encode__and_back),
        cmocka_unit_test(hex__decode__either_case),
        cmocka_unit_test(hex__decode__refuses_all_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
