#include "services/auth/store_mem_db.h"

static struct auth_text text_key(struct st_view name)
{
    struct auth_text key = { 0 };
    if (name.len > sizeof key.bytes)
        return key; /* nobody has the empty name */
    key.len = (uint8_t)name.len;
    if (name.len > 0)
        memcpy(key.bytes, name.p, name.len);
    return key;
}

static enum st_err account_insert(void *ctx, const struct auth_account *account)
{
    struct mem_call call;
    enum st_err err = mem_call_begin(&call, ctx);
    if (err != ST_OK)
        return err;
    struct mem_account row = { .account = *account };
    memcpy(row.key, account->acct, sizeof row.key);
    struct mem_name name = { .key = text_key(auth_text_view(&account->name)) };
    memcpy(name.acct, account->acct, sizeof name.acct);
    err = mem_table_insert(mem_table_of(&call, MEM_ACCOUNT), mem_undo_of(&call), &row);
    if (err == ST_OK)
        err = mem_table_insert(mem_table_of(&call, MEM_NAME), mem_undo_of(&call), &name);
    return mem_call_end(&call, err);
}

static enum st_err account_by_name(void *ctx, struct st_view name, struct auth_account *account_r)
{
    struct mem_call call;
    memset(account_r, 0, sizeof *account_r);
    enum st_err err = mem_call_begin(&call, ctx);
    if (err != ST_OK)
        return err;
    struct auth_text key = text_key(name);
    const struct mem_name *row = mem_table_get(mem_table_of(&call, MEM_NAME), &key);
    const struct mem_account *account = NULL;
    if (row != NULL)
        account = mem_table_get(mem_table_of(&call, MEM_ACCOUNT), row->acct);
    if (account != NULL)
        *account_r = account->account;
    return mem_call_end(&call, account != NULL ? ST_OK : ST_ENOTFOUND);
}

/* A transaction is alone from its beginning: nothing more to lock. */
static enum st_err account_by_id(void *ctx, const uint8_t *acct, bool lock, struct auth_account *account_r)
{
    (void)lock;
    struct mem_call call;
    memset(account_r, 0, sizeof *account_r);
    enum st_err err = mem_call_begin(&call, ctx);
    if (err != ST_OK)
        return err;
    const struct mem_account *row = mem_table_get(mem_table_of(&call, MEM_ACCOUNT), acct);
    if (row != NULL)
        *account_r = row->account;
    return mem_call_end(&call, row != NULL ? ST_OK : ST_ENOTFOUND);
}

static enum st_err update_account(struct mem_call *call, const struct auth_account *account)
{
    const struct mem_account *there = mem_table_get(mem_table_of(call, MEM_ACCOUNT), account->acct);
    if (there == NULL)
        return ST_ENOTFOUND;
    if (there->account.list_seq > account->list_seq)
        return ST_ECONFLICT;
    struct mem_account row = *there;
    row.account.state = account->state;
    memcpy(row.account.record, account->record, sizeof row.account.record);
    row.account.list_seq = account->list_seq;
    row.account.next_dev = account->next_dev;
    row.account.flags = account->flags;
    row.account.last_seen_ms = account->last_seen_ms;
    return mem_table_update(mem_table_of(call, MEM_ACCOUNT), mem_undo_of(call), &row);
}

static enum st_err account_update(void *ctx, const struct auth_account *account)
{
    struct mem_call call;
    enum st_err err = mem_call_begin(&call, ctx);
    return err != ST_OK ? err : mem_call_end(&call, update_account(&call, account));
}

static enum st_err erase_account(struct mem_call *call, const uint8_t *acct)
{
    const struct mem_account *row = mem_table_get(mem_table_of(call, MEM_ACCOUNT), acct);
    if (row == NULL)
        return ST_ENOTFOUND;
    struct mem_undo *undo = mem_undo_of(call);
    struct auth_text name = row->account.name;
    enum st_err err = mem_grants_drop(call, acct);
    while (err == ST_OK) {
        struct mem_place place = mem_table_seek(mem_table_of(call, MEM_DEVICE), acct, ST_ACCT_LEN);
        const struct mem_device *device = mem_table_next(mem_table_of(call, MEM_DEVICE), &place, acct, ST_ACCT_LEN);
        if (device == NULL)
            break;
        err = mem_device_drop(call, device->key);
    }
    if (err == ST_OK)
        err = mem_table_delete_all(mem_table_of(call, MEM_LIST), undo, acct, ST_ACCT_LEN);
    if (err == ST_OK)
        err = mem_table_delete(mem_table_of(call, MEM_NAME), undo, &name);
    if (err == ST_OK)
        err = mem_table_delete(mem_table_of(call, MEM_ACCOUNT), undo, acct);
    return err;
}

static enum st_err account_erase(void *ctx, const uint8_t *acct)
{
    struct mem_call call;
    enum st_err err = mem_call_begin(&call, ctx);
    return err != ST_OK ? err : mem_call_end(&call, erase_account(&call, acct));
}

static enum st_err account_count(void *ctx, uint64_t *count_r)
{
    struct mem_call call;
    *count_r = 0;
    enum st_err err = mem_call_begin(&call, ctx);
    if (err != ST_OK)
        return err;
    const struct mem_table *table = mem_table_of(&call, MEM_ACCOUNT);
    struct mem_place place = { 0, 0 };
    const struct mem_account *row;
    while ((row = mem_table_next(table, &place, "", 0)) != NULL)
        *count_r += row->account.state != AUTH_ACCOUNT_DECOY;
    return mem_call_end(&call, ST_OK);
}

static enum st_err tombstone_put(void *ctx, const uint8_t *hash, int64_t at_ms)
{
    struct mem_call call;
    enum st_err err = mem_call_begin(&call, ctx);
    if (err != ST_OK)
        return err;
    struct mem_tombstone row = { .at_ms = at_ms };
    memcpy(row.key, hash, sizeof row.key);
    err = mem_table_insert(mem_table_of(&call, MEM_TOMBSTONE), mem_undo_of(&call), &row);
    return mem_call_end(&call, err == ST_EEXISTS ? ST_OK : err);
}

static enum st_err tombstone_get(void *ctx, const uint8_t *hash)
{
    struct mem_call call;
    enum st_err err = mem_call_begin(&call, ctx);
    if (err != ST_OK)
        return err;
    const void *row = mem_table_get(mem_table_of(&call, MEM_TOMBSTONE), hash);
    return mem_call_end(&call, row != NULL ? ST_OK : ST_ENOTFOUND);
}

static void list_key(uint8_t out[static MEM_LIST_KEY], const uint8_t *acct, uint64_t seq)
{
    memcpy(out, acct, ST_ACCT_LEN);
    st_put_u64(out + ST_ACCT_LEN, seq);
}

static enum st_err list_put(void *ctx, const uint8_t *acct, const struct auth_list *list)
{
    struct mem_call call;
    enum st_err err = mem_call_begin(&call, ctx);
    if (err != ST_OK)
        return err;
    struct mem_list row = { .list = *list };
    list_key(row.key, acct, list->seq);
    if (mem_table_get(mem_table_of(&call, MEM_ACCOUNT), acct) == NULL)
        err = ST_ENOTFOUND;
    else
        err = mem_table_insert(mem_table_of(&call, MEM_LIST), mem_undo_of(&call), &row);
    return mem_call_end(&call, err);
}

static enum st_err list_get(void *ctx, const uint8_t *acct, uint64_t seq, struct auth_list *list_r)
{
    struct mem_call call;
    uint8_t key[MEM_LIST_KEY];
    memset(list_r, 0, sizeof *list_r);
    enum st_err err = mem_call_begin(&call, ctx);
    if (err != ST_OK)
        return err;
    list_key(key, acct, seq);
    const struct mem_list *row = mem_table_get(mem_table_of(&call, MEM_LIST), key);
    if (row != NULL)
        *list_r = row->list;
    return mem_call_end(&call, row != NULL ? ST_OK : ST_ENOTFOUND);
}

void mem_account_ops(struct auth_store_ops *ops)
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
