#include "services/auth/auth_internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/st_wipe.h"

enum st_err auth_ake_init(struct auth_ake_table *table, size_t max, const struct st_env *env)
{
    uint8_t seed[ST_MAP_SEED_BYTES];
    memset(table, 0, sizeof *table);
    table->max = max;
    st_env_random(env, seed, sizeof seed);
    return st_map_new(&table->map, AUTH_AKE_KEY, max, seed);
}

void auth_ake_free(struct auth_ake *ake)
{
    if (ake == NULL)
        return;
    opaque_server_login_deinit(&ake->login);
    st_wipe(ake, sizeof *ake);
    free(ake);
}

void auth_ake_deinit(struct auth_ake_table *table)
{
    for (struct auth_ake *ake = table->oldest; ake != NULL;) {
        struct auth_ake *next = ake->newer;
        auth_ake_free(ake);
        ake = next;
    }
    st_map_free(&table->map);
    memset(table, 0, sizeof *table);
}

static void make_key(uint8_t key[static AUTH_AKE_KEY], const struct service_peer *from, uint64_t sid)
{
    memset(key, 0, AUTH_AKE_KEY);
    memcpy(key, from->name, strnlen(from->name, SERVICE_PEER_MAX));
    st_put_u64(key + SERVICE_PEER_MAX + 1, sid);
}

/* Takes it out of map and list. */
static void unlink_ake(struct auth_ake_table *table, struct auth_ake *ake)
{
    (void)st_map_remove(table->map, ake->key);
    if (ake->older != NULL)
        ake->older->newer = ake->newer;
    else
        table->oldest = ake->newer;
    if (ake->newer != NULL)
        ake->newer->older = ake->older;
    else
        table->newest = ake->older;
    ake->older = NULL;
    ake->newer = NULL;
}

void auth_ake_expire(struct auth_ake_table *table, int64_t now_ms)
{
    while (table->oldest != NULL && table->oldest->expires_ms <= now_ms) {
        struct auth_ake *ake = table->oldest;
        unlink_ake(table, ake);
        auth_ake_free(ake);
    }
}

enum st_err auth_ake_put(struct auth_ake_table *table, const struct service_peer *from, uint64_t sid, int64_t now_ms,
                         const struct auth_ake *ake)
{
    uint8_t key[AUTH_AKE_KEY];
    make_key(key, from, sid);
    auth_ake_expire(table, now_ms);
    struct auth_ake *old = st_map_get(table->map, key);
    if (old != NULL) {
        unlink_ake(table, old);
        auth_ake_free(old);
    }
    if (st_map_count(table->map) >= table->max)
        return ST_ELIMIT;
    struct auth_ake *copy = malloc(sizeof *copy);
    if (copy == NULL)
        return ST_ENOMEM;
    *copy = *ake;
    memcpy(copy->key, key, sizeof copy->key);
    copy->expires_ms = now_ms + AUTH_LOGIN_MS;
    copy->older = table->newest;
    copy->newer = NULL;
    enum st_err err = st_map_put(table->map, copy->key, copy);
    if (err != ST_OK) {
        auth_ake_free(copy);
        return err;
    }
    if (table->newest != NULL)
        table->newest->newer = copy;
    else
        table->oldest = copy;
    table->newest = copy;
    return ST_OK;
}

struct auth_ake *auth_ake_take(struct auth_ake_table *table, const struct service_peer *from, uint64_t sid,
                               int64_t now_ms, enum auth_ake_kind kind)
{
    uint8_t key[AUTH_AKE_KEY];
    make_key(key, from, sid);
    auth_ake_expire(table, now_ms);
    struct auth_ake *ake = st_map_get(table->map, key);
    if (ake == NULL || ake->kind != kind)
        return NULL;
    unlink_ake(table, ake);
    return ake;
}

/* Stand-ins: so many rows, spread over the table like those of people. */
enum { DECOYS = 64, STAND_IN_NAME = 24, STAND_IN_KIND = 0xff };

/* Neither is a login name: those have no capitals. */
static struct st_view decoy_name(char out[static STAND_IN_NAME], unsigned number)
{
    (void)snprintf(out, STAND_IN_NAME, "%02xDECOY", number % DECOYS);
    return st_view_text(out);
}

static struct st_view absent_name(char out[static STAND_IN_NAME], uint64_t number)
{
    (void)snprintf(out, STAND_IN_NAME, "%016llxNOONE", (unsigned long long)number);
    return st_view_text(out);
}

static enum st_err make_decoy(const struct auth_core *core, unsigned number)
{
    char name[STAND_IN_NAME];
    struct auth_account decoy;
    struct st_view view = decoy_name(name, number);
    enum st_err err = auth_store_account_by_name(&core->store, view, &decoy);
    if (err != ST_ENOTFOUND)
        return err;
    memset(&decoy, 0, sizeof decoy);
    st_env_random(&core->env, decoy.acct, sizeof decoy.acct); /* an id that nobody can name */
    auth_set_text(&decoy.name, view);
    decoy.state = AUTH_ACCOUNT_DECOY;
    return auth_store_account_insert(&core->store, &decoy);
}

enum st_err auth_make_decoys(const struct auth_core *core)
{
    enum st_err err = ST_OK;
    for (unsigned number = 0; number < DECOYS && err == ST_OK; number++)
        err = make_decoy(core, number);
    return err;
}

enum st_err auth_find_account(const struct auth_core *core, struct st_view name, struct auth_account *account_r)
{
    uint8_t hash[ST_HASH_LEN];
    char decoy[STAND_IN_NAME];
    char absent[STAND_IN_NAME];
    struct auth_account other;
    /* Both are made for every name, from a number that looks random and is always the same for it. */
    auth_secrets_hash(hash, &core->secrets, AUTH_PURPOSE_THROTTLE, STAND_IN_KIND, name);
    struct st_view there = decoy_name(decoy, hash[0]);
    struct st_view nobody = absent_name(absent, st_get_u64(hash));
    enum st_err err = auth_store_account_by_name(&core->store, name, account_r);
    if (err != ST_OK && err != ST_ENOTFOUND)
        return err;
    enum st_err balance = auth_store_account_by_name(&core->store, err == ST_OK ? nobody : there, &other);
    return balance != ST_OK && balance != ST_ENOTFOUND ? balance : err;
}

static void hash_record(uint8_t out[static ST_HASH_LEN], const struct auth_account *account)
{
    (void)crypto_hash_sha256(out, account->record, sizeof account->record); /* always 0 */
}

enum st_err auth_start_ake(struct auth_request *request, struct auth_ake *ake, const struct auth_account *account,
                           struct st_view ke1, struct st_opaque_ke2 *ke2_r)
{
    struct auth_core *core = request->core;
    /* A record of zeros stands in for none, so that both ways do the same work. */
    static const struct auth_account nobody = { .state = AUTH_ACCOUNT_ACTIVE };
    const struct auth_account *source = account != NULL ? account : &nobody;
    uint8_t context[ST_OPAQUE_LOGIN_CONTEXT_BYTES];
    ake->has_account = account != NULL;
    memcpy(ake->acct, source->acct, sizeof ake->acct);
    hash_record(ake->record_hash, source);
    enum st_err err = st_opaque_login_context(context, ake->tk, core->config.enrol_key, &core->config.ksf);
    if (err != ST_OK)
        return err;
    const struct opaque_server_attempt attempt = {
        .ke1 = ke1,
        .credential_id = auth_text_view(&ake->name),
        .record = st_view(source->record, account != NULL ? sizeof source->record : 0),
        .parties = { .client_identity = auth_text_view(&ake->name),
                     .server_identity = st_view(core->config.server_id, sizeof core->config.server_id),
                     .context = st_view(context, sizeof context) },
    };
    return opaque_server_login_start(&ake->login, ke2_r, &core->config.keys, &attempt, &core->env);
}

enum st_err auth_finish_ake(struct auth_request *request, struct auth_ake *ake, struct st_view ke3,
                            struct auth_account *account_r)
{
    uint8_t session_key[ST_OPAQUE_HASH_BYTES];
    uint8_t record_hash[ST_HASH_LEN];
    memset(account_r, 0, sizeof *account_r);
    enum st_err err = opaque_server_login_finish(session_key, &ake->login, ke3);
    ST_WIPE(session_key); /* the connection has keys of its own */
    if (err != ST_OK)
        return ST_EINTEGRITY;
    err = auth_store_account_by_id(&request->core->store, ake->acct, true, account_r);
    if (err == ST_ENOTFOUND)
        return ST_EINTEGRITY; /* removed meanwhile */
    if (err != ST_OK)
        return err;
    hash_record(record_hash, account_r);
    if (sodium_memcmp(record_hash, ake->record_hash, sizeof record_hash) != 0)
        return ST_EINTEGRITY; /* the password was changed meanwhile */
    return ST_OK;
}
