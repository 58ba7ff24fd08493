/* Presence lives in memory: it is a lease on a connection, and this database has one relay, with which the connections
 * end too. */
#include "services/relay/mailbox_sqlite_internal.h"

enum st_err sq_presence_set(void *ctx, struct mailbox_presence_set *items, size_t count)
{
    struct mailbox_sqlite *store = ctx;
    enum st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < count; i++) {
        struct mailbox_presence_set *item = &items[i];
        struct sq_box *box;
        err = sq_box_find(store, &item->key, &box);
        memcpy(item->epoch, store->epoch, ST_EPOCH_LEN);
        item->exists = err == ST_OK && box != NULL;
        item->had_old = false;
        item->length = item->exists ? box->count : 0;
        if (!item->exists)
            continue;
        const struct mailbox_presence *old = presence_table_get(store->presences, &item->key);
        if (old != NULL) {
            item->had_old = true;
            item->old = *old;
        }
        err = presence_table_set(store->presences, &item->key, &item->presence, item->lease_ms);
    }
    return err == ST_ELIMIT ? ST_EUNAVAILABLE : err;
}

enum st_err sq_presence_get(void *ctx, struct mailbox_presence_get *items, size_t count)
{
    struct mailbox_sqlite *store = ctx;
    for (size_t i = 0; i < count; i++) {
        const struct mailbox_presence *presence = presence_table_get(store->presences, &items[i].key);
        items[i].present = presence != NULL;
        if (presence != NULL)
            items[i].presence = *presence;
    }
    return ST_OK;
}

enum st_err sq_presence_keep(void *ctx, struct mailbox_presence_keep *items, size_t count)
{
    struct mailbox_sqlite *store = ctx;
    enum st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < count; i++) {
        struct mailbox_presence_keep *item = &items[i];
        struct sq_box *box;
        err = sq_box_find(store, &item->key, &box);
        const struct mailbox_presence *presence = presence_table_get(store->presences, &item->key);
        memcpy(item->epoch, store->epoch, ST_EPOCH_LEN);
        item->exists = err == ST_OK && box != NULL;
        item->length = item->exists ? box->count : 0;
        item->present = presence != NULL;
        if (presence != NULL)
            item->presence = *presence;
        item->kept = presence != NULL && presence->attach == item->attach;
        if (item->kept)
            presence_table_keep(store->presences, &item->key, item->lease_ms);
    }
    return err;
}

enum st_err sq_presence_clear(void *ctx, struct mailbox_presence_clear *items, size_t count)
{
    struct mailbox_sqlite *store = ctx;
    for (size_t i = 0; i < count; i++) {
        const struct mailbox_presence *presence = presence_table_get(store->presences, &items[i].key);
        items[i].cleared = presence != NULL && mailbox_presence_equal(presence, &items[i].presence);
        if (items[i].cleared)
            presence_table_remove(store->presences, &items[i].key);
    }
    return ST_OK;
}
