/* Who a device is in SafeTalk/1, and the making of its keys. Separate Ed25519 and X25519 keys; no key serves two
 * purposes (CRYPTO 3). Account lists, prekey signatures and acct_id: lib/devlist. */
#ifndef E2E_IDENTITY_H
#define E2E_IDENTITY_H

#include <stdint.h>

#include "client/e2e/e2e_limits.h"
#include "lib/devlist/st_devlist.h"
#include "lib/st_env.h"
#include "lib/st_err.h"

/* The public identity of one device: what goes into a session's transcript. */
struct e2e_ident {
    uint8_t acct_id[ST_ACCT_BYTES];
    uint32_t dev_id;
    uint8_t ak[ST_SIGN_PUB_BYTES];
    uint8_t dsk[ST_SIGN_PUB_BYTES];
    uint8_t dik[E2E_KEY_BYTES];
};

/* This device. The private key is borrowed: it lies in locked memory (sodium_malloc) of the caller. */
struct e2e_self {
    struct e2e_ident ident;
    const uint8_t *dik_secret; /* 32 bytes, X25519 */
};

/* An X25519 pair. The private half is as it was drawn; libsodium clamps it when it is used. */
struct e2e_pair {
    uint8_t secret[E2E_KEY_BYTES];
    uint8_t pub[E2E_KEY_BYTES];
};

/* An Ed25519 pair (AK, DSK). `secret` is libsodium's form: seed ‖ pub; the seed alone is what is stored. */
struct e2e_sign_pair {
    uint8_t secret[ST_SIGN_SECRET_BYTES];
    uint8_t pub[ST_SIGN_PUB_BYTES];
};

/* Draws 32 bytes and makes a pair of them: DIK, SPK, OPK, and every key of a ratchet. ST_EINTEGRITY never happens with
 * a working libsodium; the pair is then zero. */
enum st_err e2e_identity_pair(const struct st_env *env, struct e2e_pair *pair_r) ST_MUST_CHECK;

/* The pair of a private key that is known. */
enum st_err e2e_identity_pair_of(const uint8_t secret[static E2E_KEY_BYTES], struct e2e_pair *pair_r) ST_MUST_CHECK;

/* Draws a 32-byte seed and makes an Ed25519 pair (AK or DSK). */
enum st_err e2e_identity_sign_pair(const struct st_env *env, struct e2e_sign_pair *pair_r) ST_MUST_CHECK;

/* The pair of a stored seed (a recovery code, the database). */
enum st_err e2e_identity_sign_pair_of(const uint8_t seed[static ST_SIGN_SEED_BYTES],
                                      struct e2e_sign_pair *pair_r) ST_MUST_CHECK;

/* ident = acct_id(16) ‖ dev_id(4) ‖ AK(32) ‖ DSK(32) ‖ DIK(32). */
void e2e_identity_write(const struct e2e_ident *ident, uint8_t out[static E2E_IDENT_BYTES]);
void e2e_identity_read(const uint8_t in[static E2E_IDENT_BYTES], struct e2e_ident *ident_r);

/* The identity of a device that stands in a verified list: `ak` is the key the list was verified with. ST_ENOTFOUND if
 * the list does not name the device; *ident_r is then zero. */
enum st_err e2e_identity_of_listed(const struct st_devlist *list, const uint8_t ak[static ST_SIGN_PUB_BYTES],
                                   uint32_t dev_id, struct e2e_ident *ident_r) ST_MUST_CHECK;

#endif
