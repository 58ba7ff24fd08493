#include "services/auth/auth_secrets.h"

#include "lib/st_hkdf.h"
#include "lib/st_wipe.h"

enum st_err auth_secrets_init(struct auth_secrets *secrets, const struct opaque_server_keys *keys)
{
    static const char *const names[AUTH_PURPOSES] = {
        [AUTH_PURPOSE_THROTTLE] = "throttle",
        [AUTH_PURPOSE_REMOVED_NAME] = "removed-name",
        [AUTH_PURPOSE_REMOVED_ACCOUNT] = "removed-account",
        [AUTH_PURPOSE_INVITE] = "invite",
    };
    struct st_view seed = st_view(keys->oprf_seed, sizeof keys->oprf_seed);
    enum st_err err = ST_OK;
    for (size_t i = 0; i < AUTH_PURPOSES && err == ST_OK; i++) {
        const struct st_view info[] = { st_view_text("SafeTalk-auth "), st_view_text(names[i]) };
        err = st_hkdf_sha512_expand(secrets->keys[i], ST_KEY_LEN, seed, info, 2);
    }
    if (err != ST_OK)
        auth_secrets_deinit(secrets);
    return err;
}

void auth_secrets_deinit(struct auth_secrets *secrets)
{
    st_wipe(secrets, sizeof *secrets);
}

void auth_secrets_hash(uint8_t out[static ST_HASH_LEN], const struct auth_secrets *secrets, enum auth_purpose purpose,
                       uint8_t kind, struct st_view subject)
{
    const struct st_view parts[] = { st_view(&kind, 1), subject };
    st_hmac_sha256(out, st_view(secrets->keys[purpose], ST_KEY_LEN), parts, 2);
}
