/* Keys that auth makes out of the OPRF seed, so that all auths of a server have the same ones and a database without
 * the key file tells nothing: not which names were tried, which were removed, nor which invites there are. */
#ifndef AUTH_SECRETS_H
#define AUTH_SECRETS_H

#include <stdint.h>

#include "lib/st_bytes.h"
#include "lib/st_err.h"
#include "proto/st_limits.h"
#include "services/auth/opaque/opaque_server_keys.h"

/* What a keyed hash is for. */
enum auth_purpose {
    AUTH_PURPOSE_THROTTLE,     /* who is limited in what */
    AUTH_PURPOSE_REMOVED_NAME, /* tombstones */
    AUTH_PURPOSE_REMOVED_ACCOUNT,
    AUTH_PURPOSE_INVITE,
    AUTH_PURPOSES
};

struct auth_secrets {
    uint8_t keys[AUTH_PURPOSES][ST_KEY_LEN];
};

/* Each key = HKDF-Expand-SHA-512(oprf_seed, "SafeTalk-auth " ‖ purpose, 32). The info begins with a capital letter,
 * which no login name has, so it is none of OPAQUE's (RFC 9807: name ‖ "OprfKey"). Zeros on failure. */
enum st_err auth_secrets_init(struct auth_secrets *secrets, const struct opaque_server_keys *keys) ST_MUST_CHECK;

/* Wipes them. */
void auth_secrets_deinit(struct auth_secrets *secrets);

/* HMAC-SHA-256 under the key of that purpose, over one byte that tells kinds apart and the subject. */
void auth_secrets_hash(uint8_t out[static ST_HASH_LEN], const struct auth_secrets *secrets, enum auth_purpose purpose,
                       uint8_t kind, struct st_view subject);

#endif
