/* What a device's keys vouch for besides prekeys and lists: a transport key (TK) at login, and a link offer. */
#ifndef ST_BIND_H
#define ST_BIND_H

#include <stdint.h>

#include "lib/devlist/st_devlist.h"

enum {
    ST_CURVE_KEY_BYTES = 32, /* a CURVE public key, binary */
    ST_LINK_CODE_BYTES = 32, /* the code that is shown on one device and read on the other; secret */
    ST_LINK_MAC_BYTES = 32
};

/* Login of an existing device (PROTOCOL 4): DSK signs acct ‖ dev ‖ TK ‖ enrol key. */
enum st_err st_bind_tk_sign(uint8_t sig[static ST_SIG_BYTES], const uint8_t dsk_secret[static ST_SIGN_SECRET_BYTES],
                            const uint8_t acct_id[static ST_ACCT_BYTES], uint32_t dev_id,
                            const uint8_t keys[static 2 * ST_CURVE_KEY_BYTES]) ST_MUST_CHECK;

/* Checks it. `keys` = TK ‖ enrol key, both binary CURVE public keys. ST_EINTEGRITY. */
enum st_err st_bind_tk_check(const uint8_t sig[static ST_SIG_BYTES], const uint8_t dsk[static ST_SIGN_PUB_BYTES],
                             const uint8_t acct_id[static ST_ACCT_BYTES], uint32_t dev_id,
                             const uint8_t keys[static 2 * ST_CURVE_KEY_BYTES]) ST_MUST_CHECK;

/* The MAC of a link offer, keyed by the code that never travels:
 * HMAC-SHA-256( code, L("SafeTalk/1 link") ‖ acct_id ‖ AK ‖ dev_id ‖ DSK ‖ DIK ). `device->added` is not used. */
void st_bind_link_mac(uint8_t out[static ST_LINK_MAC_BYTES], const uint8_t code[static ST_LINK_CODE_BYTES],
                      const uint8_t ak[static ST_SIGN_PUB_BYTES], const struct st_device *device);

/* Compares in constant time. ST_EINTEGRITY. */
enum st_err st_bind_link_check(const uint8_t mac[static ST_LINK_MAC_BYTES],
                               const uint8_t code[static ST_LINK_CODE_BYTES],
                               const uint8_t ak[static ST_SIGN_PUB_BYTES],
                               const struct st_device *device) ST_MUST_CHECK;

#endif
