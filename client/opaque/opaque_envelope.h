/* The envelope of RFC 9807, section 4.1: what the client derives from its randomised password, and the tag that proves
 * to it, at a login, that the password, the server's key and both identities are those of the registration. */
#ifndef OPAQUE_ENVELOPE_H
#define OPAQUE_ENVELOPE_H

#include <stdint.h>

#include "lib/opaque/st_opaque.h"
#include "lib/st_bytes.h"
#include "lib/st_err.h"

/* All that comes from the randomised password and the envelope's nonce. All secret but the public key. */
struct opaque_envelope_keys {
    uint8_t auth_key[ST_OPAQUE_HASH_BYTES];
    uint8_t export_key[ST_OPAQUE_HASH_BYTES];
    uint8_t private_key[ST_OPAQUE_KEY_BYTES];
    uint8_t public_key[ST_OPAQUE_KEY_BYTES];
};

/* randomized_password = Extract("", F ‖ Stretch(F)), where F is the OPRF's output for the password (section 5.2).
 * ST_EMALFORMED if the server's element is not acceptable; as opaque_ksf_stretch; zeros then. */
enum st_err opaque_envelope_randomize(uint8_t randomized[static ST_OPAQUE_HASH_BYTES], struct st_view password,
                                      const uint8_t blind[static ST_OPRF_SCALAR_BYTES],
                                      const uint8_t evaluated[static ST_OPRF_ELEMENT_BYTES],
                                      const struct st_opaque_ksf *ksf) ST_MUST_CHECK;

/* MaskingKey, under which the server hides its answer. */
enum st_err opaque_envelope_masking_key(uint8_t masking_key[static ST_OPAQUE_HASH_BYTES],
                                        const uint8_t randomized[static ST_OPAQUE_HASH_BYTES]) ST_MUST_CHECK;

/* Derives the keys; zeros on failure. */
enum st_err opaque_envelope_keys_derive(struct opaque_envelope_keys *keys,
                                        const uint8_t randomized[static ST_OPAQUE_HASH_BYTES],
                                        const uint8_t nonce[static ST_OPAQUE_NONCE_BYTES]) ST_MUST_CHECK;

/* auth_tag = MAC(auth_key, nonce ‖ CleartextCredentials). The parties have passed st_opaque_check_parties. */
void opaque_envelope_tag(uint8_t tag[static ST_OPAQUE_HASH_BYTES], const struct opaque_envelope_keys *keys,
                         const uint8_t nonce[static ST_OPAQUE_NONCE_BYTES],
                         const uint8_t server_public_key[static ST_OPAQUE_KEY_BYTES],
                         const struct st_opaque_parties *parties);

#endif
