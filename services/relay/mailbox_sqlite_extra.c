#include "services/relay/mailbox_sqlite_internal.h"

/* ---- exposed keys ---- */

static enum st_err trim_exposed(struct mailbox_sqlite *store, int64_t box_id)
{
    sqlite3_stmt *statement = sq_statement(store, SQ_EXPOSED_COUNT);
    bool row = false;
    sqlite3_bind_int64(statement, 1, box_id);
    enum st_err err = sq_step(store, statement, &row);
    int64_t count = row ? sqlite3_column_int64(statement, 0) : 0;
    sqlite3_reset(statement);
    if (err != ST_OK || count <= MAILBOX_EXPOSED_MAX)
        return err;
    statement = sq_statement(store, SQ_EXPOSED_TRIM);
    sqlite3_bind_int64(statement, 1, box_id);
    sqlite3_bind_int64(statement, 2, count - MAILBOX_EXPOSED_MAX);
    return sq_run(store, statement);
}

static enum st_err exposed_put_one(struct mailbox_sqlite *store, struct mailbox_exposed_put *item)
{
    struct sq_box *box;
    enum st_err err = sq_box_find(store, &item->key, &box);
    item->stored = err == ST_OK && box != NULL;
    if (!item->stored)
        return err;
    sqlite3_stmt *statement = sq_statement(store, SQ_EXPOSED_ADD);
    sqlite3_bind_int64(statement, 1, box->id);
    sq_bind_bytes(statement, 2, item->hash, ST_HASH_LEN);
    sq_bind_bytes(statement, 3, item->mac_key, ST_KEY_LEN);
    sqlite3_bind_int64(statement, 4, item->at_ms);
    err = sq_run(store, statement);
    return err == ST_OK ? trim_exposed(store, box->id) : err;
}

enum st_err sq_exposed_put(void *ctx, struct mailbox_exposed_put *items, size_t count)
{
    struct mailbox_sqlite *store = ctx;
    enum st_err err = sq_begin(store, true);
    int before = sqlite3_total_changes(store->db);
    if (err != ST_OK)
        return err;
    for (size_t i = 0; err == ST_OK && i < count; i++)
        err = exposed_put_one(store, &items[i]);
    return sq_end(store, err, true, sqlite3_total_changes(store->db) != before);
}

enum st_err sq_exposed_get(void *ctx, struct mailbox_exposed_get *items, size_t count)
{
    struct mailbox_sqlite *store = ctx;
    enum st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < count; i++) {
        struct sq_box *box;
        bool row = false;
        items[i].found = false;
        memset(items[i].mac_key, 0, ST_KEY_LEN);
        err = sq_box_find(store, &items[i].key, &box);
        if (err != ST_OK || box == NULL)
            continue;
        sqlite3_stmt *statement = sq_statement(store, SQ_EXPOSED_GET);
        sqlite3_bind_int64(statement, 1, box->id);
        sq_bind_bytes(statement, 2, items[i].hash, ST_HASH_LEN);
        err = sq_step(store, statement, &row);
        if (err == ST_OK && row)
            err = sq_column_bytes(store, statement, 0, items[i].mac_key, ST_KEY_LEN);
        items[i].found = err == ST_OK && row;
        sqlite3_reset(statement);
    }
    return err;
}

/* ---- quota of attachments ---- */

static enum st_err blob_row(struct mailbox_sqlite *store, const uint8_t *acct, const uint8_t *blob,
                            struct mailbox_blob_get *get_r)
{
    sqlite3_stmt *statement = sq_statement(store, SQ_BLOB_GET);
    sq_bind_bytes(statement, 1, acct, ST_ACCT_LEN);
    sq_bind_bytes(statement, 2, blob, ST_BLOB_ID_LEN);
    enum st_err err = sq_step(store, statement, &get_r->found);
    get_r->size = get_r->found ? (uint64_t)sqlite3_column_int64(statement, 0) : 0;
    get_r->chunks = get_r->found ? (uint32_t)sqlite3_column_int64(statement, 1) : 0;
    sqlite3_reset(statement);
    return err;
}

static enum st_err blob_used(struct mailbox_sqlite *store, const uint8_t *acct, uint64_t *used_r)
{
    sqlite3_stmt *statement = sq_statement(store, SQ_BLOB_USED);
    bool row = false;
    sq_bind_bytes(statement, 1, acct, ST_ACCT_LEN);
    enum st_err err = sq_step(store, statement, &row);
    *used_r = row ? (uint64_t)sqlite3_column_int64(statement, 0) : 0;
    sqlite3_reset(statement);
    return err;
}

static enum st_err insert_blob(struct mailbox_sqlite *store, const struct mailbox_blob_add *item)
{
    sqlite3_stmt *statement = sq_statement(store, SQ_BLOB_ADD);
    sq_bind_bytes(statement, 1, item->acct, ST_ACCT_LEN);
    sq_bind_bytes(statement, 2, item->blob, ST_BLOB_ID_LEN);
    sqlite3_bind_int64(statement, 3, (int64_t)item->size);
    sqlite3_bind_int64(statement, 4, (int64_t)mailbox_blob_charge(item->size));
    sqlite3_bind_int64(statement, 5, item->chunks);
    sqlite3_bind_int64(statement, 6, item->expires_ms);
    return sq_run(store, statement);
}

static enum st_err blob_add_one(struct mailbox_sqlite *store, struct mailbox_blob_add *item)
{
    struct mailbox_blob_get there;
    uint64_t used = 0, charge = mailbox_blob_charge(item->size);
    item->fate = MAILBOX_BLOB_UNAVAILABLE;
    sqlite3_stmt *statement = sq_statement(store, SQ_BLOB_EXPIRE_OF);
    sq_bind_bytes(statement, 1, item->acct, ST_ACCT_LEN);
    sqlite3_bind_int64(statement, 2, item->now_ms);
    enum st_err err = sq_run(store, statement);
    if (err == ST_OK)
        err = blob_row(store, item->acct, item->blob, &there);
    if (err != ST_OK)
        return err;
    if (there.found) {
        bool same = there.size == item->size && there.chunks == item->chunks;
        item->fate = same ? MAILBOX_BLOB_OK : MAILBOX_BLOB_CONFLICT;
        return ST_OK;
    }
    err = blob_used(store, item->acct, &used);
    if (err != ST_OK)
        return err;
    if (used > item->account_bytes_max || charge > item->account_bytes_max - used) {
        item->fate = MAILBOX_BLOB_QUOTA;
        return ST_OK;
    }
    err = insert_blob(store, item);
    item->fate = err == ST_OK ? MAILBOX_BLOB_OK : MAILBOX_BLOB_UNAVAILABLE;
    return err;
}

enum st_err sq_blob_add(void *ctx, struct mailbox_blob_add *items, size_t count)
{
    struct mailbox_sqlite *store = ctx;
    enum st_err err = sq_begin(store, true);
    int before = sqlite3_total_changes(store->db);
    if (err != ST_OK)
        return err;
    for (size_t i = 0; err == ST_OK && i < count; i++)
        err = blob_add_one(store, &items[i]);
    return sq_end(store, err, true, sqlite3_total_changes(store->db) != before);
}

enum st_err sq_blob_get(void *ctx, struct mailbox_blob_get *items, size_t count)
{
    struct mailbox_sqlite *store = ctx;
    enum st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < count; i++)
        err = blob_row(store, items[i].acct, items[i].blob, &items[i]);
    return err;
}

enum st_err sq_blob_list(void *ctx, struct mailbox_blob_list *item)
{
    struct mailbox_sqlite *store = ctx;
    sqlite3_stmt *statement = sq_statement(store, SQ_BLOB_LIST);
    bool row = false;
    item->blob_count = 0;
    sq_bind_bytes(statement, 1, item->acct, ST_ACCT_LEN);
    sqlite3_bind_int64(statement, 2, (int64_t)item->blob_max);
    enum st_err err = sq_step(store, statement, &row);
    while (err == ST_OK && row && item->blob_count < item->blob_max) {
        err = sq_column_bytes(store, statement, 0, item->blobs[item->blob_count++], ST_BLOB_ID_LEN);
        if (err == ST_OK)
            err = sq_step(store, statement, &row);
    }
    sqlite3_reset(statement);
    return err;
}

enum st_err sq_blob_drop(void *ctx, struct mailbox_blob_drop *items, size_t count)
{
    struct mailbox_sqlite *store = ctx;
    enum st_err err = sq_begin(store, true);
    if (err != ST_OK)
        return err;
    for (size_t i = 0; err == ST_OK && i < count; i++) {
        sqlite3_stmt *statement = sq_statement(store, SQ_BLOB_DROP);
        sq_bind_bytes(statement, 1, items[i].acct, ST_ACCT_LEN);
        sq_bind_bytes(statement, 2, items[i].blob, ST_BLOB_ID_LEN);
        err = sq_run(store, statement);
    }
    return sq_end(store, err, true, true);
}

/* ---- sweep ---- */

/* The mailbox behind `after`; 0 = there is none. */
static enum st_err next_box(struct mailbox_sqlite *store, int64_t after, int64_t *id_r, struct mailbox_key *key_r)
{
    sqlite3_stmt *statement = sq_statement(store, SQ_BOX_NEXT);
    bool row = false;
    *id_r = 0;
    sqlite3_bind_int64(statement, 1, after);
    enum st_err err = sq_step(store, statement, &row);
    if (err == ST_OK && row) {
        *id_r = sqlite3_column_int64(statement, 0);
        err = sq_column_bytes(store, statement, 1, key_r->acct, ST_ACCT_LEN);
        key_r->dev = (uint32_t)sqlite3_column_int64(statement, 2);
    }
    sqlite3_reset(statement);
    return err;
}

/* Is the oldest entry of a mailbox due? Most are not, and then nothing else is read. */
static enum st_err is_due(struct mailbox_sqlite *store, int64_t box_id, int64_t before_ms, bool *due_r)
{
    sqlite3_stmt *statement = sq_statement(store, SQ_ENTRY_FIRST);
    bool row = false;
    sqlite3_bind_int64(statement, 1, sq_first_id(box_id));
    sqlite3_bind_int64(statement, 2, sq_last_id(box_id));
    enum st_err err = sq_step(store, statement, &row);
    *due_r = row && sqlite3_column_int64(statement, 0) < before_ms;
    sqlite3_reset(statement);
    return err;
}

static enum st_err sweep_box(struct mailbox_sqlite *store, int64_t box_id, const struct mailbox_key *key,
                             struct mailbox_sweep *step)
{
    bool due = false;
    enum st_err err = is_due(store, box_id, step->entries_before_ms, &due);
    if (err == ST_OK && due) {
        sqlite3_stmt *statement = sq_statement(store, SQ_ENTRY_EXPIRE);
        sqlite3_bind_int64(statement, 1, sq_first_id(box_id));
        sqlite3_bind_int64(statement, 2, sq_last_id(box_id));
        sqlite3_bind_int64(statement, 3, step->entries_before_ms);
        err = sq_run(store, statement);
        step->expired += (uint64_t)sqlite3_changes(store->db);
        sq_box_forget(store, key);
    }
    if (err != ST_OK)
        return err;
    sqlite3_stmt *statement = sq_statement(store, SQ_EXPOSED_EXPIRE);
    sqlite3_bind_int64(statement, 1, box_id);
    sqlite3_bind_int64(statement, 2, step->exposed_before_ms);
    return sq_run(store, statement);
}

static enum st_err sweep_rest(struct mailbox_sqlite *store, int64_t now_ms)
{
    static const enum sq_statement which[] = { SQ_BLOB_EXPIRE, SQ_ACCOUNT_FORGET };
    enum st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < sizeof which / sizeof which[0]; i++) {
        sqlite3_stmt *statement = sq_statement(store, which[i]);
        sqlite3_bind_int64(statement, 1, now_ms);
        err = sq_run(store, statement);
    }
    return err;
}

enum st_err sq_sweep(void *ctx, struct mailbox_sweep *step)
{
    struct mailbox_sqlite *store = ctx;
    struct mailbox_key key = { .dev = 0 };
    int64_t at = 0;
    memcpy(&at, step->cursor, sizeof at);
    step->expired = 0;
    step->done = false;
    /* Expiry that a power cut undoes is done again an hour later. */
    enum st_err err = sq_begin(store, false);
    if (err != ST_OK)
        return err;
    for (size_t i = 0; err == ST_OK && !step->done && i < step->box_max; i++) {
        int64_t id = 0;
        err = next_box(store, at, &id, &key);
        if (err == ST_OK && id == 0) {
            step->done = true;
            err = sweep_rest(store, step->now_ms);
        } else if (err == ST_OK) {
            err = sweep_box(store, id, &key, step);
            at = id;
        }
    }
    memcpy(step->cursor, &at, sizeof at);
    return sq_end(store, err, false, true);
}
