#include "services/auth/store_sqlite_db.h"

static void put_tk(struct auth_query *query, const struct auth_device *device)
{
    if (device->has_tk)
        auth_query_bytes(query, device->tk, sizeof device->tk);
    else
        auth_query_null(query);
}

static void put_keys(struct auth_query *query, const struct auth_device *device)
{
    auth_query_bytes(query, device->dsk, sizeof device->dsk);
    auth_query_bytes(query, device->dik, sizeof device->dik);
    auth_query_text(query, auth_text_view(&device->name));
    auth_query_uint(query, device->spk_id);
    auth_query_bytes(query, device->spk, sizeof device->spk);
    auth_query_bytes(query, device->spk_sig, sizeof device->spk_sig);
    auth_query_uint(query, device->spk_created_s);
    auth_query_uint(query, device->opk_hi);
    auth_query_int(query, device->last_seen_ms);
}

static void get_device(struct auth_query *query, struct auth_device *device)
{
    memset(device, 0, sizeof *device);
    auth_query_get_bytes(query, device->acct, sizeof device->acct);
    device->dev = (uint32_t)auth_query_get_uint(query, UINT32_MAX);
    device->state = (enum auth_device_state)auth_query_get_uint(query, AUTH_DEVICE_PENDING);
    device->has_tk = !auth_query_get_null(query);
    if (device->has_tk)
        auth_query_get_bytes(query, device->tk, sizeof device->tk);
    auth_query_get_bytes(query, device->dsk, sizeof device->dsk);
    auth_query_get_bytes(query, device->dik, sizeof device->dik);
    auth_query_get_text(query, &device->name);
    device->spk_id = (uint32_t)auth_query_get_uint(query, UINT32_MAX);
    auth_query_get_bytes(query, device->spk, sizeof device->spk);
    auth_query_get_bytes(query, device->spk_sig, sizeof device->spk_sig);
    device->spk_created_s = auth_query_get_uint(query, INT64_MAX);
    device->opk_hi = (uint32_t)auth_query_get_uint(query, UINT32_MAX);
    device->last_seen_ms = auth_query_get_int(query);
}

static enum st_err device_insert(void *ctx, const struct auth_device *device)
{
    struct auth_query query;
    auth_query_open(&query, ctx, AUTH_SQL_DEVICE_INSERT);
    auth_query_bytes(&query, device->acct, sizeof device->acct);
    auth_query_uint(&query, device->dev);
    auth_query_uint(&query, device->state);
    put_tk(&query, device);
    put_keys(&query, device);
    return auth_query_run(&query, NULL);
}

static enum st_err finish_device(struct auth_query *query, struct auth_device *device_r)
{
    memset(device_r, 0, sizeof *device_r);
    bool found = auth_query_step(query);
    if (found)
        get_device(query, device_r);
    enum st_err err = auth_query_finish(query);
    if (err != ST_OK)
        memset(device_r, 0, sizeof *device_r);
    return err == ST_OK && !found ? ST_ENOTFOUND : err;
}

static enum st_err device_get(void *ctx, const uint8_t *acct, uint32_t dev, struct auth_device *device_r)
{
    struct auth_query query;
    auth_query_open(&query, ctx, AUTH_SQL_DEVICE_GET);
    auth_query_bytes(&query, acct, ST_ACCT_LEN);
    auth_query_uint(&query, dev);
    return finish_device(&query, device_r);
}

static enum st_err device_by_tk(void *ctx, const uint8_t *tk, struct auth_device *device_r)
{
    struct auth_query query;
    auth_query_open(&query, ctx, AUTH_SQL_DEVICE_BY_TK);
    auth_query_bytes(&query, tk, ST_KEY_LEN);
    return finish_device(&query, device_r);
}

static enum st_err device_all(void *ctx, const uint8_t *acct, struct auth_device *devices_r, size_t *count_r)
{
    struct auth_query query;
    size_t count = 0;
    *count_r = 0;
    auth_query_open(&query, ctx, AUTH_SQL_DEVICE_ALL);
    auth_query_bytes(&query, acct, ST_ACCT_LEN);
    while (count < AUTH_DEVICE_ROWS_MAX && auth_query_step(&query))
        get_device(&query, &devices_r[count++]);
    enum st_err err = auth_query_finish(&query);
    *count_r = err == ST_OK ? count : 0;
    return err;
}

static enum st_err device_update(void *ctx, const struct auth_device *device)
{
    struct auth_query query;
    size_t changes;
    auth_query_open(&query, ctx, AUTH_SQL_DEVICE_UPDATE);
    auth_query_uint(&query, device->state);
    put_tk(&query, device);
    put_keys(&query, device);
    auth_query_bytes(&query, device->acct, sizeof device->acct);
    auth_query_uint(&query, device->dev);
    enum st_err err = auth_query_run(&query, &changes);
    return err == ST_OK && changes == 0 ? ST_ENOTFOUND : err;
}

static enum st_err device_delete(void *ctx, const uint8_t *acct, uint32_t dev)
{
    struct auth_query query;
    size_t changes;
    auth_query_open(&query, ctx, AUTH_SQL_DEVICE_DELETE);
    auth_query_bytes(&query, acct, ST_ACCT_LEN);
    auth_query_uint(&query, dev);
    enum st_err err = auth_query_run(&query, &changes);
    return err == ST_OK && changes == 0 ? ST_ENOTFOUND : err;
}

static enum st_err session_get(void *ctx, const uint8_t *tk, struct auth_session *session_r)
{
    struct auth_query query;
    memset(session_r, 0, sizeof *session_r);
    auth_query_open(&query, ctx, AUTH_SQL_SESSION_GET);
    auth_query_bytes(&query, tk, ST_KEY_LEN);
    bool found = auth_query_step(&query);
    if (found) {
        auth_query_get_bytes(&query, session_r->acct, sizeof session_r->acct);
        session_r->dev = (uint32_t)auth_query_get_uint(&query, UINT32_MAX);
        session_r->account_state = (enum auth_account_state)auth_query_get_uint(&query, AUTH_ACCOUNT_DECOY);
        session_r->device_state = (enum auth_device_state)auth_query_get_uint(&query, AUTH_DEVICE_PENDING);
        session_r->last_seen_ms = auth_query_get_int(&query);
        session_r->list.seq = auth_query_get_uint(&query, INT64_MAX);
        session_r->list.len = auth_query_get_blob(&query, session_r->list.wire, sizeof session_r->list.wire);
        session_r->opk_left = auth_query_get_uint(&query, INT64_MAX);
    }
    enum st_err err = auth_query_finish(&query);
    if (err != ST_OK)
        memset(session_r, 0, sizeof *session_r);
    return err == ST_OK && !found ? ST_ENOTFOUND : err;
}

static enum st_err session_touch(void *ctx, const uint8_t *acct, uint32_t dev, int64_t seen_ms)
{
    struct auth_query query;
    size_t changes = 0;
    bool own;
    enum st_err err = auth_sqlite_enter(ctx, &own);
    if (err != ST_OK)
        return err;
    auth_query_open(&query, ctx, AUTH_SQL_DEVICE_SEEN);
    auth_query_int(&query, seen_ms);
    auth_query_bytes(&query, acct, ST_ACCT_LEN);
    auth_query_uint(&query, dev);
    err = auth_query_run(&query, &changes);
    if (err == ST_OK && changes > 0) {
        auth_query_open(&query, ctx, AUTH_SQL_ACCOUNT_SEEN);
        auth_query_int(&query, seen_ms);
        auth_query_bytes(&query, acct, ST_ACCT_LEN);
        err = auth_query_run(&query, NULL);
    }
    return auth_sqlite_leave(ctx, own, err);
}

void auth_sqlite_device_ops(struct auth_store_ops *ops)
{
    ops->device_insert = device_insert;
    ops->device_get = device_get;
    ops->device_by_tk = device_by_tk;
    ops->device_all = device_all;
    ops->device_update = device_update;
    ops->device_delete = device_delete;
    ops->session_get = session_get;
    ops->session_touch = session_touch;
}
