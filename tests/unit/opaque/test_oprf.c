#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <sodium.h>

#include "lib/opaque/st_oprf.h"
#include "lib/opaque/st_xmd.h"

/* The order of the group, little-endian: 2^252 + 27742317777372353535851937790883648493. */
static const uint8_t ORDER[ST_OPRF_SCALAR_BYTES] = { 0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7,
                                                     0xa2, 0xde, 0xf9, 0xde, 0x14, 0,    0,    0,    0,    0,    0,
                                                     0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10 };
static const uint8_t IDENTITY[ST_OPRF_ELEMENT_BYTES];
static const uint8_t ONE[ST_OPRF_SCALAR_BYTES] = { 1 };

static void assert_zero(const uint8_t *p, size_t len)
{
    assert_int_equal(sodium_is_zero(p, len), 1);
}

static int64_t no_time(void *ctx)
{
    (void)ctx;
    return 0;
}

/* A source that gives the 64 bytes in `ctx`. */
static void give(void *ctx, void *out, size_t len)
{
    assert_int_equal(len, ST_OPRF_WIDE_BYTES);
    memcpy(out, ctx, len);
}

static void xmd__expand__limits(void **state)
{
    (void)state;
    static uint8_t out[16321];
    struct st_view part = st_view_text("m");
    struct st_view dst = st_view_text("tag");
    struct st_view parts[ST_XMD_PARTS_MAX + 1];
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        parts[i] = part;
    assert_int_equal(st_xmd_sha512(out, 16320, dst, &part, 1), ST_OK);
    assert_int_equal(st_xmd_sha512(out, 16321, dst, &part, 1), ST_ELIMIT);
    assert_zero(out, sizeof out);
    assert_int_equal(st_xmd_sha512(out, 32, st_view_text(""), &part, 1), ST_EMALFORMED);
    assert_int_equal(st_xmd_sha512(out, 32, dst, parts, ST_XMD_PARTS_MAX), ST_OK);
    assert_int_equal(st_xmd_sha512(out, 32, dst, parts, ST_XMD_PARTS_MAX + 1), ST_ELIMIT);
    assert_zero(out, 32);
}

static void xmd__expand__parts_are_joined(void **state)
{
    (void)state;
    uint8_t whole[100];
    uint8_t pieces[100];
    struct st_view one = st_view_text("abcdef");
    struct st_view three[] = { st_view_text("ab"), st_view_text(""), st_view_text("cdef") };
    assert_int_equal(st_xmd_sha512(whole, sizeof whole, st_view_text("tag"), &one, 1), ST_OK);
    assert_int_equal(st_xmd_sha512(pieces, sizeof pieces, st_view_text("tag"), three, 3), ST_OK);
    assert_memory_equal(whole, pieces, sizeof whole);
}

static void oprf__check_element__length_and_identity(void **state)
{
    (void)state;
    uint8_t element[ST_OPRF_ELEMENT_BYTES + 1] = { 0 };
    assert_int_equal(st_oprf_multiply_base(element, ONE), ST_OK);
    assert_int_equal(st_oprf_check_element(st_view(element, ST_OPRF_ELEMENT_BYTES)), ST_OK);
    for (size_t len = 0; len <= sizeof element; len++) {
        if (len != ST_OPRF_ELEMENT_BYTES)
            assert_int_equal(st_oprf_check_element(st_view(element, len)), ST_EMALFORMED);
    }
    assert_int_equal(st_oprf_check_element(st_view(IDENTITY, sizeof IDENTITY)), ST_EMALFORMED);
    /* libsodium alone would let it pass. */
    assert_int_equal(crypto_core_ristretto255_is_valid_point(IDENTITY), 1);
}

static void oprf__check_scalar__below_the_order(void **state)
{
    (void)state;
    uint8_t scalar[ST_OPRF_SCALAR_BYTES];
    assert_int_equal(st_oprf_check_scalar(ONE), ST_OK);
    assert_int_equal(st_oprf_check_scalar(IDENTITY), ST_EMALFORMED);
    assert_int_equal(st_oprf_check_scalar(ORDER), ST_EMALFORMED);
    memcpy(scalar, ORDER, sizeof scalar);
    scalar[0]--;
    assert_int_equal(st_oprf_check_scalar(scalar), ST_OK);
    scalar[0] += 2;
    assert_int_equal(st_oprf_check_scalar(scalar), ST_EMALFORMED);
    memset(scalar, 0xff, sizeof scalar);
    assert_int_equal(st_oprf_check_scalar(scalar), ST_EMALFORMED);
}

static void oprf__random_scalar__reduces_64_bytes(void **state)
{
    (void)state;
    uint8_t wide[ST_OPRF_WIDE_BYTES] = { 0 };
    uint8_t scalar[ST_OPRF_SCALAR_BYTES];
    struct st_env env = { wide, no_time, no_time, give };
    assert_int_equal(st_oprf_random_scalar(scalar, &env), ST_EIO); /* zero */
    memcpy(wide, ORDER, sizeof ORDER);
    assert_int_equal(st_oprf_random_scalar(scalar, &env), ST_EIO); /* zero again */
    wide[0]++;
    assert_int_equal(st_oprf_random_scalar(scalar, &env), ST_OK);
    assert_memory_equal(scalar, ONE, sizeof scalar);
    memset(wide, 0xff, sizeof wide);
    assert_int_equal(st_oprf_random_scalar(scalar, &env), ST_OK);
    assert_int_equal(st_oprf_check_scalar(scalar), ST_OK);
}

static void oprf__multiply__refuses(void **state)
{
    (void)state;
    uint8_t out[ST_OPRF_ELEMENT_BYTES];
    uint8_t base[ST_OPRF_ELEMENT_BYTES];
    assert_int_equal(st_oprf_multiply_base(base, ONE), ST_OK);
    memset(out, 0xaa, sizeof out);
    assert_int_equal(st_oprf_multiply(out, ONE, IDENTITY), ST_EMALFORMED);
    assert_zero(out, sizeof out);
    memset(out, 0xaa, sizeof out);
    assert_int_equal(st_oprf_multiply(out, IDENTITY, base), ST_EMALFORMED); /* zero scalar */
    assert_zero(out, sizeof out);
    memset(out, 0xaa, sizeof out);
    assert_int_equal(st_oprf_multiply_base(out, IDENTITY), ST_EMALFORMED);
    assert_zero(out, sizeof out);
    base[0] |= 1; /* negative */
    assert_int_equal(st_oprf_multiply(out, ONE, base), ST_EMALFORMED);
}

/* Every element, also the identity, has a second form with the highest bit set, which libsodium 1.0.18 takes. */
static void oprf__element__highest_bit_set(void **state)
{
    (void)state;
    uint8_t out[ST_OPRF_ELEMENT_BYTES];
    uint8_t element[ST_OPRF_ELEMENT_BYTES];
    for (uint8_t i = 0; i < 10; i++) {
        uint8_t scalar[ST_OPRF_SCALAR_BYTES] = { i };
        memset(element, 0, sizeof element);
        if (i > 0)
            assert_int_equal(st_oprf_multiply_base(element, scalar), ST_OK);
        element[31] |= 0x80;
        assert_int_equal(st_oprf_check_element(st_view(element, sizeof element)), ST_EMALFORMED);
        memset(out, 0xaa, sizeof out);
        assert_int_equal(st_oprf_multiply(out, ONE, element), ST_EMALFORMED);
        assert_zero(out, sizeof out);
    }
}

static void oprf__multiply__in_place(void **state)
{
    (void)state;
    static const uint8_t two[ST_OPRF_SCALAR_BYTES] = { 2 };
    uint8_t element[ST_OPRF_ELEMENT_BYTES];
    uint8_t want[ST_OPRF_ELEMENT_BYTES];
    assert_int_equal(st_oprf_multiply_base(element, ONE), ST_OK);
    assert_int_equal(st_oprf_multiply_base(want, two), ST_OK);
    assert_int_equal(st_oprf_multiply(element, two, element), ST_OK);
    assert_memory_equal(element, want, sizeof want);
}

static void oprf__derive__limits(void **state)
{
    (void)state;
    static uint8_t long_info[65536];
    uint8_t private_key[ST_OPRF_SCALAR_BYTES];
    uint8_t public_key[ST_OPRF_ELEMENT_BYTES];
    uint8_t alone[ST_OPRF_SCALAR_BYTES];
    struct st_view seed = st_view(long_info, 32);
    struct st_view info = st_view(long_info, 65535);
    assert_int_equal(st_oprf_derive_key_pair(private_key, public_key, seed, info), ST_OK);
    assert_int_equal(st_oprf_derive_key(alone, seed, info), ST_OK);
    assert_memory_equal(alone, private_key, sizeof alone);
    info.len++;
    assert_int_equal(st_oprf_derive_key_pair(private_key, public_key, seed, info), ST_ELIMIT);
    assert_zero(private_key, sizeof private_key);
    assert_zero(public_key, sizeof public_key);
}

static void oprf__exchange__any_blind_gives_the_same_output(void **state)
{
    (void)state;
    struct st_env env = st_env_system();
    struct st_view input = st_view_text("a password");
    uint8_t key[ST_OPRF_SCALAR_BYTES];
    uint8_t first[ST_OPRF_OUTPUT_BYTES];
    uint8_t blinded_before[ST_OPRF_ELEMENT_BYTES] = { 0 };
    assert_int_equal(st_oprf_random_scalar(key, &env), ST_OK);
    for (int i = 0; i < 20; i++) {
        uint8_t blind[ST_OPRF_SCALAR_BYTES];
        uint8_t blinded[ST_OPRF_ELEMENT_BYTES];
        uint8_t evaluated[ST_OPRF_ELEMENT_BYTES];
        uint8_t output[ST_OPRF_OUTPUT_BYTES];
        assert_int_equal(st_oprf_random_scalar(blind, &env), ST_OK);
        assert_int_equal(st_oprf_blind(blinded, input, blind), ST_OK);
        assert_int_equal(st_oprf_evaluate(evaluated, key, blinded), ST_OK);
        assert_int_equal(st_oprf_finalize(output, input, blind, evaluated), ST_OK);
        assert_memory_not_equal(blinded, blinded_before, sizeof blinded);
        memcpy(blinded_before, blinded, sizeof blinded);
        if (i == 0)
            memcpy(first, output, sizeof first);
        assert_memory_equal(output, first, sizeof first);
    }
}

static void oprf__client__limits_and_refusals(void **state)
{
    (void)state;
    static uint8_t long_input[ST_OPRF_INPUT_MAX + 1];
    uint8_t element[ST_OPRF_ELEMENT_BYTES];
    uint8_t output[ST_OPRF_OUTPUT_BYTES];
    assert_int_equal(st_oprf_blind(element, st_view(long_input, ST_OPRF_INPUT_MAX), ONE), ST_OK);
    assert_int_equal(st_oprf_finalize(output, st_view(long_input, ST_OPRF_INPUT_MAX), ONE, element), ST_OK);
    assert_int_equal(st_oprf_finalize(output, st_view(long_input, sizeof long_input), ONE, element), ST_ELIMIT);
    assert_zero(output, sizeof output);
    memset(output, 0xaa, sizeof output);
    assert_int_equal(st_oprf_finalize(output, st_view_text("x"), ONE, IDENTITY), ST_EMALFORMED);
    assert_zero(output, sizeof output);
    assert_int_equal(st_oprf_finalize(output, st_view_text("x"), IDENTITY, element), ST_EMALFORMED);
    assert_int_equal(st_oprf_blind(element, st_view(long_input, sizeof long_input), ONE), ST_ELIMIT);
    assert_zero(element, sizeof element);
    assert_int_equal(st_oprf_evaluate(element, ONE, IDENTITY), ST_EMALFORMED);
}

static int setup(void **state)
{
    (void)state;
    return sodium_init() < 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(xmd__expand__limits),
        cmocka_unit_test(xmd__expand__parts_are_joined),
        cmocka_unit_test(oprf__check_element__length_and_identity),
        cmocka_unit_test(oprf__check_scalar__below_the_order),
        cmocka_unit_test(oprf__random_scalar__reduces_64_bytes),
        cmocka_unit_test(oprf__multiply__refuses),
        cmocka_unit_test(oprf__element__highest_bit_set),
        cmocka_unit_test(oprf__multiply__in_place),
        cmocka_unit_test(oprf__derive__limits),
        cmocka_unit_test(oprf__exchange__any_blind_gives_the_same_output),
        cmocka_unit_test(oprf__client__limits_and_refusals),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
