/* Prekeys as they are published (CRYPTO 5, 6 and 11) and the bundle that a session starts from. Auth and the client
 * both check them. */
#ifndef ST_PREKEY_H
#define ST_PREKEY_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/devlist/st_devlist.h"

enum {
    ST_SPK_AGE_MAX_S = 45 * 86400, /* an older signed prekey starts no session */
    ST_SPK_AHEAD_MAX_S = 86400     /* `created` may be this far ahead of our clock */
};

/* A signed prekey as published. */
struct st_spk {
    uint32_t spk_id;
    uint64_t created; /* Unix seconds */
    uint8_t pub[ST_X25519_BYTES];
    uint8_t sig[ST_SIG_BYTES]; /* DSK over acct ‖ dev ‖ spk_id ‖ created ‖ SPK */
};

/* The receiver's half of a handshake for one device, as the server hands it out. */
struct st_bundle {
    uint8_t acct_id[ST_ACCT_BYTES];
    uint8_t ak[ST_SIGN_PUB_BYTES];
    struct st_device device; /* `added` is not used */
    struct st_spk spk;
    uint32_t opk_id; /* 0: no one-time prekey was left */
    uint8_t opk[ST_X25519_BYTES];
};

/* True if `pub` is a point that a Diffie-Hellman may use: not one of low order, whose result is all zero. One
 * scalarmult. */
bool st_prekey_usable(const uint8_t pub[static ST_X25519_BYTES]);

/* Signs spk->{spk_id, created, pub} into spk->sig with the device's DSK (secret, 64-byte form). */
enum st_err st_prekey_sign(struct st_spk *spk, const uint8_t dsk_secret[static ST_SIGN_SECRET_BYTES],
                           const uint8_t acct_id[static ST_ACCT_BYTES], uint32_t dev_id) ST_MUST_CHECK;

/* Checks the signature under `dsk`. ST_EINTEGRITY. */
enum st_err st_prekey_check(const struct st_spk *spk, const uint8_t dsk[static ST_SIGN_PUB_BYTES],
                            const uint8_t acct_id[static ST_ACCT_BYTES], uint32_t dev_id) ST_MUST_CHECK;

/* May this bundle start a session at `now_s`? `list` is the verified device list of the account, `ak` the account key
 * that it was verified with: the bundle's account, AK, device, DSK and DIK must be theirs; the SPK's signature holds,
 * it is at most 45 days old and at most one day ahead; SPK and OPK are not of low order. ST_EREFUSED or ST_EINTEGRITY
 * (the signature). */
enum st_err st_prekey_bundle_check(const struct st_bundle *bundle, const struct st_devlist *list,
                                   const uint8_t ak[static ST_SIGN_PUB_BYTES], uint64_t now_s) ST_MUST_CHECK;

#endif
