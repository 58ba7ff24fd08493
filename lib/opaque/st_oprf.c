#include "lib/opaque/st_oprf.h"

#include <stdbool.h>

#include <sodium.h>

#include "lib/opaque/st_sha512.h"
#include "lib/opaque/st_xmd.h"
#include "lib/st_wipe.h"

_Static_assert(ST_OPRF_SCALAR_BYTES == crypto_core_ristretto255_SCALARBYTES, "libsodium's scalars");
_Static_assert(ST_OPRF_ELEMENT_BYTES == crypto_core_ristretto255_BYTES, "libsodium's elements");
_Static_assert(ST_OPRF_WIDE_BYTES == crypto_core_ristretto255_HASHBYTES, "libsodium's element derivation");
_Static_assert(ST_OPRF_WIDE_BYTES == crypto_core_ristretto255_NONREDUCEDSCALARBYTES, "libsodium's reduction");

/* contextString = "OPRFV1-" || I2OSP(mode 0, 1) || "-ristretto255-SHA512", here behind the prefix of each use. It holds
 * a zero byte, so the arrays are counted, never measured as text. */
static const char HASH_TO_GROUP_DST[] = "HashToGroup-OPRFV1-\0-ristretto255-SHA512";
static const char DERIVE_KEY_PAIR_DST[] = "DeriveKeyPairOPRFV1-\0-ristretto255-SHA512";

static struct st_view group_dst(void)
{
    return st_view(HASH_TO_GROUP_DST, sizeof HASH_TO_GROUP_DST - 1);
}

static struct st_view key_dst(void)
{
    return st_view(DERIVE_KEY_PAIR_DST, sizeof DERIVE_KEY_PAIR_DST - 1);
}

/* libsodium 1.0.18 does not look at the highest bit of an encoding; RFC 9496 wants it to be 0. */
static bool has_stray_bit(const uint8_t element[static ST_OPRF_ELEMENT_BYTES])
{
    return (element[ST_OPRF_ELEMENT_BYTES - 1] & 0x80) != 0;
}

enum st_err st_oprf_check_element(struct st_view bytes)
{
    if (bytes.len != ST_OPRF_ELEMENT_BYTES)
        return ST_EMALFORMED;
    /* libsodium takes the identity for a valid point; the RFCs do not. */
    if (sodium_is_zero(bytes.p, bytes.len) != 0 || has_stray_bit(bytes.p))
        return ST_EMALFORMED;
    return crypto_core_ristretto255_is_valid_point(bytes.p) == 1 ? ST_OK : ST_EMALFORMED;
}

enum st_err st_oprf_check_scalar(const uint8_t scalar[static ST_OPRF_SCALAR_BYTES])
{
    uint8_t wide[ST_OPRF_WIDE_BYTES] = { 0 };
    uint8_t reduced[ST_OPRF_SCALAR_BYTES];
    memcpy(wide, scalar, ST_OPRF_SCALAR_BYTES);
    crypto_core_ristretto255_scalar_reduce(reduced, wide);
    int differs = sodium_memcmp(reduced, scalar, sizeof reduced);
    int zero = sodium_is_zero(reduced, sizeof reduced);
    ST_WIPE(wide);
    ST_WIPE(reduced);
    return differs == 0 && zero == 0 ? ST_OK : ST_EMALFORMED;
}

enum st_err st_oprf_random_scalar(uint8_t scalar[static ST_OPRF_SCALAR_BYTES], const struct st_env *env)
{
    uint8_t wide[ST_OPRF_WIDE_BYTES];
    st_env_random(env, wide, sizeof wide);
    crypto_core_ristretto255_scalar_reduce(scalar, wide);
    ST_WIPE(wide);
    return sodium_is_zero(scalar, ST_OPRF_SCALAR_BYTES) == 0 ? ST_OK : ST_EIO;
}

enum st_err st_oprf_multiply(uint8_t out[static ST_OPRF_ELEMENT_BYTES],
                             const uint8_t scalar[static ST_OPRF_SCALAR_BYTES],
                             const uint8_t element[static ST_OPRF_ELEMENT_BYTES])
{
    /* -1: not the canonical encoding of an element, or the result is the identity, as it is for the identity. */
    if (has_stray_bit(element) || crypto_scalarmult_ristretto255(out, scalar, element) != 0) {
        st_wipe(out, ST_OPRF_ELEMENT_BYTES);
        return ST_EMALFORMED;
    }
    return ST_OK;
}

enum st_err st_oprf_multiply_base(uint8_t out[static ST_OPRF_ELEMENT_BYTES],
                                  const uint8_t scalar[static ST_OPRF_SCALAR_BYTES])
{
    if (crypto_scalarmult_ristretto255_base(out, scalar) != 0) {
        st_wipe(out, ST_OPRF_ELEMENT_BYTES);
        return ST_EMALFORMED;
    }
    return ST_OK;
}

enum st_err st_oprf_element_from_wide(uint8_t out[static ST_OPRF_ELEMENT_BYTES],
                                      const uint8_t wide[static ST_OPRF_WIDE_BYTES])
{
    if (crypto_core_ristretto255_from_hash(out, wide) != 0 || sodium_is_zero(out, ST_OPRF_ELEMENT_BYTES) != 0) {
        st_wipe(out, ST_OPRF_ELEMENT_BYTES);
        return ST_EIO;
    }
    return ST_OK;
}

/* One try of DeriveKeyPair: HashToScalar(seed || len(info) || info || counter). */
static enum st_err derive_scalar(uint8_t scalar[static ST_OPRF_SCALAR_BYTES], struct st_view seed, struct st_view info,
                                 uint8_t counter)
{
    uint8_t info_len[2];
    st_put_u16(info_len, (uint16_t)info.len);
    struct st_view parts[] = { seed, st_view(info_len, sizeof info_len), info, st_view(&counter, 1) };
    uint8_t wide[ST_OPRF_WIDE_BYTES];
    enum st_err err = st_xmd_sha512(wide, sizeof wide, key_dst(), parts, 4);
    if (err == ST_OK)
        crypto_core_ristretto255_scalar_reduce(scalar, wide);
    ST_WIPE(wide);
    return err;
}

enum st_err st_oprf_derive_key(uint8_t private_key[static ST_OPRF_SCALAR_BYTES], struct st_view seed,
                               struct st_view info)
{
    memset(private_key, 0, ST_OPRF_SCALAR_BYTES);
    if (info.len > UINT16_MAX)
        return ST_ELIMIT;
    for (unsigned counter = 0; counter <= UINT8_MAX; counter++) {
        enum st_err err = derive_scalar(private_key, seed, info, (uint8_t)counter);
        if (err != ST_OK) {
            st_wipe(private_key, ST_OPRF_SCALAR_BYTES);
            return err;
        }
        if (sodium_is_zero(private_key, ST_OPRF_SCALAR_BYTES) == 0)
            return ST_OK;
    }
    return ST_EIO;
}

enum st_err st_oprf_derive_key_pair(uint8_t private_key[static ST_OPRF_SCALAR_BYTES],
                                    uint8_t public_key[static ST_OPRF_ELEMENT_BYTES], struct st_view seed,
                                    struct st_view info)
{
    memset(public_key, 0, ST_OPRF_ELEMENT_BYTES);
    enum st_err err = st_oprf_derive_key(private_key, seed, info);
    if (err == ST_OK)
        err = st_oprf_multiply_base(public_key, private_key);
    if (err != ST_OK)
        st_wipe(private_key, ST_OPRF_SCALAR_BYTES);
    return err;
}

enum st_err st_oprf_blind(uint8_t blinded[static ST_OPRF_ELEMENT_BYTES], struct st_view input,
                          const uint8_t blind[static ST_OPRF_SCALAR_BYTES])
{
    memset(blinded, 0, ST_OPRF_ELEMENT_BYTES);
    if (input.len > ST_OPRF_INPUT_MAX)
        return ST_ELIMIT;
    uint8_t wide[ST_OPRF_WIDE_BYTES];
    uint8_t element[ST_OPRF_ELEMENT_BYTES];
    enum st_err err = st_xmd_sha512(wide, sizeof wide, group_dst(), &input, 1);
    if (err == ST_OK)
        err = st_oprf_element_from_wide(element, wide);
    if (err == ST_OK)
        err = st_oprf_multiply(blinded, blind, element);
    ST_WIPE(wide);
    ST_WIPE(element);
    return err;
}

enum st_err st_oprf_evaluate(uint8_t evaluated[static ST_OPRF_ELEMENT_BYTES],
                             const uint8_t private_key[static ST_OPRF_SCALAR_BYTES],
                             const uint8_t blinded[static ST_OPRF_ELEMENT_BYTES])
{
    return st_oprf_multiply(evaluated, private_key, blinded);
}

enum st_err st_oprf_finalize(uint8_t output[static ST_OPRF_OUTPUT_BYTES], struct st_view input,
                             const uint8_t blind[static ST_OPRF_SCALAR_BYTES],
                             const uint8_t evaluated[static ST_OPRF_ELEMENT_BYTES])
{
    memset(output, 0, ST_OPRF_OUTPUT_BYTES);
    if (input.len > ST_OPRF_INPUT_MAX)
        return ST_ELIMIT;
    uint8_t inverse[ST_OPRF_SCALAR_BYTES];
    uint8_t unblinded[ST_OPRF_ELEMENT_BYTES];
    /* -1: the blind is zero. */
    enum st_err err = crypto_core_ristretto255_scalar_invert(inverse, blind) == 0 ? ST_OK : ST_EMALFORMED;
    if (err == ST_OK)
        err = st_oprf_multiply(unblinded, inverse, evaluated);
    if (err == ST_OK) {
        uint8_t input_len[2];
        static const uint8_t unblinded_len[2] = { 0, ST_OPRF_ELEMENT_BYTES };
        st_put_u16(input_len, (uint16_t)input.len);
        struct st_view parts[] = { st_view(input_len, sizeof input_len), input,
                                   st_view(unblinded_len, sizeof unblinded_len), st_view(unblinded, sizeof unblinded),
                                   st_view_text("Finalize") };
        err = st_sha512_parts(output, parts, 5);
    }
    ST_WIPE(inverse);
    ST_WIPE(unblinded);
    return err;
}
