/* Where accounts live: one struct of function pointers, several backends (store_sqlite.h, store_mem.h). The same
 * contract suite runs over every backend (tests/contract/auth_store).
 *
 * Transactions. auth_store_begin … auth_store_commit makes what lies between all or nothing. They nest once: an outer
 * one is a *batch* of requests, an inner one a request, which may be rolled back alone. Nothing is durable before the
 * outermost commit has answered ST_OK. A call outside of any transaction is one of its own.
 * After the failure of any call inside a transaction with ST_EUNAVAILABLE, ST_EUNCERTAIN, ST_EFULL, ST_EFOREIGN,
 * ST_ENOMEM or ST_EIO (a *store error*, auth_store_failed) the whole batch is lost: everything further in it fails with
 * ST_EUNAVAILABLE until the outermost commit or rollback, which undoes everything. The other errors are answers, and
 * leave the transaction as it was.
 *
 * Rows that several auths may change at once are read with `lock` inside a transaction (SELECT … FOR UPDATE where an
 * engine has it); compare-and-set calls answer ST_ECONFLICT, inserts ST_EEXISTS, and the caller starts again.
 *
 * One store is used by one thread. Several auths may share one database, each through a store of its own. */
#ifndef AUTH_STORE_H
#define AUTH_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/st_bytes.h"
#include "lib/st_err.h"
#include "services/auth/store_row.h"

/* A backend. `ctx` is its own store object. The contract of each call stands with its wrapper below. */
struct auth_store_ops {
    const char *name; /* "sqlite", "mem": for the log */
    enum st_err (*begin)(void *ctx);
    enum st_err (*commit)(void *ctx);
    void (*rollback)(void *ctx);

    enum st_err (*account_insert)(void *ctx, const struct auth_account *account);
    enum st_err (*account_by_name)(void *ctx, struct st_view name, struct auth_account *account_r);
    enum st_err (*account_by_id)(void *ctx, const uint8_t *acct, bool lock, struct auth_account *account_r);
    enum st_err (*account_update)(void *ctx, const struct auth_account *account);
    enum st_err (*account_erase)(void *ctx, const uint8_t *acct);
    enum st_err (*account_count)(void *ctx, uint64_t *count_r);
    enum st_err (*tombstone_put)(void *ctx, const uint8_t *hash, int64_t at_ms);
    enum st_err (*tombstone_get)(void *ctx, const uint8_t *hash);

    enum st_err (*device_insert)(void *ctx, const struct auth_device *device);
    enum st_err (*device_get)(void *ctx, const uint8_t *acct, uint32_t dev, struct auth_device *device_r);
    enum st_err (*device_by_tk)(void *ctx, const uint8_t *tk, struct auth_device *device_r);
    enum st_err (*device_all)(void *ctx, const uint8_t *acct, struct auth_device *devices_r, size_t *count_r);
    enum st_err (*device_update)(void *ctx, const struct auth_device *device);
    enum st_err (*device_delete)(void *ctx, const uint8_t *acct, uint32_t dev);
    enum st_err (*session_get)(void *ctx, const uint8_t *tk, struct auth_session *session_r);
    enum st_err (*session_touch)(void *ctx, const uint8_t *acct, uint32_t dev, int64_t seen_ms);

    enum st_err (*list_put)(void *ctx, const uint8_t *acct, const struct auth_list *list);
    enum st_err (*list_get)(void *ctx, const uint8_t *acct, uint64_t seq, struct auth_list *list_r);

    enum st_err (*opk_put)(void *ctx, const uint8_t *acct, uint32_t dev, const struct auth_opk *opk);
    enum st_err (*opk_count)(void *ctx, const uint8_t *acct, uint32_t dev, uint64_t *count_r);
    enum st_err (*opk_take)(void *ctx, const uint8_t *acct, uint32_t dev, struct auth_opk *opk_r);
    enum st_err (*grant_insert)(void *ctx, const struct auth_grant *grant);
    enum st_err (*grant_get)(void *ctx, struct auth_grant *grant);
    enum st_err (*grant_targets)(void *ctx, const struct auth_grant *grant, bool *known_r, uint64_t *others_r);

    enum st_err (*offer_put)(void *ctx, const struct auth_offer *offer);
    enum st_err (*offer_all)(void *ctx, const uint8_t *acct, int64_t now_ms, struct auth_offer *offers_r,
                             size_t *count_r);
    enum st_err (*offer_delete)(void *ctx, const uint8_t *acct, uint32_t dev);

    enum st_err (*invite_insert)(void *ctx, const struct auth_invite_row *invite);
    enum st_err (*invite_get)(void *ctx, const uint8_t *hash, struct auth_invite_row *invite_r);
    enum st_err (*invite_use)(void *ctx, const uint8_t *hash);

    enum st_err (*throttle_hit)(void *ctx, const uint8_t *key, int64_t until_ms, uint64_t *count_r);
    enum st_err (*throttle_recent)(void *ctx, const uint8_t *key, struct auth_span span, uint64_t *count_r,
                                   int64_t *newest_ms_r);
    enum st_err (*throttle_clear)(void *ctx, const uint8_t *key);

    enum st_err (*erase_insert)(void *ctx, const struct auth_erase *job);
    enum st_err (*erase_due)(void *ctx, int64_t now_ms, struct auth_erase *job_r);
    enum st_err (*erase_later)(void *ctx, const uint8_t *acct, int64_t next_ms, uint32_t tries);
    enum st_err (*erase_done)(void *ctx, const uint8_t *acct);

    enum st_err (*audit)(void *ctx, int64_t at_ms, const char *who, const char *what);
    enum st_err (*setting_get)(void *ctx, const char *key, uint8_t *value_r, size_t *len_r);
    enum st_err (*setting_put)(void *ctx, const char *key, struct st_view value);
    enum st_err (*sweep)(void *ctx, enum auth_sweep what, int64_t before, size_t *removed_r);
    void (*close)(void *ctx);
};

/* An open store, by value. What opened it says how long it lives. */
struct auth_store {
    const struct auth_store_ops *ops;
    void *ctx;
};

/* Is this the store's failure (the database cannot be reached, is full, broken …) and not an answer? */
static inline bool auth_store_failed(enum st_err err)
{
    return err == ST_EUNAVAILABLE || err == ST_EUNCERTAIN || err == ST_EFULL || err == ST_EFOREIGN ||
           err == ST_ENOMEM || err == ST_EIO;
}

/* Every call below may also answer a store error. Unless said otherwise ST_ENOTFOUND means that there is no such row,
 * outputs are then zeroed. Inputs are borrowed, and must not lie inside an output. */

/* ---- transactions ---- */

/* Begins a transaction, or one inside it. ST_EREFUSED beyond that depth. */
static inline enum st_err ST_MUST_CHECK auth_store_begin(const struct auth_store *store)
{
    return store->ops->begin(store->ctx);
}

/* Ends the innermost one. If it is the outermost and answers ST_OK, all of it is on disk. ST_EUNAVAILABLE: nothing of
 * it happened, as with ST_EFULL. ST_EUNCERTAIN: the connection broke while it was confirmed. In every case the
 * transaction is over. */
static inline enum st_err ST_MUST_CHECK auth_store_commit(const struct auth_store *store)
{
    return store->ops->commit(store->ctx);
}

/* Undoes the innermost one and ends it. Without one nothing happens. */
static inline void auth_store_rollback(const struct auth_store *store)
{
    store->ops->rollback(store->ctx);
}

/* ---- accounts ---- */

/* ST_EEXISTS: its name or id is there. */
static inline enum st_err ST_MUST_CHECK auth_store_account_insert(const struct auth_store *store,
                                                                  const struct auth_account *account)
{
    return store->ops->account_insert(store->ctx, account);
}

/* One look by the unique name; the same work whether or not it is there. */
static inline enum st_err ST_MUST_CHECK auth_store_account_by_name(const struct auth_store *store, struct st_view name,
                                                                   struct auth_account *account_r)
{
    return store->ops->account_by_name(store->ctx, name, account_r);
}

/* With `lock` nobody else changes the row until the transaction ends. */
static inline enum st_err ST_MUST_CHECK auth_store_account_by_id(const struct auth_store *store, const uint8_t *acct,
                                                                 bool lock, struct auth_account *account_r)
{
    return store->ops->account_by_id(store->ctx, acct, lock, account_r);
}

/* Writes state, record, list_seq, next_dev, flags and last_seen_ms of a row that was read with `lock` in this
 * transaction. ST_ECONFLICT: the row's list_seq is now above the one written, which never sinks. */
static inline enum st_err ST_MUST_CHECK auth_store_account_update(const struct auth_store *store,
                                                                  const struct auth_account *account)
{
    return store->ops->account_update(store->ctx, account);
}

/* Deletes the account with its devices, lists, prekeys, offers, and grants on both sides. */
static inline enum st_err ST_MUST_CHECK auth_store_account_erase(const struct auth_store *store, const uint8_t *acct)
{
    return store->ops->account_erase(store->ctx, acct);
}

/* How many there are, decoys not counted. */
static inline enum st_err ST_MUST_CHECK auth_store_account_count(const struct auth_store *store, uint64_t *count_r)
{
    return store->ops->account_count(store->ctx, count_r);
}

/* Remembers for ever that this name or account id (hashed with a key, 32 bytes) was removed. Twice is fine. */
static inline enum st_err ST_MUST_CHECK auth_store_tombstone_put(const struct auth_store *store, const uint8_t *hash,
                                                                 int64_t at_ms)
{
    return store->ops->tombstone_put(store->ctx, hash, at_ms);
}

/* ST_OK if it was. */
static inline enum st_err ST_MUST_CHECK auth_store_tombstone_get(const struct auth_store *store, const uint8_t *hash)
{
    return store->ops->tombstone_get(store->ctx, hash);
}

/* ---- devices ---- */

/* ST_EEXISTS: this device, or its transport key, is there. ST_ENOTFOUND: no such account. */
static inline enum st_err ST_MUST_CHECK auth_store_device_insert(const struct auth_store *store,
                                                                 const struct auth_device *device)
{
    return store->ops->device_insert(store->ctx, device);
}

static inline enum st_err ST_MUST_CHECK auth_store_device_get(const struct auth_store *store, const uint8_t *acct,
                                                              uint32_t dev, struct auth_device *device_r)
{
    return store->ops->device_get(store->ctx, acct, dev, device_r);
}

static inline enum st_err ST_MUST_CHECK auth_store_device_by_tk(const struct auth_store *store, const uint8_t *tk,
                                                                struct auth_device *device_r)
{
    return store->ops->device_by_tk(store->ctx, tk, device_r);
}

/* All rows of an account by rising dev; `devices_r` has room for AUTH_DEVICE_ROWS_MAX. None: ST_OK and 0. */
static inline enum st_err ST_MUST_CHECK auth_store_device_all(const struct auth_store *store, const uint8_t *acct,
                                                              struct auth_device *devices_r, size_t *count_r)
{
    return store->ops->device_all(store->ctx, acct, devices_r, count_r);
}

/* Writes the whole row. ST_EEXISTS: the transport key is another device's. */
static inline enum st_err ST_MUST_CHECK auth_store_device_update(const struct auth_store *store,
                                                                 const struct auth_device *device)
{
    return store->ops->device_update(store->ctx, device);
}

/* Deletes the row with its prekeys, its offer and the grants on it. */
static inline enum st_err ST_MUST_CHECK auth_store_device_delete(const struct auth_store *store, const uint8_t *acct,
                                                                 uint32_t dev)
{
    return store->ops->device_delete(store->ctx, acct, dev);
}

/* ST_EFOREIGN: its account has no newest list. */
static inline enum st_err ST_MUST_CHECK auth_store_session_get(const struct auth_store *store, const uint8_t *tk,
                                                               struct auth_session *session_r)
{
    return store->ops->session_get(store->ctx, tk, session_r);
}

/* Notes when a device and its account were last seen. No such device: nothing happens. */
static inline enum st_err ST_MUST_CHECK auth_store_session_touch(const struct auth_store *store, const uint8_t *acct,
                                                                 uint32_t dev, int64_t seen_ms)
{
    return store->ops->session_touch(store->ctx, acct, dev, seen_ms);
}

/* ---- device lists ---- */

/* ST_EEXISTS: there is one with this seq. ST_ENOTFOUND: no such account. */
static inline enum st_err ST_MUST_CHECK auth_store_list_put(const struct auth_store *store, const uint8_t *acct,
                                                            const struct auth_list *list)
{
    return store->ops->list_put(store->ctx, acct, list);
}

static inline enum st_err ST_MUST_CHECK auth_store_list_get(const struct auth_store *store, const uint8_t *acct,
                                                            uint64_t seq, struct auth_list *list_r)
{
    return store->ops->list_get(store->ctx, acct, seq, list_r);
}

/* ---- prekeys ---- */

/* ST_EEXISTS: this id is there. ST_ENOTFOUND: no such device. */
static inline enum st_err ST_MUST_CHECK auth_store_opk_put(const struct auth_store *store, const uint8_t *acct,
                                                           uint32_t dev, const struct auth_opk *opk)
{
    return store->ops->opk_put(store->ctx, acct, dev, opk);
}

static inline enum st_err ST_MUST_CHECK auth_store_opk_count(const struct auth_store *store, const uint8_t *acct,
                                                             uint32_t dev, uint64_t *count_r)
{
    return store->ops->opk_count(store->ctx, acct, dev, count_r);
}

/* Takes one out, the lowest id that no other transaction is taking; it is gone with the commit. ST_ENOTFOUND: none. */
static inline enum st_err ST_MUST_CHECK auth_store_opk_take(const struct auth_store *store, const uint8_t *acct,
                                                            uint32_t dev, struct auth_opk *opk_r)
{
    return store->ops->opk_take(store->ctx, acct, dev, opk_r);
}

/* ST_EEXISTS: this requester has a grant on this device today. ST_ENOTFOUND: no such device, or requester. */
static inline enum st_err ST_MUST_CHECK auth_store_grant_insert(const struct auth_store *store,
                                                                const struct auth_grant *grant)
{
    return store->ops->grant_insert(store->ctx, grant);
}

/* Fills nonce and opk of the grant with this target, dev, requester and day. */
static inline enum st_err ST_MUST_CHECK auth_store_grant_get(const struct auth_store *store, struct auth_grant *grant)
{
    return store->ops->grant_get(store->ctx, grant);
}

/* Whom has grant->requester taken bundles of on grant->day? *known_r: of grant->target already. *others_r: of how many
 * other accounts, the requester itself not counted. */
static inline enum st_err ST_MUST_CHECK auth_store_grant_targets(const struct auth_store *store,
                                                                 const struct auth_grant *grant, bool *known_r,
                                                                 uint64_t *others_r)
{
    return store->ops->grant_targets(store->ctx, grant, known_r, others_r);
}

/* ---- link offers ---- */

/* Replaces an earlier offer of this device. ST_ENOTFOUND: no such device. */
static inline enum st_err ST_MUST_CHECK auth_store_offer_put(const struct auth_store *store,
                                                             const struct auth_offer *offer)
{
    return store->ops->offer_put(store->ctx, offer);
}

/* The account's offers that have not expired, by rising dev; room for ST_DEVICES_MAX. None: ST_OK and 0. */
static inline enum st_err ST_MUST_CHECK auth_store_offer_all(const struct auth_store *store, const uint8_t *acct,
                                                             int64_t now_ms, struct auth_offer *offers_r,
                                                             size_t *count_r)
{
    return store->ops->offer_all(store->ctx, acct, now_ms, offers_r, count_r);
}

/* None is fine. */
static inline enum st_err ST_MUST_CHECK auth_store_offer_delete(const struct auth_store *store, const uint8_t *acct,
                                                                uint32_t dev)
{
    return store->ops->offer_delete(store->ctx, acct, dev);
}

/* ---- invites ---- */

static inline enum st_err ST_MUST_CHECK auth_store_invite_insert(const struct auth_store *store,
                                                                 const struct auth_invite_row *invite)
{
    return store->ops->invite_insert(store->ctx, invite);
}

static inline enum st_err ST_MUST_CHECK auth_store_invite_get(const struct auth_store *store, const uint8_t *hash,
                                                              struct auth_invite_row *invite_r)
{
    return store->ops->invite_get(store->ctx, hash, invite_r);
}

/* Takes one use. ST_ECONFLICT: none is left. */
static inline enum st_err ST_MUST_CHECK auth_store_invite_use(const struct auth_store *store, const uint8_t *hash)
{
    return store->ops->invite_use(store->ctx, hash);
}

/* ---- throttle ---- */

/* Counts one event under a key (32 bytes, hashed with a secret) in the window that ends at `until_ms`, and says how
 * many there are now. One upsert, the same for every key. */
static inline enum st_err ST_MUST_CHECK auth_store_throttle_hit(const struct auth_store *store, const uint8_t *key,
                                                                int64_t until_ms, uint64_t *count_r)
{
    return store->ops->throttle_hit(store->ctx, key, until_ms, count_r);
}

/* How many events there are under a key in all windows that end within the span, and when the last of these ends; 0 and
 * 0 if there are none. */
static inline enum st_err ST_MUST_CHECK auth_store_throttle_recent(const struct auth_store *store, const uint8_t *key,
                                                                   struct auth_span span, uint64_t *count_r,
                                                                   int64_t *newest_ms_r)
{
    return store->ops->throttle_recent(store->ctx, key, span, count_r, newest_ms_r);
}

/* Forgets all windows of a key. */
static inline enum st_err ST_MUST_CHECK auth_store_throttle_clear(const struct auth_store *store, const uint8_t *key)
{
    return store->ops->throttle_clear(store->ctx, key);
}

/* ---- erasing mailboxes ---- */

static inline enum st_err ST_MUST_CHECK auth_store_erase_insert(const struct auth_store *store,
                                                                const struct auth_erase *job)
{
    return store->ops->erase_insert(store->ctx, job);
}

/* Reads the job that is due for longest and that no other transaction is working on; inside a transaction it stays
 * ours until that ends. */
static inline enum st_err ST_MUST_CHECK auth_store_erase_due(const struct auth_store *store, int64_t now_ms,
                                                             struct auth_erase *job_r)
{
    return store->ops->erase_due(store->ctx, now_ms, job_r);
}

/* Puts it off. None is fine. */
static inline enum st_err ST_MUST_CHECK auth_store_erase_later(const struct auth_store *store, const uint8_t *acct,
                                                               int64_t next_ms, uint32_t tries)
{
    return store->ops->erase_later(store->ctx, acct, next_ms, tries);
}

/* Removes it. None is fine. */
static inline enum st_err ST_MUST_CHECK auth_store_erase_done(const struct auth_store *store, const uint8_t *acct)
{
    return store->ops->erase_done(store->ctx, acct);
}

/* ---- the rest ---- */

/* Writes down who did what, up to AUTH_AUDIT_MAX bytes each. */
static inline enum st_err ST_MUST_CHECK auth_store_audit(const struct auth_store *store, int64_t at_ms, const char *who,
                                                         const char *what)
{
    return store->ops->audit(store->ctx, at_ms, who, what);
}

/* Reads a setting into `value_r`, which holds AUTH_SETTING_MAX bytes. */
static inline enum st_err ST_MUST_CHECK auth_store_setting_get(const struct auth_store *store, const char *key,
                                                               uint8_t *value_r, size_t *len_r)
{
    return store->ops->setting_get(store->ctx, key, value_r, len_r);
}

/* Sets it. ST_ELIMIT: key or value too long. */
static inline enum st_err ST_MUST_CHECK auth_store_setting_put(const struct auth_store *store, const char *key,
                                                               struct st_view value)
{
    return store->ops->setting_put(store->ctx, key, value);
}

/* Removes at most AUTH_SWEEP_ROWS rows; as many as that means that there may be more. */
static inline enum st_err ST_MUST_CHECK auth_store_sweep(const struct auth_store *store, enum auth_sweep what,
                                                         int64_t before, size_t *removed_r)
{
    return store->ops->sweep(store->ctx, what, before, removed_r);
}

/* Closes the store; the struct is empty afterwards. An open transaction is undone. An empty one is fine. */
static inline void auth_store_close(struct auth_store *store)
{
    if (store->ops != NULL)
        store->ops->close(store->ctx);
    store->ops = NULL;
    store->ctx = NULL;
}

#endif
