#include "services/auth/store_mem_db.h"

void mem_device_key(uint8_t out[static MEM_DEVICE_KEY], const uint8_t *acct, uint32_t dev)
{
    memcpy(out, acct, ST_ACCT_LEN);
    st_put_u32(out + ST_ACCT_LEN, dev);
}

/* Makes the index say that `row` has its transport key. ST_EEXISTS: another device has it. */
static enum st_err claim_tk(struct mem_call *call, const struct mem_device *row)
{
    if (!row->device.has_tk)
        return ST_OK;
    struct mem_tk tk;
    memcpy(tk.key, row->device.tk, sizeof tk.key);
    memcpy(tk.device, row->key, sizeof tk.device);
    return mem_table_insert(mem_table_of(call, MEM_TK), mem_undo_of(call), &tk);
}

static enum st_err release_tk(struct mem_call *call, const struct auth_device *device)
{
    return device->has_tk ? mem_table_delete(mem_table_of(call, MEM_TK), mem_undo_of(call), device->tk) : ST_OK;
}

static void fill_row(struct mem_device *row, const struct auth_device *device)
{
    memset(row, 0, sizeof *row);
    row->device = *device;
    mem_device_key(row->key, device->acct, device->dev);
}

static enum st_err device_insert(void *ctx, const struct auth_device *device)
{
    struct mem_call call;
    enum st_err err = mem_call_begin(&call, ctx);
    if (err != ST_OK)
        return err;
    struct mem_device row;
    fill_row(&row, device);
    if (mem_table_get(mem_table_of(&call, MEM_ACCOUNT), device->acct) == NULL)
        err = ST_ENOTFOUND;
    else
        err = mem_table_insert(mem_table_of(&call, MEM_DEVICE), mem_undo_of(&call), &row);
    if (err == ST_OK)
        err = claim_tk(&call, &row);
    return mem_call_end(&call, err);
}

static enum st_err device_get(void *ctx, const uint8_t *acct, uint32_t dev, struct auth_device *device_r)
{
    struct mem_call call;
    uint8_t key[MEM_DEVICE_KEY];
    memset(device_r, 0, sizeof *device_r);
    enum st_err err = mem_call_begin(&call, ctx);
    if (err != ST_OK)
        return err;
    mem_device_key(key, acct, dev);
    const struct mem_device *row = mem_table_get(mem_table_of(&call, MEM_DEVICE), key);
    if (row != NULL)
        *device_r = row->device;
    return mem_call_end(&call, row != NULL ? ST_OK : ST_ENOTFOUND);
}

static const struct mem_device *find_by_tk(const struct mem_call *call, const uint8_t *tk)
{
    const struct mem_tk *index = mem_table_get(mem_table_of(call, MEM_TK), tk);
    return index == NULL ? NULL : mem_table_get(mem_table_of(call, MEM_DEVICE), index->device);
}

static enum st_err device_by_tk(void *ctx, const uint8_t *tk, struct auth_device *device_r)
{
    struct mem_call call;
    memset(device_r, 0, sizeof *device_r);
    enum st_err err = mem_call_begin(&call, ctx);
    if (err != ST_OK)
        return err;
    const struct mem_device *row = find_by_tk(&call, tk);
    if (row != NULL)
        *device_r = row->device;
    return mem_call_end(&call, row != NULL ? ST_OK : ST_ENOTFOUND);
}

static enum st_err device_all(void *ctx, const uint8_t *acct, struct auth_device *devices_r, size_t *count_r)
{
    struct mem_call call;
    size_t count = 0;
    *count_r = 0;
    enum st_err err = mem_call_begin(&call, ctx);
    if (err != ST_OK)
        return err;
    const struct mem_table *table = mem_table_of(&call, MEM_DEVICE);
    struct mem_place place = mem_table_seek(table, acct, ST_ACCT_LEN);
    const struct mem_device *row;
    while (count < AUTH_DEVICE_ROWS_MAX && (row = mem_table_next(table, &place, acct, ST_ACCT_LEN)) != NULL)
        devices_r[count++] = row->device;
    *count_r = count;
    return mem_call_end(&call, ST_OK);
}

static enum st_err update_device(struct mem_call *call, const struct auth_device *device)
{
    struct mem_device row;
    fill_row(&row, device);
    const struct mem_device *there = mem_table_get(mem_table_of(call, MEM_DEVICE), row.key);
    if (there == NULL)
        return ST_ENOTFOUND;
    enum st_err err = release_tk(call, &there->device);
    if (err == ST_OK)
        err = claim_tk(call, &row);
    if (err == ST_OK)
        err = mem_table_update(mem_table_of(call, MEM_DEVICE), mem_undo_of(call), &row);
    return err;
}

static enum st_err device_update(void *ctx, const struct auth_device *device)
{
    struct mem_call call;
    enum st_err err = mem_call_begin(&call, ctx);
    return err != ST_OK ? err : mem_call_end(&call, update_device(&call, device));
}

enum st_err mem_device_forget_tk(struct mem_call *call, const uint8_t *device_key)
{
    const struct mem_device *there = mem_table_get(mem_table_of(call, MEM_DEVICE), device_key);
    if (there == NULL)
        return ST_ENOTFOUND;
    struct mem_device row = *there;
    row.device.has_tk = false;
    memset(row.device.tk, 0, sizeof row.device.tk);
    enum st_err err = release_tk(call, &there->device);
    return err != ST_OK ? err : mem_table_update(mem_table_of(call, MEM_DEVICE), mem_undo_of(call), &row);
}

/* Both keys are (account, number) twice; the index has the two halves the other way round. */
static void swap_halves(uint8_t out[static MEM_GRANT_KEY], const uint8_t *key)
{
    memcpy(out, key + MEM_DEVICE_KEY, MEM_DEVICE_KEY);
    memcpy(out + MEM_DEVICE_KEY, key, MEM_DEVICE_KEY);
}

enum st_err mem_grant_drop(struct mem_call *call, const uint8_t *grant_key)
{
    uint8_t key[MEM_GRANT_KEY];
    uint8_t index[MEM_BY_REQUESTER_KEY];
    memcpy(key, grant_key, sizeof key);
    swap_halves(index, key);
    enum st_err err = mem_table_delete(mem_table_of(call, MEM_BY_REQUESTER), mem_undo_of(call), index);
    return err != ST_OK ? err : mem_table_delete(mem_table_of(call, MEM_GRANT), mem_undo_of(call), key);
}

/* The grants on a device. */
static enum st_err drop_grants(struct mem_call *call, const uint8_t *device_key)
{
    const struct mem_table *table = mem_table_of(call, MEM_GRANT);
    enum st_err err = ST_OK;
    while (err == ST_OK) {
        struct mem_place place = mem_table_seek(table, device_key, MEM_DEVICE_KEY);
        const struct mem_grant *row = mem_table_next(table, &place, device_key, MEM_DEVICE_KEY);
        if (row == NULL)
            break;
        err = mem_grant_drop(call, row->key);
    }
    return err;
}

enum st_err mem_grants_drop(struct mem_call *call, const uint8_t *requester)
{
    const struct mem_table *table = mem_table_of(call, MEM_BY_REQUESTER);
    enum st_err err = ST_OK;
    while (err == ST_OK) {
        struct mem_place place = mem_table_seek(table, requester, ST_ACCT_LEN);
        const struct mem_by_requester *row = mem_table_next(table, &place, requester, ST_ACCT_LEN);
        if (row == NULL)
            break;
        uint8_t key[MEM_GRANT_KEY];
        swap_halves(key, row->key);
        err = mem_grant_drop(call, key);
    }
    return err;
}

enum st_err mem_device_drop(struct mem_call *call, const uint8_t *device_key)
{
    const struct mem_device *row = mem_table_get(mem_table_of(call, MEM_DEVICE), device_key);
    if (row == NULL)
        return ST_ENOTFOUND;
    struct mem_undo *undo = mem_undo_of(call);
    uint8_t key[MEM_DEVICE_KEY];
    memcpy(key, row->key, sizeof key);
    enum st_err err = release_tk(call, &row->device);
    if (err == ST_OK)
        err = mem_table_delete_all(mem_table_of(call, MEM_OPK), undo, key, sizeof key);
    if (err == ST_OK)
        err = drop_grants(call, key);
    if (err == ST_OK)
        err = mem_table_delete_all(mem_table_of(call, MEM_OFFER), undo, key, sizeof key);
    if (err == ST_OK)
        err = mem_table_delete(mem_table_of(call, MEM_DEVICE), undo, key);
    return err;
}

static enum st_err device_delete(void *ctx, const uint8_t *acct, uint32_t dev)
{
    struct mem_call call;
    uint8_t key[MEM_DEVICE_KEY];
    enum st_err err = mem_call_begin(&call, ctx);
    if (err != ST_OK)
        return err;
    mem_device_key(key, acct, dev);
    return mem_call_end(&call, mem_device_drop(&call, key));
}

static enum st_err get_session(struct mem_call *call, const uint8_t *tk, struct auth_session *session)
{
    const struct mem_device *device = find_by_tk(call, tk);
    if (device == NULL)
        return ST_ENOTFOUND;
    const struct mem_account *account = mem_table_get(mem_table_of(call, MEM_ACCOUNT), device->device.acct);
    if (account == NULL)
        return ST_EFOREIGN;
    uint8_t key[MEM_LIST_KEY];
    memcpy(key, account->key, ST_ACCT_LEN);
    st_put_u64(key + ST_ACCT_LEN, account->account.list_seq);
    const struct mem_list *list = mem_table_get(mem_table_of(call, MEM_LIST), key);
    if (list == NULL)
        return ST_EFOREIGN;
    memcpy(session->acct, account->key, ST_ACCT_LEN);
    session->dev = device->device.dev;
    session->account_state = account->account.state;
    session->device_state = device->device.state;
    session->last_seen_ms = device->device.last_seen_ms;
    session->list = list->list;
    const struct mem_table *opks = mem_table_of(call, MEM_OPK);
    struct mem_place place = mem_table_seek(opks, device->key, sizeof device->key);
    while (mem_table_next(opks, &place, device->key, sizeof device->key) != NULL)
        session->opk_left++;
    return ST_OK;
}

static enum st_err session_get(void *ctx, const uint8_t *tk, struct auth_session *session_r)
{
    struct mem_call call;
    memset(session_r, 0, sizeof *session_r);
    enum st_err err = mem_call_begin(&call, ctx);
    return err != ST_OK ? err : mem_call_end(&call, get_session(&call, tk, session_r));
}

static enum st_err session_touch(void *ctx, const uint8_t *acct, uint32_t dev, int64_t seen_ms)
{
    struct mem_call call;
    uint8_t key[MEM_DEVICE_KEY];
    enum st_err err = mem_call_begin(&call, ctx);
    if (err != ST_OK)
        return err;
    mem_device_key(key, acct, dev);
    const struct mem_device *device = mem_table_get(mem_table_of(&call, MEM_DEVICE), key);
    const struct mem_account *account = mem_table_get(mem_table_of(&call, MEM_ACCOUNT), acct);
    if (device == NULL || account == NULL)
        return mem_call_end(&call, ST_OK);
    struct mem_device device_row = *device;
    struct mem_account account_row = *account;
    device_row.device.last_seen_ms = seen_ms;
    account_row.account.last_seen_ms = seen_ms;
    err = mem_table_update(mem_table_of(&call, MEM_DEVICE), mem_undo_of(&call), &device_row);
    if (err == ST_OK)
        err = mem_table_update(mem_table_of(&call, MEM_ACCOUNT), mem_undo_of(&call), &account_row);
    return mem_call_end(&call, err);
}

void mem_device_ops(struct auth_store_ops *ops)
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
