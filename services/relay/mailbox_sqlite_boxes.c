#include <stdlib.h>

#include "services/relay/mailbox_sqlite_internal.h"

/* ---- the cache ---- */

void sq_box_forget(struct mailbox_sqlite *store, const struct mailbox_key *key)
{
    free(st_map_remove(store->boxes, key));
}

void sq_box_forget_all(struct mailbox_sqlite *store)
{
    size_t cursor = 0;
    void *value;
    while (st_map_next(store->boxes, &cursor, NULL, &value)) {
        struct sq_box *box = value;
        st_map_remove(store->boxes, &box->key);
        free(box);
    }
}

static enum st_err load_row(struct mailbox_sqlite *store, struct sq_box *box, bool *found_r)
{
    sqlite3_stmt *statement = sq_statement(store, SQ_BOX_FIND);
    sq_bind_bytes(statement, 1, box->key.acct, ST_ACCT_LEN);
    sqlite3_bind_int64(statement, 2, box->key.dev);
    enum st_err err = sq_step(store, statement, found_r);
    if (err == ST_OK && *found_r) {
        box->id = sqlite3_column_int64(statement, 0);
        box->serial_end = sqlite3_column_int64(statement, 1);
        box->next_serial = box->serial_end;
        box->has_generation = sqlite3_column_type(statement, 2) != SQLITE_NULL;
        if (box->has_generation)
            err = sq_column_bytes(store, statement, 2, box->generation, ST_GENERATION_LEN);
        if (err == ST_OK && (box->id < 1 || box->id > SQ_BOX_MAX || box->serial_end < 1))
            err = ST_EFOREIGN;
    }
    sqlite3_reset(statement);
    return err;
}

static enum st_err load_size(struct mailbox_sqlite *store, struct sq_box *box)
{
    sqlite3_stmt *statement = sq_statement(store, SQ_BOX_SIZE);
    bool row = false;
    sqlite3_bind_int64(statement, 1, sq_first_id(box->id));
    sqlite3_bind_int64(statement, 2, sq_last_id(box->id));
    enum st_err err = sq_step(store, statement, &row);
    if (err == ST_OK && row) {
        box->count = (uint64_t)sqlite3_column_int64(statement, 0);
        box->bytes = (uint64_t)sqlite3_column_int64(statement, 1);
    }
    sqlite3_reset(statement);
    return err;
}

static enum st_err keep(struct mailbox_sqlite *store, struct sq_box *box)
{
    if (st_map_count(store->boxes) >= SQ_BOXES_CACHED)
        sq_box_forget_all(store);
    return st_map_put(store->boxes, &box->key, box);
}

enum st_err sq_box_find(struct mailbox_sqlite *store, const struct mailbox_key *key, struct sq_box **box_r)
{
    bool found = false;
    *box_r = st_map_get(store->boxes, key);
    if (*box_r != NULL)
        return ST_OK;
    struct sq_box *box = calloc(1, sizeof *box);
    if (box == NULL)
        return ST_ENOMEM;
    box->key = *key;
    enum st_err err = load_row(store, box, &found);
    if (err == ST_OK && found)
        err = load_size(store, box);
    if (err == ST_OK && found)
        err = keep(store, box);
    if (err != ST_OK || !found) {
        free(box);
        return err;
    }
    *box_r = box;
    return ST_OK;
}

/* ---- look, generation ---- */

static enum st_err account_seq(struct mailbox_sqlite *store, const uint8_t *acct, uint64_t *seq_r)
{
    sqlite3_stmt *statement = sq_statement(store, SQ_ACCOUNT_GET);
    bool row = false;
    sq_bind_bytes(statement, 1, acct, ST_ACCT_LEN);
    enum st_err err = sq_step(store, statement, &row);
    *seq_r = row ? (uint64_t)sqlite3_column_int64(statement, 0) : 0;
    sqlite3_reset(statement);
    return err;
}

enum st_err sq_boxes_look(void *ctx, struct mailbox_look *items, size_t count)
{
    struct mailbox_sqlite *store = ctx;
    enum st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < count; i++) {
        struct sq_box *box;
        err = account_seq(store, items[i].key.acct, &items[i].seq);
        if (err == ST_OK)
            err = sq_box_find(store, &items[i].key, &box);
        if (err != ST_OK)
            break;
        items[i].exists = box != NULL;
        items[i].length = box == NULL ? 0 : box->count;
        memcpy(items[i].epoch, store->epoch, ST_EPOCH_LEN);
    }
    return err;
}

static enum st_err put_generation(struct mailbox_sqlite *store, struct sq_box *box, const uint8_t *generation)
{
    sqlite3_stmt *statement = sq_statement(store, SQ_BOX_GENERATION);
    sqlite3_bind_int64(statement, 1, box->id);
    sq_bind_bytes(statement, 2, generation, ST_GENERATION_LEN);
    enum st_err err = sq_run(store, statement);
    if (err == ST_OK) {
        box->has_generation = true;
        memcpy(box->generation, generation, ST_GENERATION_LEN);
    }
    return err;
}

static enum st_err generation_one(struct mailbox_sqlite *store, struct mailbox_generation *item)
{
    struct sq_box *box;
    enum st_err err = sq_box_find(store, &item->key, &box);
    item->had_old = err == ST_OK && box != NULL && box->has_generation;
    if (item->had_old)
        memcpy(item->old, box->generation, ST_GENERATION_LEN);
    if (err != ST_OK || box == NULL || item->put == NULL)
        return err;
    if (item->had_old && st_get_u64(item->put) < st_get_u64(item->old))
        return ST_OK;
    if (item->had_old && memcmp(item->put, item->old, ST_GENERATION_LEN) == 0)
        return ST_OK;
    return put_generation(store, box, item->put);
}

enum st_err sq_boxes_generation(void *ctx, struct mailbox_generation *items, size_t count)
{
    struct mailbox_sqlite *store = ctx;
    enum st_err err = sq_begin(store, true);
    int before = sqlite3_total_changes(store->db);
    if (err != ST_OK)
        return err;
    for (size_t i = 0; err == ST_OK && i < count; i++)
        err = generation_one(store, &items[i]);
    return sq_end(store, err, true, sqlite3_total_changes(store->db) != before);
}

/* ---- opening and closing ---- */

static enum st_err drop_range(struct mailbox_sqlite *store, enum sq_statement which, int64_t first, int64_t last)
{
    sqlite3_stmt *statement = sq_statement(store, which);
    sqlite3_bind_int64(statement, 1, first);
    if (sqlite3_bind_parameter_count(statement) > 1)
        sqlite3_bind_int64(statement, 2, last);
    return sq_run(store, statement);
}

/* Takes a mailbox away with everything in it. */
static enum st_err close_box(struct mailbox_sqlite *store, const struct mailbox_key *key, int64_t box_id)
{
    enum st_err err = drop_range(store, SQ_ENTRY_DROP, sq_first_id(box_id), sq_last_id(box_id));
    if (err == ST_OK)
        err = drop_range(store, SQ_EXPOSED_DROP, box_id, 0);
    if (err == ST_OK)
        err = drop_range(store, SQ_BOX_DROP, box_id, 0);
    sq_box_forget(store, key);
    presence_table_remove(store->presences, key);
    return err;
}

static enum st_err open_box(struct mailbox_sqlite *store, const uint8_t *acct, uint32_t dev)
{
    sqlite3_stmt *statement = sq_statement(store, SQ_BOX_ADD);
    sq_bind_bytes(statement, 1, acct, ST_ACCT_LEN);
    sqlite3_bind_int64(statement, 2, dev);
    enum st_err err = sq_run(store, statement);
    return err == ST_OK && sqlite3_last_insert_rowid(store->db) > SQ_BOX_MAX ? ST_EFULL : err;
}

static enum st_err put_account(struct mailbox_sqlite *store, const uint8_t *acct, uint64_t seq, int64_t until_ms)
{
    sqlite3_stmt *statement = sq_statement(store, SQ_ACCOUNT_PUT);
    sq_bind_bytes(statement, 1, acct, ST_ACCT_LEN);
    sqlite3_bind_int64(statement, 2, (int64_t)seq);
    sqlite3_bind_int64(statement, 3, until_ms);
    return sq_run(store, statement);
}

/* The open mailboxes of an account: at most ST_DEVICES_MAX, since only boxes_set opens any. */
struct open_boxes {
    int64_t ids[ST_DEVICES_MAX];
    uint32_t devs[ST_DEVICES_MAX];
    size_t count;
};

static enum st_err list_boxes(struct mailbox_sqlite *store, const uint8_t *acct, struct open_boxes *open_r)
{
    sqlite3_stmt *statement = sq_statement(store, SQ_BOX_LIST);
    bool row = false;
    open_r->count = 0;
    sq_bind_bytes(statement, 1, acct, ST_ACCT_LEN);
    enum st_err err = sq_step(store, statement, &row);
    while (err == ST_OK && row) {
        if (open_r->count == ST_DEVICES_MAX) {
            err = ST_EFOREIGN;
            break;
        }
        open_r->ids[open_r->count] = sqlite3_column_int64(statement, 0);
        open_r->devs[open_r->count++] = (uint32_t)sqlite3_column_int64(statement, 1);
        err = sq_step(store, statement, &row);
    }
    sqlite3_reset(statement);
    return err;
}

static bool is_listed(const uint32_t *devs, size_t count, uint32_t dev)
{
    for (size_t i = 0; i < count; i++) {
        if (devs[i] == dev)
            return true;
    }
    return false;
}

static enum st_err boxes_set_one(struct mailbox_sqlite *store, struct mailbox_boxes *item)
{
    struct open_boxes open;
    if (item->dev_count > ST_DEVICES_MAX)
        return ST_ELIMIT;
    enum st_err err = account_seq(store, item->acct, &item->seq_r);
    if (err != ST_OK || item->seq < item->seq_r || item->seq_r == MAILBOX_SEQ_PURGED)
        return err;
    err = list_boxes(store, item->acct, &open);
    for (size_t i = 0; err == ST_OK && i < open.count; i++) {
        struct mailbox_key key = mailbox_key(item->acct, open.devs[i]);
        if (!is_listed(item->devs, item->dev_count, open.devs[i]))
            err = close_box(store, &key, open.ids[i]);
    }
    for (size_t i = 0; err == ST_OK && i < item->dev_count; i++) {
        /* Neither one that is open already, nor one that the list names twice. */
        if (!is_listed(open.devs, open.count, item->devs[i]) && !is_listed(item->devs, i, item->devs[i]))
            err = open_box(store, item->acct, item->devs[i]);
    }
    if (err == ST_OK && item->seq != item->seq_r)
        err = put_account(store, item->acct, item->seq, 0);
    item->seq_r = item->seq;
    return err;
}

enum st_err sq_boxes_set(void *ctx, struct mailbox_boxes *items, size_t count)
{
    struct mailbox_sqlite *store = ctx;
    enum st_err err = sq_begin(store, true);
    int before = sqlite3_total_changes(store->db);
    if (err != ST_OK)
        return err;
    for (size_t i = 0; err == ST_OK && i < count; i++)
        err = boxes_set_one(store, &items[i]);
    return sq_end(store, err, true, sqlite3_total_changes(store->db) != before);
}

static enum st_err purge_one(struct mailbox_sqlite *store, const struct mailbox_purge *item)
{
    struct open_boxes open;
    enum st_err err = list_boxes(store, item->acct, &open);
    for (size_t i = 0; err == ST_OK && i < open.count; i++) {
        struct mailbox_key key = mailbox_key(item->acct, open.devs[i]);
        err = close_box(store, &key, open.ids[i]);
    }
    sqlite3_stmt *statement = sq_statement(store, SQ_BLOB_DROP_ALL);
    sq_bind_bytes(statement, 1, item->acct, ST_ACCT_LEN);
    if (err == ST_OK)
        err = sq_run(store, statement);
    if (err == ST_OK)
        err = put_account(store, item->acct, MAILBOX_SEQ_PURGED, item->until_ms);
    return err;
}

enum st_err sq_boxes_purge(void *ctx, struct mailbox_purge *items, size_t count)
{
    struct mailbox_sqlite *store = ctx;
    enum st_err err = sq_begin(store, true);
    if (err != ST_OK)
        return err;
    for (size_t i = 0; err == ST_OK && i < count; i++)
        err = purge_one(store, &items[i]);
    return sq_end(store, err, true, true);
}
