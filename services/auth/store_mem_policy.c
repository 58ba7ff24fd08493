#include "services/auth/store_mem_db.h"

static enum st_err invite_insert(void *ctx, const struct auth_invite_row *invite)
{
    struct mem_call call;
    enum st_err err = mem_call_begin(&call, ctx);
    if (err != ST_OK)
        return err;
    struct mem_invite row = { .invite = *invite };
    memcpy(row.key, invite->hash, sizeof row.key);
    err = mem_table_insert(mem_table_of(&call, MEM_INVITE), mem_undo_of(&call), &row);
    return mem_call_end(&call, err);
}

static enum st_err invite_get(void *ctx, const uint8_t *hash, struct auth_invite_row *invite_r)
{
    struct mem_call call;
    memset(invite_r, 0, sizeof *invite_r);
    enum st_err err = mem_call_begin(&call, ctx);
    if (err != ST_OK)
        return err;
    const struct mem_invite *row = mem_table_get(mem_table_of(&call, MEM_INVITE), hash);
    if (row != NULL)
        *invite_r = row->invite;
    return mem_call_end(&call, row != NULL ? ST_OK : ST_ENOTFOUND);
}

static enum st_err invite_use(void *ctx, const uint8_t *hash)
{
    struct mem_call call;
    enum st_err err = mem_call_begin(&call, ctx);
    if (err != ST_OK)
        return err;
    const struct mem_invite *there = mem_table_get(mem_table_of(&call, MEM_INVITE), hash);
    if (there == NULL)
        return mem_call_end(&call, ST_ENOTFOUND);
    if (there->invite.uses_left == 0)
        return mem_call_end(&call, ST_ECONFLICT);
    struct mem_invite row = *there;
    row.invite.uses_left--;
    err = mem_table_update(mem_table_of(&call, MEM_INVITE), mem_undo_of(&call), &row);
    return mem_call_end(&call, err);
}

/* Times from 1970 on: they sort as unsigned numbers. */
static void throttle_key(uint8_t out[static MEM_THROTTLE_KEY], const uint8_t *key, int64_t until_ms)
{
    memcpy(out, key, ST_HASH_LEN);
    st_put_u64(out + ST_HASH_LEN, (uint64_t)until_ms);
}

static enum st_err throttle_hit(void *ctx, const uint8_t *key, int64_t until_ms, uint64_t *count_r)
{
    struct mem_call call;
    *count_r = 0;
    enum st_err err = mem_call_begin(&call, ctx);
    if (err != ST_OK)
        return err;
    struct mem_throttle row = { .until_ms = until_ms, .count = 1 };
    throttle_key(row.key, key, until_ms);
    const struct mem_throttle *there = mem_table_get(mem_table_of(&call, MEM_THROTTLE), row.key);
    if (there != NULL) {
        row.count = there->count + 1;
        err = mem_table_update(mem_table_of(&call, MEM_THROTTLE), mem_undo_of(&call), &row);
    } else {
        err = mem_table_insert(mem_table_of(&call, MEM_THROTTLE), mem_undo_of(&call), &row);
    }
    *count_r = err == ST_OK ? row.count : 0;
    return mem_call_end(&call, err);
}

static enum st_err throttle_recent(void *ctx, const uint8_t *key, struct auth_span span, uint64_t *count_r,
                                   int64_t *newest_ms_r)
{
    struct mem_call call;
    uint8_t full[MEM_THROTTLE_KEY];
    *count_r = 0;
    *newest_ms_r = 0;
    enum st_err err = mem_call_begin(&call, ctx);
    if (err != ST_OK)
        return err;
    throttle_key(full, key, span.after_ms > 0 ? span.after_ms + 1 : 0);
    const struct mem_table *table = mem_table_of(&call, MEM_THROTTLE);
    struct mem_place place = mem_table_seek(table, full, sizeof full);
    const struct mem_throttle *row;
    while ((row = mem_table_next(table, &place, key, ST_HASH_LEN)) != NULL && row->until_ms <= span.until_ms) {
        *count_r += row->count;
        *newest_ms_r = row->until_ms;
    }
    return mem_call_end(&call, ST_OK);
}

static enum st_err throttle_clear(void *ctx, const uint8_t *key)
{
    struct mem_call call;
    enum st_err err = mem_call_begin(&call, ctx);
    if (err != ST_OK)
        return err;
    err = mem_table_delete_all(mem_table_of(&call, MEM_THROTTLE), mem_undo_of(&call), key, ST_HASH_LEN);
    return mem_call_end(&call, err);
}

static enum st_err erase_insert(void *ctx, const struct auth_erase *job)
{
    if (job->dev_count > AUTH_ERASE_DEVS_MAX)
        return ST_ELIMIT;
    struct mem_call call;
    enum st_err err = mem_call_begin(&call, ctx);
    if (err != ST_OK)
        return err;
    struct mem_erase row = { .job = *job };
    memcpy(row.key, job->acct, sizeof row.key);
    err = mem_table_insert(mem_table_of(&call, MEM_ERASE), mem_undo_of(&call), &row);
    return mem_call_end(&call, err);
}

static enum st_err erase_due(void *ctx, int64_t now_ms, struct auth_erase *job_r)
{
    struct mem_call call;
    memset(job_r, 0, sizeof *job_r);
    enum st_err err = mem_call_begin(&call, ctx);
    if (err != ST_OK)
        return err;
    const struct mem_table *table = mem_table_of(&call, MEM_ERASE);
    struct mem_place place = { 0, 0 };
    const struct mem_erase *row;
    const struct mem_erase *first = NULL;
    while ((row = mem_table_next(table, &place, "", 0)) != NULL)
        if (row->job.next_ms <= now_ms && (first == NULL || row->job.next_ms < first->job.next_ms))
            first = row;
    if (first != NULL)
        *job_r = first->job;
    return mem_call_end(&call, first != NULL ? ST_OK : ST_ENOTFOUND);
}

static enum st_err erase_later(void *ctx, const uint8_t *acct, int64_t next_ms, uint32_t tries)
{
    struct mem_call call;
    enum st_err err = mem_call_begin(&call, ctx);
    if (err != ST_OK)
        return err;
    const struct mem_erase *there = mem_table_get(mem_table_of(&call, MEM_ERASE), acct);
    if (there == NULL)
        return mem_call_end(&call, ST_OK);
    struct mem_erase row = *there;
    row.job.next_ms = next_ms;
    row.job.tries = tries;
    err = mem_table_update(mem_table_of(&call, MEM_ERASE), mem_undo_of(&call), &row);
    return mem_call_end(&call, err);
}

static enum st_err erase_done(void *ctx, const uint8_t *acct)
{
    struct mem_call call;
    enum st_err err = mem_call_begin(&call, ctx);
    if (err != ST_OK)
        return err;
    err = mem_table_delete(mem_table_of(&call, MEM_ERASE), mem_undo_of(&call), acct);
    return mem_call_end(&call, err == ST_ENOTFOUND ? ST_OK : err);
}

static void copy_cut(char out[static AUTH_AUDIT_MAX + 1], const char *text)
{
    size_t len = strlen(text);
    memcpy(out, text, len < AUTH_AUDIT_MAX ? len : AUTH_AUDIT_MAX);
}

static enum st_err audit(void *ctx, int64_t at_ms, const char *who, const char *what)
{
    struct mem_call call;
    enum st_err err = mem_call_begin(&call, ctx);
    if (err != ST_OK)
        return err;
    struct mem_audit row = { .at_ms = at_ms };
    /* Rows are never deleted, so their count numbers them. */
    st_put_u64(row.key, mem_table_of(&call, MEM_AUDIT)->row_count);
    copy_cut(row.who, who);
    copy_cut(row.what, what);
    err = mem_table_insert(mem_table_of(&call, MEM_AUDIT), mem_undo_of(&call), &row);
    return mem_call_end(&call, err);
}

static enum st_err setting_get(void *ctx, const char *key, uint8_t *value_r, size_t *len_r)
{
    struct mem_call call;
    uint8_t full[MEM_SETTING_KEY] = { 0 };
    *len_r = 0;
    memset(value_r, 0, AUTH_SETTING_MAX);
    enum st_err err = mem_call_begin(&call, ctx);
    if (err != ST_OK)
        return err;
    const struct mem_setting *row = NULL;
    if (strlen(key) <= AUTH_SETTING_KEY_MAX) {
        memcpy(full, key, strlen(key));
        row = mem_table_get(mem_table_of(&call, MEM_SETTING), full);
    }
    if (row != NULL) {
        *len_r = row->len;
        memcpy(value_r, row->value, row->len);
    }
    return mem_call_end(&call, row != NULL ? ST_OK : ST_ENOTFOUND);
}

static enum st_err setting_put(void *ctx, const char *key, struct st_view value)
{
    if (strlen(key) > AUTH_SETTING_KEY_MAX || value.len > AUTH_SETTING_MAX)
        return ST_ELIMIT;
    struct mem_call call;
    enum st_err err = mem_call_begin(&call, ctx);
    if (err != ST_OK)
        return err;
    struct mem_setting row = { .len = (uint8_t)value.len };
    memcpy(row.key, key, strlen(key));
    if (value.len > 0)
        memcpy(row.value, value.p, value.len);
    err = mem_table_update(mem_table_of(&call, MEM_SETTING), mem_undo_of(&call), &row);
    if (err == ST_ENOTFOUND)
        err = mem_table_insert(mem_table_of(&call, MEM_SETTING), mem_undo_of(&call), &row);
    return mem_call_end(&call, err);
}

void mem_policy_ops(struct auth_store_ops *ops)
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
    ops->sweep = mem_sweep;
}
