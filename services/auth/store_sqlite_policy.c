#include "services/auth/store_sqlite_db.h"

static enum st_err invite_insert(void *ctx, const struct auth_invite_row *invite)
{
    struct auth_query query;
    auth_query_open(&query, ctx, AUTH_SQL_INVITE_INSERT);
    auth_query_bytes(&query, invite->hash, sizeof invite->hash);
    auth_query_uint(&query, invite->uses);
    auth_query_uint(&query, invite->uses_left);
    auth_query_text(&query, auth_text_view(&invite->name));
    auth_query_int(&query, invite->expires_ms);
    auth_query_text(&query, auth_text_view(&invite->creator));
    return auth_query_run(&query, NULL);
}

static enum st_err invite_get(void *ctx, const uint8_t *hash, struct auth_invite_row *invite_r)
{
    struct auth_query query;
    memset(invite_r, 0, sizeof *invite_r);
    auth_query_open(&query, ctx, AUTH_SQL_INVITE_GET);
    auth_query_bytes(&query, hash, ST_HASH_LEN);
    bool found = auth_query_step(&query);
    if (found) {
        auth_query_get_bytes(&query, invite_r->hash, sizeof invite_r->hash);
        invite_r->uses = (uint32_t)auth_query_get_uint(&query, UINT32_MAX);
        invite_r->uses_left = (uint32_t)auth_query_get_uint(&query, UINT32_MAX);
        auth_query_get_text(&query, &invite_r->name);
        invite_r->expires_ms = auth_query_get_int(&query);
        auth_query_get_text(&query, &invite_r->creator);
    }
    enum st_err err = auth_query_finish(&query);
    return err == ST_OK && !found ? ST_ENOTFOUND : err;
}

static enum st_err invite_use(void *ctx, const uint8_t *hash)
{
    struct auth_query query;
    size_t changes;
    auth_query_open(&query, ctx, AUTH_SQL_INVITE_USE);
    auth_query_bytes(&query, hash, ST_HASH_LEN);
    enum st_err err = auth_query_run(&query, &changes);
    if (err != ST_OK || changes > 0)
        return err;
    struct auth_invite_row row;
    err = invite_get(ctx, hash, &row);
    return err == ST_OK ? ST_ECONFLICT : err;
}

static enum st_err read_count(void *ctx, const uint8_t *key, int64_t until_ms, uint64_t *count_r)
{
    struct auth_query query;
    *count_r = 0;
    auth_query_open(&query, ctx, AUTH_SQL_THROTTLE_GET);
    auth_query_bytes(&query, key, ST_HASH_LEN);
    auth_query_int(&query, until_ms);
    if (auth_query_step(&query))
        *count_r = auth_query_get_uint(&query, INT64_MAX);
    return auth_query_finish(&query);
}

static enum st_err throttle_hit(void *ctx, const uint8_t *key, int64_t until_ms, uint64_t *count_r)
{
    struct auth_query query;
    bool own;
    *count_r = 0;
    enum st_err err = auth_sqlite_enter(ctx, &own);
    if (err != ST_OK)
        return err;
    auth_query_open(&query, ctx, AUTH_SQL_THROTTLE_HIT);
    auth_query_bytes(&query, key, ST_HASH_LEN);
    auth_query_int(&query, until_ms);
    err = auth_query_run(&query, NULL);
    if (err == ST_OK)
        err = read_count(ctx, key, until_ms, count_r);
    return auth_sqlite_leave(ctx, own, err);
}

static enum st_err throttle_recent(void *ctx, const uint8_t *key, struct auth_span span, uint64_t *count_r,
                                   int64_t *newest_ms_r)
{
    struct auth_query query;
    *count_r = 0;
    *newest_ms_r = 0;
    auth_query_open(&query, ctx, AUTH_SQL_THROTTLE_RECENT);
    auth_query_bytes(&query, key, ST_HASH_LEN);
    auth_query_int(&query, span.after_ms);
    auth_query_int(&query, span.until_ms);
    if (auth_query_step(&query)) {
        *count_r = auth_query_get_uint(&query, INT64_MAX);
        *newest_ms_r = auth_query_get_int(&query);
    }
    return auth_query_finish(&query);
}

static enum st_err throttle_clear(void *ctx, const uint8_t *key)
{
    struct auth_query query;
    auth_query_open(&query, ctx, AUTH_SQL_THROTTLE_CLEAR);
    auth_query_bytes(&query, key, ST_HASH_LEN);
    return auth_query_run(&query, NULL);
}

static enum st_err erase_insert(void *ctx, const struct auth_erase *job)
{
    uint8_t devs[AUTH_ERASE_DEVS_MAX * 4];
    if (job->dev_count > AUTH_ERASE_DEVS_MAX)
        return ST_ELIMIT;
    for (size_t i = 0; i < job->dev_count; i++)
        st_put_u32(devs + 4 * i, job->devs[i]);
    struct auth_query query;
    auth_query_open(&query, ctx, AUTH_SQL_ERASE_INSERT);
    auth_query_bytes(&query, job->acct, sizeof job->acct);
    auth_query_bytes(&query, devs, 4 * job->dev_count);
    auth_query_int(&query, job->next_ms);
    auth_query_uint(&query, job->tries);
    return auth_query_run(&query, NULL);
}

static enum st_err erase_due(void *ctx, int64_t now_ms, struct auth_erase *job_r)
{
    struct auth_query query;
    uint8_t devs[AUTH_ERASE_DEVS_MAX * 4];
    memset(job_r, 0, sizeof *job_r);
    auth_query_open(&query, ctx, AUTH_SQL_ERASE_DUE);
    auth_query_int(&query, now_ms);
    bool found = auth_query_step(&query);
    if (found) {
        auth_query_get_bytes(&query, job_r->acct, sizeof job_r->acct);
        job_r->dev_count = auth_query_get_blob(&query, devs, sizeof devs) / 4;
        job_r->next_ms = auth_query_get_int(&query);
        job_r->tries = (uint32_t)auth_query_get_uint(&query, UINT32_MAX);
    }
    for (size_t i = 0; i < job_r->dev_count; i++)
        job_r->devs[i] = st_get_u32(devs + 4 * i);
    enum st_err err = auth_query_finish(&query);
    return err == ST_OK && !found ? ST_ENOTFOUND : err;
}

static enum st_err erase_later(void *ctx, const uint8_t *acct, int64_t next_ms, uint32_t tries)
{
    struct auth_query query;
    auth_query_open(&query, ctx, AUTH_SQL_ERASE_LATER);
    auth_query_int(&query, next_ms);
    auth_query_uint(&query, tries);
    auth_query_bytes(&query, acct, ST_ACCT_LEN);
    return auth_query_run(&query, NULL);
}

static enum st_err erase_done(void *ctx, const uint8_t *acct)
{
    struct auth_query query;
    auth_query_open(&query, ctx, AUTH_SQL_ERASE_DONE);
    auth_query_bytes(&query, acct, ST_ACCT_LEN);
    return auth_query_run(&query, NULL);
}

static struct st_view cut(const char *text)
{
    struct st_view view = st_view_text(text);
    if (view.len > AUTH_AUDIT_MAX)
        view.len = AUTH_AUDIT_MAX;
    return view;
}

static enum st_err audit(void *ctx, int64_t at_ms, const char *who, const char *what)
{
    struct auth_query query;
    auth_query_open(&query, ctx, AUTH_SQL_AUDIT);
    auth_query_int(&query, at_ms);
    auth_query_text(&query, cut(who));
    auth_query_text(&query, cut(what));
    return auth_query_run(&query, NULL);
}

static enum st_err setting_get(void *ctx, const char *key, uint8_t *value_r, size_t *len_r)
{
    struct auth_query query;
    *len_r = 0;
    memset(value_r, 0, AUTH_SETTING_MAX);
    auth_query_open(&query, ctx, AUTH_SQL_SETTING_GET);
    auth_query_text(&query, st_view_text(key));
    bool found = auth_query_step(&query);
    if (found)
        *len_r = auth_query_get_blob(&query, value_r, AUTH_SETTING_MAX);
    enum st_err err = auth_query_finish(&query);
    return err == ST_OK && !found ? ST_ENOTFOUND : err;
}

static enum st_err setting_put(void *ctx, const char *key, struct st_view value)
{
    if (strlen(key) > AUTH_SETTING_KEY_MAX || value.len > AUTH_SETTING_MAX)
        return ST_ELIMIT;
    struct auth_query query;
    auth_query_open(&query, ctx, AUTH_SQL_SETTING_PUT);
    auth_query_text(&query, st_view_text(key));
    auth_query_bytes(&query, value.p, value.len);
    return auth_query_run(&query, NULL);
}

static enum st_err sweep(void *ctx, enum auth_sweep what, int64_t before, size_t *removed_r)
{
    *removed_r = 0;
    if (what >= AUTH_SWEEPS)
        return ST_ENOTFOUND;
    struct auth_query query;
    auth_query_open(&query, ctx, (enum auth_sql)(AUTH_SQL_SWEEP + what));
    auth_query_int(&query, before);
    auth_query_int(&query, AUTH_SWEEP_ROWS);
    return auth_query_run(&query, removed_r);
}

void auth_sqlite_policy_ops(struct auth_store_ops *ops)
{
    ops->invite_insert = invite_insert;
    ops->invite_get = invite_get;
    ops->invite_use = invite_use;
    ops->throttle_hit = throttle_hit;
    ops->throttle_recent = throttle_recent;
    ops->throttle_clear = throttle_clear;
    ops->erase_insert = erase_insert;
    ops->erase_due = erase_due;
    ops->erase_later = erase_later;
    ops->erase_done = erase_done;
    ops->audit = audit;
    ops->setting_get = setting_get;
    ops->setting_put = setting_put;
    ops->sweep = sweep;
}
