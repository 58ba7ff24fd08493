/* The oblivious pseudorandom function OPRF(ristretto255, SHA-512), mode 0, of RFC 9497, and the rules of the group
 * that OPAQUE shares with it. The client learns F(key, input); the server learns neither input nor output.
 *
 * Scalars and elements are 32 bytes as they go over the wire. Every element that comes from outside is checked:
 * the identity (32 zero bytes) and anything that is not the one canonical encoding of an element are refused. */
#ifndef ST_OPRF_H
#define ST_OPRF_H

#include <stddef.h>
#include <stdint.h>

#include "lib/st_bytes.h"
#include "lib/st_env.h"
#include "lib/st_err.h"

enum {
    ST_OPRF_SCALAR_BYTES = 32,
    ST_OPRF_ELEMENT_BYTES = 32,
    ST_OPRF_OUTPUT_BYTES = 64,
    ST_OPRF_INPUT_MAX = 65535, /* bytes of a private input, RFC 9497 section 1.2 */
    ST_OPRF_WIDE_BYTES = 64    /* uniform bytes behind one scalar or element */
};

/* DeserializeElement: ST_EMALFORMED unless `bytes` are 32 bytes that encode an element other than the identity. */
enum st_err st_oprf_check_element(struct st_view bytes) ST_MUST_CHECK;

/* DeserializeScalar for a private key: ST_EMALFORMED unless it is below the order of the group, and not zero. */
enum st_err st_oprf_check_scalar(const uint8_t scalar[static ST_OPRF_SCALAR_BYTES]) ST_MUST_CHECK;

/* A random scalar other than zero: draws 64 bytes from `env` once and reduces them (little-endian) modulo the order,
 * so that no value is likelier. A source whose bytes are a scalar and 32 zero bytes gives that scalar. ST_EIO if the
 * result is zero, which only a broken source brings about. */
enum st_err st_oprf_random_scalar(uint8_t scalar[static ST_OPRF_SCALAR_BYTES], const struct st_env *env) ST_MUST_CHECK;

/* scalar · element, also the Diffie-Hellman function of OPAQUE. ST_EMALFORMED if the element is not acceptable or
 * the result is the identity; `out` is then zeroed. `out` may be `element`. */
enum st_err st_oprf_multiply(uint8_t out[static ST_OPRF_ELEMENT_BYTES],
                             const uint8_t scalar[static ST_OPRF_SCALAR_BYTES],
                             const uint8_t element[static ST_OPRF_ELEMENT_BYTES]) ST_MUST_CHECK;

/* scalar · generator. ST_EMALFORMED if the scalar is zero; `out` is then zeroed. */
enum st_err st_oprf_multiply_base(uint8_t out[static ST_OPRF_ELEMENT_BYTES],
                                  const uint8_t scalar[static ST_OPRF_SCALAR_BYTES]) ST_MUST_CHECK;

/* The element that 64 uniform bytes stand for (RFC 9496, element derivation). ST_EIO if it is the identity. */
enum st_err st_oprf_element_from_wide(uint8_t out[static ST_OPRF_ELEMENT_BYTES],
                                      const uint8_t wide[static ST_OPRF_WIDE_BYTES]) ST_MUST_CHECK;

/* The private half of DeriveKeyPair, RFC 9497 section 3.2.1: a scalar out of a seed, which has 32 bytes where OPAQUE
 * calls it. ST_ELIMIT if `info` has more than 65,535 bytes; zeros on any failure. */
enum st_err st_oprf_derive_key(uint8_t private_key[static ST_OPRF_SCALAR_BYTES], struct st_view seed,
                               struct st_view info) ST_MUST_CHECK;

/* DeriveKeyPair: both halves; both zeroed on any failure. */
enum st_err st_oprf_derive_key_pair(uint8_t private_key[static ST_OPRF_SCALAR_BYTES],
                                    uint8_t public_key[static ST_OPRF_ELEMENT_BYTES], struct st_view seed,
                                    struct st_view info) ST_MUST_CHECK;

/* Client, Blind (section 3.3.1) with a blind from st_oprf_random_scalar, which the caller keeps for the end and
 * wipes. ST_ELIMIT above ST_OPRF_INPUT_MAX. */
enum st_err st_oprf_blind(uint8_t blinded[static ST_OPRF_ELEMENT_BYTES], struct st_view input,
                          const uint8_t blind[static ST_OPRF_SCALAR_BYTES]) ST_MUST_CHECK;

/* Server, BlindEvaluate: ST_EMALFORMED if the client's element is not acceptable. */
enum st_err st_oprf_evaluate(uint8_t evaluated[static ST_OPRF_ELEMENT_BYTES],
                             const uint8_t private_key[static ST_OPRF_SCALAR_BYTES],
                             const uint8_t blinded[static ST_OPRF_ELEMENT_BYTES]) ST_MUST_CHECK;

/* Client, Finalize: F(key, input), 64 secret bytes. ST_EMALFORMED if the server's element is not acceptable or the
 * blind is zero, ST_ELIMIT as above; `output` is then zeroed. */
enum st_err st_oprf_finalize(uint8_t output[static ST_OPRF_OUTPUT_BYTES], struct st_view input,
                             const uint8_t blind[static ST_OPRF_SCALAR_BYTES],
                             const uint8_t evaluated[static ST_OPRF_ELEMENT_BYTES]) ST_MUST_CHECK;

#endif
