#include "services/relay/mailbox_mem_extra.h"
#include "services/relay/presence_table.h"

enum st_err mem_boxes_look(struct mailbox_mem *mem, struct mailbox_look *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct mem_box *box = mem_data_box(&mem->data, &items[i].key);
        const struct mem_account *account = st_map_get(mem->data.accounts, items[i].key.acct);
        items[i].seq = account == NULL ? 0 : account->seq;
        items[i].exists = box != NULL;
        items[i].length = box == NULL ? 0 : box->count;
        memcpy(items[i].epoch, mem_epoch(mem, items[i].key.acct), ST_EPOCH_LEN);
    }
    return ST_OK;
}

static bool listed(const uint32_t *devs, size_t count, uint32_t dev)
{
    for (size_t i = 0; i < count; i++) {
        if (devs[i] == dev)
            return true;
    }
    return false;
}

static void close_box(struct mailbox_mem *mem, struct mem_account *account, uint32_t dev)
{
    struct mailbox_key key = mailbox_key(account->acct, dev);
    presence_table_remove(mem->presences, &key);
    mem_data_close_box(&mem->data, account, dev);
}

static enum st_err boxes_set_one(struct mailbox_mem *mem, struct mailbox_boxes *item)
{
    if (item->dev_count > ST_DEVICES_MAX)
        return ST_ELIMIT;
    struct mem_account *account = mem_data_account(&mem->data, item->acct);
    if (account == NULL)
        return ST_ENOMEM;
    item->seq_r = account->seq;
    if (item->seq < account->seq || account->seq == MAILBOX_SEQ_PURGED)
        return ST_OK;
    for (size_t i = account->dev_count; i-- > 0;) {
        uint32_t dev = account->devs[i];
        if (!listed(item->devs, item->dev_count, dev))
            close_box(mem, account, dev);
    }
    enum st_err err = ST_OK;
    for (size_t i = 0; i < item->dev_count && err == ST_OK; i++)
        err = mem_data_open_box(&mem->data, account, item->devs[i]);
    if (item->seq != account->seq)
        mem_data_set_seq(&mem->data, account, item->seq);
    item->seq_r = account->seq;
    return err;
}

enum st_err mem_boxes_boxes_set(struct mailbox_mem *mem, struct mailbox_boxes *items, size_t count)
{
    enum st_err err = ST_OK;
    for (size_t i = 0; i < count && err == ST_OK; i++)
        err = boxes_set_one(mem, &items[i]);
    return err;
}

enum st_err mem_boxes_purge(struct mailbox_mem *mem, struct mailbox_purge *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct mem_account *account = mem_data_account(&mem->data, items[i].acct);
        if (account == NULL)
            return ST_ENOMEM;
        while (account->dev_count > 0)
            close_box(mem, account, account->devs[account->dev_count - 1]);
        account->blob_count = 0;
        account->until_ms = items[i].until_ms;
        mem_data_set_seq(&mem->data, account, MAILBOX_SEQ_PURGED);
    }
    return ST_OK;
}

enum st_err mem_boxes_presence_set(struct mailbox_mem *mem, struct mailbox_presence_set *items, size_t count)
{
    enum st_err err = ST_OK;
    for (size_t i = 0; i < count && err == ST_OK; i++) {
        struct mailbox_presence_set *item = &items[i];
        const struct mem_box *box = mem_data_box(&mem->data, &item->key);
        memcpy(item->epoch, mem_epoch(mem, item->key.acct), ST_EPOCH_LEN);
        item->exists = box != NULL;
        item->had_old = false;
        item->length = box == NULL ? 0 : box->count;
        if (box == NULL)
            continue;
        const struct mailbox_presence *old = presence_table_get(mem->presences, &item->key);
        if (old != NULL) {
            item->had_old = true;
            item->old = *old;
        }
        err = presence_table_set(mem->presences, &item->key, &item->presence, item->lease_ms);
    }
    return err == ST_ELIMIT ? ST_EUNAVAILABLE : err;
}

enum st_err mem_boxes_presence_get(struct mailbox_mem *mem, struct mailbox_presence_get *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct mailbox_presence *presence = presence_table_get(mem->presences, &items[i].key);
        items[i].present = presence != NULL;
        if (presence != NULL)
            items[i].presence = *presence;
    }
    return ST_OK;
}

enum st_err mem_boxes_presence_keep(struct mailbox_mem *mem, struct mailbox_presence_keep *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct mailbox_presence_keep *item = &items[i];
        const struct mem_box *box = mem_data_box(&mem->data, &item->key);
        const struct mailbox_presence *presence = presence_table_get(mem->presences, &item->key);
        memcpy(item->epoch, mem_epoch(mem, item->key.acct), ST_EPOCH_LEN);
        item->exists = box != NULL;
        item->length = box == NULL ? 0 : box->count;
        item->present = presence != NULL;
        if (presence != NULL)
            item->presence = *presence;
        item->kept = presence != NULL && presence->attach == item->attach;
        if (item->kept)
            presence_table_keep(mem->presences, &item->key, item->lease_ms);
    }
    return ST_OK;
}

enum st_err mem_boxes_presence_clear(struct mailbox_mem *mem, struct mailbox_presence_clear *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct mailbox_presence *presence = presence_table_get(mem->presences, &items[i].key);
        items[i].cleared = presence != NULL && mailbox_presence_equal(presence, &items[i].presence);
        if (items[i].cleared)
            presence_table_remove(mem->presences, &items[i].key);
    }
    return ST_OK;
}

enum st_err mem_boxes_generation(struct mailbox_mem *mem, struct mailbox_generation *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct mailbox_generation *item = &items[i];
        struct mem_box *box = mem_data_box(&mem->data, &item->key);
        item->had_old = box != NULL && box->has_generation;
        if (item->had_old)
            memcpy(item->old, box->generation, ST_GENERATION_LEN);
        if (box == NULL || item->put == NULL)
            continue;
        if (!item->had_old || st_get_u64(item->put) >= st_get_u64(item->old))
            mem_data_set_generation(&mem->data, box, item->put);
    }
    return ST_OK;
}
