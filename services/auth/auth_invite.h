/* Invites: codes that let somebody make an account (CLI "Formats"). The database holds only a keyed hash of a code, so
 * that neither it nor a copy of it lets anybody in. For `safetalkd init` and `invite` too, while a server runs. */
#ifndef AUTH_INVITE_H
#define AUTH_INVITE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/st_bytes.h"
#include "lib/st_env.h"
#include "lib/st_err.h"
#include "lib/st_invite.h"
#include "services/auth/auth_secrets.h"
#include "services/auth/opaque/opaque_server_keys.h"
#include "services/auth/store.h"

enum { AUTH_INVITE_USES_MAX = 1000000 };

struct auth_invite_terms {
    uint32_t uses;       /* accounts that may be made with it, 1 to AUTH_INVITE_USES_MAX */
    int64_t expires_ms;  /* wall clock */
    struct st_view name; /* empty, or the only login name that it serves */
    const char *creator; /* who made it, for the audit; at most 32 bytes are kept */
};

/* Makes a new invite and writes it to the store, durable on return; *out is the code to give away, kept nowhere else.
 * ST_EMALFORMED for uses, time or name out of range; else a store error. */
enum st_err auth_invite_create(const struct auth_store *store, const struct opaque_server_keys *keys,
                               const struct auth_invite_terms *terms, const struct st_env *env,
                               struct st_invite *out) ST_MUST_CHECK;

/* What is left of an invite. ST_ENOTFOUND: the server has no such code (any more). */
enum st_err auth_invite_look(const struct auth_store *store, const struct opaque_server_keys *keys,
                             const struct st_invite *invite, struct auth_invite_row *row_r) ST_MUST_CHECK;

/* The hash under which the store keeps a code. */
void auth_invite_hash(uint8_t out[static ST_HASH_LEN], const struct auth_secrets *secrets,
                      const struct st_invite *invite);

/* Is there any account yet? (The first invite is shown until there is one.) */
enum st_err auth_has_accounts(const struct auth_store *store, bool *has_r) ST_MUST_CHECK;

#endif
