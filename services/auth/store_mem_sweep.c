#include "services/auth/store_mem_db.h"

static bool throttle_due(const void *row, int64_t before)
{
    return ((const struct mem_throttle *)row)->until_ms < before;
}

static bool grant_due(const void *row, int64_t before)
{
    return (int64_t)((const struct mem_grant *)row)->grant.day < before;
}

static bool offer_due(const void *row, int64_t before)
{
    return ((const struct mem_offer *)row)->offer.expires_ms < before;
}

static bool invite_due(const void *row, int64_t before)
{
    return ((const struct mem_invite *)row)->invite.expires_ms < before;
}

static bool pending_due(const void *row, int64_t before)
{
    const struct auth_device *device = &((const struct mem_device *)row)->device;
    return device->state == AUTH_DEVICE_PENDING && device->last_seen_ms < before;
}

static bool unseen_due(const void *row, int64_t before)
{
    const struct auth_device *device = &((const struct mem_device *)row)->device;
    return device->state == AUTH_DEVICE_ACTIVE && device->has_tk && device->last_seen_ms < before;
}

static enum st_err remove_throttle(struct mem_call *call, const uint8_t *key)
{
    return mem_table_delete(mem_table_of(call, MEM_THROTTLE), mem_undo_of(call), key);
}

static enum st_err remove_offer(struct mem_call *call, const uint8_t *key)
{
    return mem_table_delete(mem_table_of(call, MEM_OFFER), mem_undo_of(call), key);
}

static enum st_err remove_invite(struct mem_call *call, const uint8_t *key)
{
    return mem_table_delete(mem_table_of(call, MEM_INVITE), mem_undo_of(call), key);
}

static const struct {
    enum mem_table_id table;
    bool (*due)(const void *row, int64_t before);
    enum st_err (*remove)(struct mem_call *call, const uint8_t *key);
} kinds[AUTH_SWEEPS] = {
    [AUTH_SWEEP_THROTTLE] = { MEM_THROTTLE, throttle_due, remove_throttle },
    [AUTH_SWEEP_GRANTS] = { MEM_GRANT, grant_due, mem_grant_drop },
    [AUTH_SWEEP_OFFERS] = { MEM_OFFER, offer_due, remove_offer },
    [AUTH_SWEEP_INVITES] = { MEM_INVITE, invite_due, remove_invite },
    [AUTH_SWEEP_PENDING] = { MEM_DEVICE, pending_due, mem_device_drop },
    [AUTH_SWEEP_UNSEEN] = { MEM_DEVICE, unseen_due, mem_device_forget_tk },
};

enum st_err mem_sweep(void *ctx, enum auth_sweep what, int64_t before, size_t *removed_r)
{
    *removed_r = 0;
    if (what >= AUTH_SWEEPS)
        return ST_ENOTFOUND;
    struct mem_call call;
    enum st_err err = mem_call_begin(&call, ctx);
    if (err != ST_OK)
        return err;
    const struct mem_table *table = mem_table_of(&call, kinds[what].table);
    struct mem_place place = { 0, 0 };
    const uint8_t *row;
    while (*removed_r < AUTH_SWEEP_ROWS && err == ST_OK && (row = mem_table_next(table, &place, "", 0)) != NULL) {
        if (!kinds[what].due(row, before))
            continue;
        uint8_t key[MEM_KEY_MAX];
        memcpy(key, row, table->key_len);
        err = kinds[what].remove(&call, key);
        place = mem_table_seek(table, key, table->key_len); /* the table has changed under the place */
        *removed_r += err == ST_OK;
    }
    err = mem_call_end(&call, err);
    if (err != ST_OK)
        *removed_r = 0;
    return err;
}
