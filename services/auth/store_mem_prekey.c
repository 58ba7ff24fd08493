#include "services/auth/store_mem_db.h"

static bool has_device(const struct mem_call *call, const uint8_t *acct, uint32_t dev)
{
    uint8_t key[MEM_DEVICE_KEY];
    mem_device_key(key, acct, dev);
    return mem_table_get(mem_table_of(call, MEM_DEVICE), key) != NULL;
}

static enum st_err opk_put(void *ctx, const uint8_t *acct, uint32_t dev, const struct auth_opk *opk)
{
    struct mem_call call;
    enum st_err err = mem_call_begin(&call, ctx);
    if (err != ST_OK)
        return err;
    struct mem_opk row = { .opk = *opk };
    mem_device_key(row.key, acct, dev);
    st_put_u32(row.key + MEM_DEVICE_KEY, opk->id);
    if (!has_device(&call, acct, dev))
        err = ST_ENOTFOUND;
    else
        err = mem_table_insert(mem_table_of(&call, MEM_OPK), mem_undo_of(&call), &row);
    return mem_call_end(&call, err);
}

static enum st_err opk_count(void *ctx, const uint8_t *acct, uint32_t dev, uint64_t *count_r)
{
    struct mem_call call;
    uint8_t key[MEM_DEVICE_KEY];
    *count_r = 0;
    enum st_err err = mem_call_begin(&call, ctx);
    if (err != ST_OK)
        return err;
    mem_device_key(key, acct, dev);
    const struct mem_table *table = mem_table_of(&call, MEM_OPK);
    struct mem_place place = mem_table_seek(table, key, sizeof key);
    while (mem_table_next(table, &place, key, sizeof key) != NULL)
        (*count_r)++;
    return mem_call_end(&call, ST_OK);
}

static enum st_err opk_take(void *ctx, const uint8_t *acct, uint32_t dev, struct auth_opk *opk_r)
{
    struct mem_call call;
    uint8_t key[MEM_DEVICE_KEY];
    memset(opk_r, 0, sizeof *opk_r);
    enum st_err err = mem_call_begin(&call, ctx);
    if (err != ST_OK)
        return err;
    mem_device_key(key, acct, dev);
    struct mem_table *table = mem_table_of(&call, MEM_OPK);
    struct mem_place place = mem_table_seek(table, key, sizeof key);
    const struct mem_opk *row = mem_table_next(table, &place, key, sizeof key);
    if (row == NULL) {
        err = ST_ENOTFOUND;
    } else {
        *opk_r = row->opk;
        err = mem_table_delete(table, mem_undo_of(&call), row->key);
    }
    return mem_call_end(&call, err);
}

static void grant_key(uint8_t out[static MEM_GRANT_KEY], const struct auth_grant *grant)
{
    mem_device_key(out, grant->target, grant->dev);
    mem_device_key(out + MEM_DEVICE_KEY, grant->requester, grant->day);
}

static enum st_err insert_grant(struct mem_call *call, const struct auth_grant *grant)
{
    if (!has_device(call, grant->target, grant->dev) ||
        mem_table_get(mem_table_of(call, MEM_ACCOUNT), grant->requester) == NULL)
        return ST_ENOTFOUND;
    struct mem_grant row = { .grant = *grant };
    struct mem_by_requester index;
    grant_key(row.key, grant);
    mem_device_key(index.key, grant->requester, grant->day);
    mem_device_key(index.key + MEM_DEVICE_KEY, grant->target, grant->dev);
    enum st_err err = mem_table_insert(mem_table_of(call, MEM_GRANT), mem_undo_of(call), &row);
    if (err == ST_OK)
        err = mem_table_insert(mem_table_of(call, MEM_BY_REQUESTER), mem_undo_of(call), &index);
    return err;
}

static enum st_err grant_insert(void *ctx, const struct auth_grant *grant)
{
    struct mem_call call;
    enum st_err err = mem_call_begin(&call, ctx);
    return err != ST_OK ? err : mem_call_end(&call, insert_grant(&call, grant));
}

static enum st_err grant_get(void *ctx, struct auth_grant *grant)
{
    struct mem_call call;
    uint8_t key[MEM_GRANT_KEY];
    memset(grant->nonce, 0, sizeof grant->nonce);
    memset(&grant->opk, 0, sizeof grant->opk);
    enum st_err err = mem_call_begin(&call, ctx);
    if (err != ST_OK)
        return err;
    grant_key(key, grant);
    const struct mem_grant *row = mem_table_get(mem_table_of(&call, MEM_GRANT), key);
    if (row != NULL)
        *grant = row->grant;
    return mem_call_end(&call, row != NULL ? ST_OK : ST_ENOTFOUND);
}

static enum st_err grant_targets(void *ctx, const struct auth_grant *grant, bool *known_r, uint64_t *others_r)
{
    struct mem_call call;
    uint8_t key[MEM_DEVICE_KEY];
    *known_r = false;
    *others_r = 0;
    enum st_err err = mem_call_begin(&call, ctx);
    if (err != ST_OK)
        return err;
    mem_device_key(key, grant->requester, grant->day);
    const struct mem_table *table = mem_table_of(&call, MEM_BY_REQUESTER);
    struct mem_place place = mem_table_seek(table, key, sizeof key);
    const struct mem_by_requester *row;
    const uint8_t *last = NULL; /* rows of one target stand together */
    while ((row = mem_table_next(table, &place, key, sizeof key)) != NULL) {
        const uint8_t *target = row->key + MEM_DEVICE_KEY;
        bool again = last != NULL && memcmp(last, target, ST_ACCT_LEN) == 0;
        last = target;
        if (memcmp(target, grant->target, ST_ACCT_LEN) == 0)
            *known_r = true;
        else if (!again && memcmp(target, grant->requester, ST_ACCT_LEN) != 0)
            (*others_r)++;
    }
    return mem_call_end(&call, ST_OK);
}

static enum st_err offer_put(void *ctx, const struct auth_offer *offer)
{
    struct mem_call call;
    enum st_err err = mem_call_begin(&call, ctx);
    if (err != ST_OK)
        return err;
    struct mem_offer row = { .offer = *offer };
    mem_device_key(row.key, offer->acct, offer->dev);
    if (!has_device(&call, offer->acct, offer->dev))
        return mem_call_end(&call, ST_ENOTFOUND);
    err = mem_table_update(mem_table_of(&call, MEM_OFFER), mem_undo_of(&call), &row);
    if (err == ST_ENOTFOUND)
        err = mem_table_insert(mem_table_of(&call, MEM_OFFER), mem_undo_of(&call), &row);
    return mem_call_end(&call, err);
}

static enum st_err offer_all(void *ctx, const uint8_t *acct, int64_t now_ms, struct auth_offer *offers_r,
                             size_t *count_r)
{
    struct mem_call call;
    *count_r = 0;
    enum st_err err = mem_call_begin(&call, ctx);
    if (err != ST_OK)
        return err;
    const struct mem_table *table = mem_table_of(&call, MEM_OFFER);
    struct mem_place place = mem_table_seek(table, acct, ST_ACCT_LEN);
    const struct mem_offer *row;
    while (*count_r < ST_DEVICES_MAX && (row = mem_table_next(table, &place, acct, ST_ACCT_LEN)) != NULL)
        if (row->offer.expires_ms > now_ms)
            offers_r[(*count_r)++] = row->offer;
    return mem_call_end(&call, ST_OK);
}

static enum st_err offer_delete(void *ctx, const uint8_t *acct, uint32_t dev)
{
    struct mem_call call;
    uint8_t key[MEM_DEVICE_KEY];
    enum st_err err = mem_call_begin(&call, ctx);
    if (err != ST_OK)
        return err;
    mem_device_key(key, acct, dev);
    err = mem_table_delete(mem_table_of(&call, MEM_OFFER), mem_undo_of(&call), key);
    return mem_call_end(&call, err == ST_ENOTFOUND ? ST_OK : err);
}

void mem_prekey_ops(struct auth_store_ops *ops)
{
    ops->opk_put = opk_put;
    ops->opk_count = opk_count;
    ops->opk_take = opk_take;
    ops->grant_insert = grant_insert;
    ops->grant_get = grant_get;
    ops->grant_targets = grant_targets;
    ops->offer_put = offer_put;
    ops->offer_all = offer_all;
    ops->offer_delete = offer_delete;
}
