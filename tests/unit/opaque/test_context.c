#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <sodium.h>

#include "lib/opaque/st_opaque.h"

static void fill(uint8_t out[32], uint8_t first)
{
    for (size_t i = 0; i < 32; i++)
        out[i] = (uint8_t)(first + i);
}

/* The digest was computed with Python's hashlib over the documented layout. */
static void context__login__known_answer(void **state)
{
    (void)state;
    static const char want[] = "53616665"
                               "54616c6b"
                               "2d4f5041"
                               "5155452d"
                               "7631"
                               "934d27a5be437aff31cafbb86388c807b4b42fd23e3ca631afc3a302a6f92c3c";
    uint8_t tk[32];
    uint8_t gateway[32];
    uint8_t context[ST_OPAQUE_LOGIN_CONTEXT_BYTES];
    char hex[2 * sizeof context + 1];
    struct st_opaque_ksf ksf = st_opaque_ksf_default();
    fill(tk, 0x00);
    fill(gateway, 0x40);
    assert_int_equal(st_opaque_login_context(context, tk, gateway, &ksf), ST_OK);
    assert_string_equal(sodium_bin2hex(hex, sizeof hex, context, sizeof context), want);
}

static void context__login__every_input_counts(void **state)
{
    (void)state;
    uint8_t tk[32] = { 0 };
    uint8_t gateway[32] = { 0 };
    uint8_t other[32] = { 0 };
    uint8_t context[7][ST_OPAQUE_LOGIN_CONTEXT_BYTES];
    other[31] = 1;
    struct st_opaque_ksf ksf[5] = { { ST_OPAQUE_KSF_ARGON2ID, 1, 2, 3 },
                                    { ST_OPAQUE_KSF_IDENTITY, 1, 2, 3 },
                                    { ST_OPAQUE_KSF_ARGON2ID, 2, 2, 3 },
                                    { ST_OPAQUE_KSF_ARGON2ID, 1, 3, 3 },
                                    { ST_OPAQUE_KSF_ARGON2ID, 1, 2, 4 } };
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(st_opaque_login_context(context[i], tk, gateway, &ksf[i]), ST_OK);
    assert_int_equal(st_opaque_login_context(context[5], other, gateway, &ksf[0]), ST_OK);
    assert_int_equal(st_opaque_login_context(context[6], tk, other, &ksf[0]), ST_OK);
    for (size_t i = 0; i < 7; i++) {
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(context[i], context[j], ST_OPAQUE_LOGIN_CONTEXT_BYTES);
    }
}

static void parties__check__lengths(void **state)
{
    (void)state;
    static const uint8_t bytes[65536];
    struct st_view fits = st_view(bytes, 65535);
    struct st_view too_long = st_view(bytes, 65536);
    struct st_opaque_parties parties = { fits, fits, fits };
    assert_int_equal(st_opaque_check_parties(&parties), ST_OK);
    parties.client_identity = too_long;
    assert_int_equal(st_opaque_check_parties(&parties), ST_ELIMIT);
    parties.client_identity = fits;
    parties.server_identity = too_long;
    assert_int_equal(st_opaque_check_parties(&parties), ST_ELIMIT);
    parties.server_identity = fits;
    parties.context = too_long;
    assert_int_equal(st_opaque_check_parties(&parties), ST_ELIMIT);
}

static void mask__twice__gives_the_plain_text_back(void **state)
{
    (void)state;
    uint8_t key[ST_OPAQUE_HASH_BYTES] = { 7 };
    uint8_t nonce[ST_OPAQUE_NONCE_BYTES] = { 8 };
    uint8_t plain[ST_OPAQUE_MASKED_BYTES];
    uint8_t masked[ST_OPAQUE_MASKED_BYTES];
    memset(plain, 0x5a, sizeof plain);
    assert_int_equal(st_opaque_mask(masked, plain, key, nonce), ST_OK);
    assert_memory_not_equal(masked, plain, sizeof plain);
    assert_int_equal(st_opaque_mask(masked, masked, key, nonce), ST_OK);
    assert_memory_equal(masked, plain, sizeof plain);
}

static void ksf__presets__are_rfc_9106(void **state)
{
    (void)state;
    struct st_opaque_ksf usual = st_opaque_ksf_default();
    struct st_opaque_ksf paranoid = st_opaque_ksf_paranoid();
    assert_int_equal(usual.kind, ST_OPAQUE_KSF_ARGON2ID);
    assert_int_equal(usual.m_kib, 65536);
    assert_int_equal(usual.t, 3);
    assert_int_equal(usual.p, 4);
    assert_int_equal(paranoid.kind, ST_OPAQUE_KSF_ARGON2ID);
    assert_int_equal(paranoid.m_kib, 2097152);
    assert_int_equal(paranoid.t, 1);
    assert_int_equal(paranoid.p, 4);
}

static int setup(void **state)
{
    (void)state;
    return sodium_init() < 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(context__login__known_answer), cmocka_unit_test(context__login__every_input_counts),
        cmocka_unit_test(parties__check__lengths),      cmocka_unit_test(mask__twice__gives_the_plain_text_back),
        cmocka_unit_test(ksf__presets__are_rfc_9106),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
