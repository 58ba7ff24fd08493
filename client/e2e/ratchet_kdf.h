/* The key derivations of the ratchet (CRYPTO 7). Every output is secret: the caller wipes it. */
#ifndef RATCHET_KDF_H
#define RATCHET_KDF_H

#include <stdint.h>

#include "client/e2e/e2e_limits.h"
#include "lib/st_bytes.h"
#include "lib/st_err.h"

/* A private key of ours and a public one of theirs. Both borrowed. */
struct ratchet_dh {
    const uint8_t *secret;
    const uint8_t *pub;
};

struct ratchet_root {
    uint8_t rk[E2E_KEY_BYTES];
    uint8_t ck[E2E_KEY_BYTES];
};

/* What one message is encrypted and authenticated with: okm[0..88]. */
struct ratchet_message_keys {
    uint8_t enc[E2E_KEY_BYTES];
    uint8_t mac[E2E_KEY_BYTES];
    uint8_t nonce[24];
};

/* The public values that a message's keys are bound to. All borrowed. */
struct ratchet_message_info {
    const uint8_t *th;
    const uint8_t *r; /* of the header */
    uint32_t n;
    const uint8_t *e; /* of the header */
    const uint8_t *m; /* the receiver's, that the chain answers to */
};

/* KDF_ROOT(rk, dh) = HKDF(salt = rk, ikm = dh, "SafeTalk/1 root", 64) -> rk' ‖ ck. ST_EREFUSED on a low-order point. */
enum st_err ratchet_kdf_root(struct ratchet_root *out_r, const uint8_t rk[static E2E_KEY_BYTES],
                             struct ratchet_dh dh) ST_MUST_CHECK;

/* P_n = HMAC(ck, 01) to `p_r`; ck becomes HMAC(ck, 02). */
void ratchet_kdf_chain(uint8_t ck[static E2E_KEY_BYTES], uint8_t p_r[static E2E_KEY_BYTES]);

/* HKDF(salt = P_n, ikm = DH, "SafeTalk/1 message" ‖ TH ‖ R ‖ n ‖ e_n ‖ M_peer, 88). ST_EREFUSED on a low-order point.
 */
enum st_err ratchet_kdf_message(struct ratchet_message_keys *out_r, const uint8_t p[static E2E_KEY_BYTES],
                                struct ratchet_dh dh, const struct ratchet_message_info *info) ST_MUST_CHECK;

/* tag = HMAC-SHA-256( mac_key, TH ‖ header ‖ ct ). */
void ratchet_kdf_tag(uint8_t tag[static E2E_TAG_BYTES], const uint8_t mac_key[static E2E_KEY_BYTES],
                     const uint8_t th[static E2E_HASH_BYTES], struct st_view header, struct st_view ct);

#endif
