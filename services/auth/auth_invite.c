#include "services/auth/auth_invite.h"

#include <stdio.h>

#include "lib/st_name.h"
#include "services/auth/auth_secrets.h"

static void set_text(struct auth_text *text, struct st_view from)
{
    memset(text, 0, sizeof *text);
    text->len = (uint8_t)(from.len < sizeof text->bytes ? from.len : sizeof text->bytes);
    if (text->len > 0)
        memcpy(text->bytes, from.p, text->len);
}

void auth_invite_hash(uint8_t out[static ST_HASH_LEN], const struct auth_secrets *secrets,
                      const struct st_invite *invite)
{
    auth_secrets_hash(out, secrets, AUTH_PURPOSE_INVITE, 0, st_view(invite->code, ST_INVITE_CHARS));
}

static enum st_err write_invite(const struct auth_store *store, const struct auth_invite_row *row, int64_t now_ms,
                                const char *creator)
{
    char what[AUTH_AUDIT_MAX];
    (void)snprintf(what, sizeof what, "invite for %u accounts, until %lld", (unsigned)row->uses,
                   (long long)(row->expires_ms / 1000));
    enum st_err err = auth_store_begin(store);
    if (err != ST_OK)
        return err;
    err = auth_store_invite_insert(store, row);
    if (err == ST_OK)
        err = auth_store_audit(store, now_ms, creator, what);
    if (err == ST_OK)
        return auth_store_commit(store);
    auth_store_rollback(store);
    return err;
}

enum st_err auth_invite_create(const struct auth_store *store, const struct opaque_server_keys *keys,
                               const struct auth_invite_terms *terms, const struct st_env *env, struct st_invite *out)
{
    memset(out, 0, sizeof *out);
    int64_t now_ms = st_env_wall_ms(env);
    if (terms->uses == 0 || terms->uses > AUTH_INVITE_USES_MAX || terms->expires_ms <= now_ms ||
        (terms->name.len > 0 && !st_name_is_login(terms->name)))
        return ST_EMALFORMED;
    struct auth_secrets secrets;
    enum st_err err = auth_secrets_init(&secrets, keys);
    if (err != ST_OK)
        return err;
    struct st_invite invite;
    struct auth_invite_row row = { .uses = terms->uses, .uses_left = terms->uses, .expires_ms = terms->expires_ms };
    set_text(&row.name, terms->name);
    set_text(&row.creator, st_view_text(terms->creator));
    st_invite_random(&invite, env);
    auth_invite_hash(row.hash, &secrets, &invite);
    auth_secrets_deinit(&secrets);
    err = write_invite(store, &row, now_ms, terms->creator);
    if (err == ST_OK)
        *out = invite;
    return err;
}

enum st_err auth_invite_look(const struct auth_store *store, const struct opaque_server_keys *keys,
                             const struct st_invite *invite, struct auth_invite_row *row_r)
{
    uint8_t hash[ST_HASH_LEN];
    struct auth_secrets secrets;
    memset(row_r, 0, sizeof *row_r);
    enum st_err err = auth_secrets_init(&secrets, keys);
    if (err != ST_OK)
        return err;
    auth_invite_hash(hash, &secrets, invite);
    auth_secrets_deinit(&secrets);
    return auth_store_invite_get(store, hash, row_r);
}

enum st_err auth_has_accounts(const struct auth_store *store, bool *has_r)
{
    uint64_t count;
    enum st_err err = auth_store_account_count(store, &count);
    *has_r = err == ST_OK && count > 0;
    return err;
}
