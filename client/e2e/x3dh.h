/* X3DH as SafeTalk/1 has it (CRYPTO 5 and 6): the transcript, the session id and the first shared key.
 *
 *     TH  = SHA-256( L("SafeTalk/1 transcript") ‖ 01 ‖ ident_A ‖ ident_B ‖ EK ‖ spk_id ‖ SPK ‖ opk_id ‖ OPK or 0^32 )
 *     SK  = HKDF-SHA-256( salt 0^32, FF^32 ‖ DH1 ‖ DH2 ‖ DH3 [‖ DH4], "SafeTalk/1 x3dh" ‖ TH, 32 )
 *     sid = SHA-256( L("SafeTalk/1 session-id") ‖ TH )[0..16] */
#ifndef X3DH_H
#define X3DH_H

#include <stdint.h>

#include "client/e2e/e2e_identity.h"
#include "client/e2e/e2e_limits.h"
#include "lib/st_err.h"

/* What both sides know in the clear. */
struct x3dh_public {
    const struct e2e_ident *a; /* the initiator; borrowed */
    const struct e2e_ident *b; /* the responder; borrowed */
    const uint8_t *ek;         /* 32 bytes each */
    const uint8_t *spk;
    const uint8_t *opk; /* looked at only if opk_id is not 0 */
    uint32_t spk_id;
    uint32_t opk_id; /* 0: no one-time prekey */
};

/* The result. `sk` is secret: wipe it as soon as the ratchet has it. */
struct x3dh_result {
    uint8_t th[E2E_HASH_BYTES];
    uint8_t sid[E2E_SID_BYTES];
    uint8_t sk[E2E_KEY_BYTES];
};

/* The responder's private keys. `opk` is NULL without a one-time prekey. All borrowed. */
struct x3dh_secrets {
    const uint8_t *dik;
    const uint8_t *spk;
    const uint8_t *opk;
};

/* TH and sid alone: what is checked before any Diffie-Hellman. */
void x3dh_transcript(const struct x3dh_public *pub, uint8_t th[static E2E_HASH_BYTES],
                     uint8_t sid[static E2E_SID_BYTES]);

/* The initiator's side. `dik_a` and `ek` are private keys. ST_EREFUSED if a key of B is of low order; *out_r is then
 * zero. */
enum st_err x3dh_initiate(const struct x3dh_public *pub, const uint8_t dik_a[static E2E_KEY_BYTES],
                          const uint8_t ek[static E2E_KEY_BYTES], struct x3dh_result *out_r) ST_MUST_CHECK;

/* The responder's side. ST_EREFUSED if A's DIK or EK is of low order. */
enum st_err x3dh_respond(const struct x3dh_public *pub, const struct x3dh_secrets *secrets,
                         struct x3dh_result *out_r) ST_MUST_CHECK;

#endif
