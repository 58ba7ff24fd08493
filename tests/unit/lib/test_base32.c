#include "lib/st_base32.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* RFC 4648, section 10, in lower case and without padding. */
static const struct {
    const char *plain;
    const char *text;
} VECTORS[] = { { "", "" },
                { "f", "my" },
                { "fo", "mzxq" },
                { "foo", "mzxw6" },
                { "foob", "mzxw6yq" },
                { "fooba", "mzxw6ytb" },
                { "foobar", "mzxw6ytboi" } };

static void base32__encode__rfc_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof VECTORS / sizeof VECTORS[0]; i++) {
        char text[32];
        assert_int_equal(st_base32_encode(text, sizeof text, st_view_text(VECTORS[i].plain)), ST_OK);
        assert_string_equal(text, VECTORS[i].text);
    }
}

static void base32__decode__rfc_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof VECTORS / sizeof VECTORS[0]; i++) {
        uint8_t out[8] = { 0 };
        size_t len = strlen(VECTORS[i].plain);
        assert_int_equal(st_base32_decode(out, len, st_view_text(VECTORS[i].text)), ST_OK);
        assert_memory_equal(out, VECTORS[i].plain, len);
    }
}

static void base32__encode__refuses_what_does_not_fit(void **state)
{
    (void)state;
    char text[8];
    assert_int_equal(st_base32_encode(text, 8, st_view_text("foob")), ST_OK);
    assert_int_equal(st_base32_encode(text, 7, st_view_text("foob")), ST_ELIMIT);
    assert_string_equal(text, "");
}

static void base32__decode__refuses_other_characters_and_lengths(void **state)
{
    (void)state;
    static const char *const bad[] = { "mzxw6ytbo",  "mzxw6ytboii", "MZXW6YTBOI", "mzxw6ytb0i",
                                       "mzxw6ytb1i", "mzxw6ytb8i",  "mzxw6ytb i", "mzxw6yt=oi" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint8_t out[6];
        memset(out, 0xAA, sizeof out);
        assert_int_equal(st_base32_decode(out, sizeof out, st_view_text(bad[i])), ST_EMALFORMED);
        for (size_t j = 0; j < sizeof out; j++)
            assert_int_equal(out[j], 0);
    }
}

static void base32__decode__refuses_spare_bits(void **state)
{
    (void)state;
    uint8_t out[1];
    assert_int_equal(st_base32_decode(out, 1, st_view_text("my")), ST_OK);
    assert_int_equal(st_base32_decode(out, 1, st_view_text("mz")), ST_EMALFORMED);
}

static void base32__decode__every_byte_value_round_trips(void **state)
{
    (void)state;
    uint8_t in[256];
    uint8_t back[256];
    char text[ST_BASE32_CHARS(256) + 1];
    for (size_t i = 0; i < sizeof in; i++)
        in[i] = (uint8_t)(i * 7 + 3);
    for (size_t len = 0; len <= sizeof in; len++) {
        assert_int_equal(st_base32_encode(text, sizeof text, st_view(in, len)), ST_OK);
        assert_int_equal(strlen(text), ST_BASE32_CHARS(len));
        assert_int_equal(st_base32_decode(back, len, st_view_text(text)), ST_OK);
        assert_memory_equal(back, in, len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base32__encode__rfc_vectors),
        cmocka_unit_test(base32__decode__rfc_vectors),
        cmocka_unit_test(base32__encode__refuses_what_does_not_fit),
        cmocka_unit_test(base32__decode__refuses_other_characters_and_lengths),
        cmocka_unit_test(base32__decode__refuses_spare_bits),
        cmocka_unit_test(base32__decode__every_byte_value_round_trips),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
