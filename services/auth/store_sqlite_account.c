#include "services/auth/store_sqlite_db.h"

static void put_account(struct auth_query *query, const struct auth_account *account)
{
    auth_query_bytes(query, account->acct, sizeof account->acct);
    auth_query_text(query, auth_text_view(&account->name));
    auth_query_uint(query, account->state);
    auth_query_bytes(query, account->ak, sizeof account->ak);
    auth_query_bytes(query, account->record, sizeof account->record);
    auth_query_uint(query, account->list_seq);
    auth_query_uint(query, account->next_dev);
    auth_query_uint(query, account->flags);
    auth_query_int(query, account->created_ms);
    auth_query_int(query, account->last_seen_ms);
}

static void get_account(struct auth_query *query, struct auth_account *account)
{
    auth_query_get_bytes(query, account->acct, sizeof account->acct);
    auth_query_get_text(query, &account->name);
    account->state = (enum auth_account_state)auth_query_get_uint(query, AUTH_ACCOUNT_DECOY);
    auth_query_get_bytes(query, account->ak, sizeof account->ak);
    auth_query_get_bytes(query, account->record, sizeof account->record);
    account->list_seq = auth_query_get_uint(query, INT64_MAX);
    account->next_dev = auth_query_get_uint(query, INT64_MAX);
    account->flags = auth_query_get_uint(query, INT64_MAX);
    account->created_ms = auth_query_get_int(query);
    account->last_seen_ms = auth_query_get_int(query);
}

static enum st_err finish_account(struct auth_query *query, struct auth_account *account_r)
{
    memset(account_r, 0, sizeof *account_r);
    bool found = auth_query_step(query);
    if (found)
        get_account(query, account_r);
    enum st_err err = auth_query_finish(query);
    if (err != ST_OK)
        memset(account_r, 0, sizeof *account_r);
    return err == ST_OK && !found ? ST_ENOTFOUND : err;
}

static enum st_err account_insert(void *ctx, const struct auth_account *account)
{
    struct auth_query query;
    auth_query_open(&query, ctx, AUTH_SQL_ACCOUNT_INSERT);
    put_account(&query, account);
    return auth_query_run(&query, NULL);
}

static enum st_err account_by_name(void *ctx, struct st_view name, struct auth_account *account_r)
{
    struct auth_query query;
    auth_query_open(&query, ctx, AUTH_SQL_ACCOUNT_BY_NAME);
    auth_query_text(&query, name);
    return finish_account(&query, account_r);
}

/* A transaction of SQLite that writes is alone from its beginning: nothing more to lock. */
static enum st_err account_by_id(void *ctx, const uint8_t *acct, bool lock, struct auth_account *account_r)
{
    (void)lock;
    struct auth_query query;
    auth_query_open(&query, ctx, AUTH_SQL_ACCOUNT_BY_ID);
    auth_query_bytes(&query, acct, ST_ACCT_LEN);
    return finish_account(&query, account_r);
}

static enum st_err account_update(void *ctx, const struct auth_account *account)
{
    struct auth_query query;
    size_t changes;
    auth_query_open(&query, ctx, AUTH_SQL_ACCOUNT_UPDATE);
    auth_query_uint(&query, account->state);
    auth_query_bytes(&query, account->record, sizeof account->record);
    auth_query_uint(&query, account->list_seq);
    auth_query_uint(&query, account->next_dev);
    auth_query_uint(&query, account->flags);
    auth_query_int(&query, account->last_seen_ms);
    auth_query_bytes(&query, account->acct, sizeof account->acct);
    auth_query_uint(&query, account->list_seq);
    enum st_err err = auth_query_run(&query, &changes);
    if (err != ST_OK || changes > 0)
        return err;
    struct auth_account there;
    err = account_by_id(ctx, account->acct, true, &there);
    return err == ST_OK ? ST_ECONFLICT : err;
}

static enum st_err account_erase(void *ctx, const uint8_t *acct)
{
    struct auth_query query;
    size_t changes;
    auth_query_open(&query, ctx, AUTH_SQL_ACCOUNT_ERASE);
    auth_query_bytes(&query, acct, ST_ACCT_LEN);
    enum st_err err = auth_query_run(&query, &changes);
    return err == ST_OK && changes == 0 ? ST_ENOTFOUND : err;
}

static enum st_err account_count(void *ctx, uint64_t *count_r)
{
    struct auth_query query;
    *count_r = 0;
    auth_query_open(&query, ctx, AUTH_SQL_ACCOUNT_COUNT);
    if (auth_query_step(&query))
        *count_r = auth_query_get_uint(&query, INT64_MAX);
    return auth_query_finish(&query);
}

static enum st_err tombstone_put(void *ctx, const uint8_t *hash, int64_t at_ms)
{
    struct auth_query query;
    auth_query_open(&query, ctx, AUTH_SQL_TOMBSTONE_PUT);
    auth_query_bytes(&query, hash, ST_HASH_LEN);
    auth_query_int(&query, at_ms);
    return auth_query_run(&query, NULL);
}

static enum st_err tombstone_get(void *ctx, const uint8_t *hash)
{
    struct auth_query query;
    auth_query_open(&query, ctx, AUTH_SQL_TOMBSTONE_GET);
    auth_query_bytes(&query, hash, ST_HASH_LEN);
    bool found = auth_query_step(&query);
    enum st_err err = auth_query_finish(&query);
    return err == ST_OK && !found ? ST_ENOTFOUND : err;
}

static enum st_err list_put(void *ctx, const uint8_t *acct, const struct auth_list *list)
{
    struct auth_query query;
    auth_query_open(&query, ctx, AUTH_SQL_LIST_PUT);
    auth_query_bytes(&query, acct, ST_ACCT_LEN);
    auth_query_uint(&query, list->seq);
    auth_query_bytes(&query, list->wire, list->len);
    return auth_query_run(&query, NULL);
}

static enum st_err list_get(void *ctx, const uint8_t *acct, uint64_t seq, struct auth_list *list_r)
{
    struct auth_query query;
    memset(list_r, 0, sizeof *list_r);
    auth_query_open(&query, ctx, AUTH_SQL_LIST_GET);
    auth_query_bytes(&query, acct, ST_ACCT_LEN);
    auth_query_uint(&query, seq);
    bool found = auth_query_step(&query);
    if (found) {
        list_r->seq = auth_query_get_uint(&query, INT64_MAX);
        list_r->len = auth_query_get_blob(&query, list_r->wire, sizeof list_r->wire);
    }
    enum st_err err = auth_query_finish(&query);
    if (err == ST_ELIMIT) /* no list has such a number */
        return ST_ENOTFOUND;
    return err == ST_OK && !found ? ST_ENOTFOUND : err;
}

void auth_sqlite_account_ops(struct auth_store_ops *ops)
{
    ops->account_insert = account_insert;
    ops->account_by_name = account_by_name;
    ops->account_by_id = account_by_id;
    ops->account_update = account_update;
    ops->account_erase = account_erase;
    ops->account_count = account_count;
    ops->tombstone_put = tombstone_put;
    ops->tombstone_get = tombstone_get;
    ops->list_put = list_put;
    ops->list_get = list_get;
}
