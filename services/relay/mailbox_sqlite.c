#include "services/relay/mailbox_sqlite.h"

#include <stdlib.h>
#include <unistd.h>

#include "services/relay/mailbox_sqlite_internal.h"

enum { HOUR_MS = 3600 * 1000, DAY_MS = 24 * HOUR_MS };

/* ---- ids ---- */

static void put_token(uint8_t token_r[static ST_TOKEN_LEN], const struct mailbox_sqlite *store, int64_t id)
{
    memcpy(token_r, store->epoch, ST_EPOCH_LEN);
    st_put_u64(token_r + ST_EPOCH_LEN, (uint64_t)(id >> SQ_SERIAL_BITS));
    st_put_u64(token_r + ST_EPOCH_LEN + 8, (uint64_t)(id & SQ_SERIAL_MAX));
}

/* The serial in an entry id of this mailbox; -1 if it belongs to another one. */
static int64_t serial_of(const struct sq_box *box, const uint8_t *entry_id)
{
    uint64_t serial = st_get_u64(entry_id + 8);
    if (st_get_u64(entry_id) != (uint64_t)box->id || serial > (uint64_t)SQ_SERIAL_MAX)
        return -1;
    return (int64_t)serial;
}

/* ---- epochs ---- */

static enum st_err sq_epochs(void *ctx, const uint8_t *accts, size_t count, uint8_t *epochs_r)
{
    const struct mailbox_sqlite *store = ctx;
    (void)accts;
    for (size_t i = 0; i < count; i++)
        memcpy(epochs_r + i * ST_EPOCH_LEN, store->epoch, ST_EPOCH_LEN);
    return ST_OK;
}

/* The epoch is settled when the database is opened, and stays. */
static enum st_err sq_changes(void *ctx, uint64_t *changes_r)
{
    (void)ctx;
    *changes_r = 0;
    return ST_OK;
}

/* ---- append ---- */

static void fill_head(uint8_t head[static SQ_HEAD_LEN], const struct mailbox_append *item)
{
    memcpy(head, item->from.acct, ST_ACCT_LEN);
    st_put_u32(head + ST_ACCT_LEN, item->from.dev);
    memcpy(head + ST_ACCT_LEN + 4, item->msg_id, ST_MSG_ID_LEN);
}

/* Is the entry of the item's token this very message? */
static enum st_err is_there(struct mailbox_sqlite *store, const struct sq_box *box, const struct mailbox_append *item,
                            bool *there_r)
{
    uint8_t head[SQ_HEAD_LEN] = { 0 }, mine[SQ_HEAD_LEN];
    bool row = false;
    *there_r = false;
    if (item->token == NULL || memcmp(item->token, store->epoch, ST_EPOCH_LEN) != 0)
        return ST_OK;
    int64_t serial = serial_of(box, item->token + ST_EPOCH_LEN);
    if (serial < 0)
        return ST_OK;
    sqlite3_stmt *statement = sq_statement(store, SQ_ENTRY_HEAD);
    sqlite3_bind_int64(statement, 1, sq_first_id(box->id) | serial);
    enum st_err err = sq_step(store, statement, &row);
    if (err == ST_OK && row)
        err = sq_column_bytes(store, statement, 0, head, sizeof head);
    sqlite3_reset(statement);
    fill_head(mine, item);
    *there_r = err == ST_OK && row && memcmp(head, mine, sizeof head) == 0;
    return err;
}

/* The next serial of a mailbox. A block of them is reserved in the database at a time. */
static enum st_err take_serial(struct mailbox_sqlite *store, struct sq_box *box, int64_t *serial_r)
{
    *serial_r = box->next_serial;
    if (box->next_serial > SQ_SERIAL_MAX)
        return ST_EFULL;
    if (box->next_serial == box->serial_end) {
        sqlite3_stmt *statement = sq_statement(store, SQ_BOX_SERIAL);
        sqlite3_bind_int64(statement, 1, box->id);
        sqlite3_bind_int64(statement, 2, box->serial_end + SQ_SERIAL_BLOCK);
        enum st_err err = sq_run(store, statement);
        if (err != ST_OK)
            return err;
        box->serial_end += SQ_SERIAL_BLOCK;
    }
    box->next_serial++;
    return ST_OK;
}

static enum st_err insert(struct mailbox_sqlite *store, struct sq_box *box, struct mailbox_append *item)
{
    uint8_t head[SQ_HEAD_LEN];
    int64_t serial = 0;
    enum st_err err = take_serial(store, box, &serial);
    if (err != ST_OK)
        return err;
    int64_t id = sq_first_id(box->id) | serial;
    fill_head(head, item);
    sqlite3_stmt *statement = sq_statement(store, SQ_ENTRY_ADD);
    sqlite3_bind_int64(statement, 1, id);
    sqlite3_bind_int64(statement, 2, item->at_ms);
    sq_bind_bytes(statement, 3, head, sizeof head);
    sq_bind_bytes(statement, 4, item->body.p, item->body.len);
    err = sq_run(store, statement);
    if (err != ST_OK)
        return err;
    box->count++;
    box->bytes += item->body.len;
    item->fate = MAILBOX_STORED;
    item->length = box->count;
    put_token(item->token_r, store, id);
    return ST_OK;
}

static enum st_err append_one(struct mailbox_sqlite *store, const struct mailbox_limits *limits,
                              struct mailbox_append *item)
{
    struct sq_box *box;
    bool there = false;
    enum st_err err = sq_box_find(store, &item->to, &box);
    if (err == ST_OK && box == NULL)
        item->fate = MAILBOX_ABSENT;
    if (err != ST_OK || box == NULL)
        return err;
    err = is_there(store, box, item, &there);
    if (err != ST_OK)
        return err;
    if (there) {
        item->fate = MAILBOX_THERE;
        memcpy(item->token_r, item->token, ST_TOKEN_LEN);
        return ST_OK;
    }
    if (box->count >= limits->entries_max || box->bytes >= limits->bytes_max) {
        item->fate = MAILBOX_FULL;
        return ST_OK;
    }
    return insert(store, box, item);
}

static enum st_err sq_append(void *ctx, const struct mailbox_limits *limits, struct mailbox_append *items, size_t count)
{
    struct mailbox_sqlite *store = ctx;
    bool changed = false;
    enum st_err err = sq_begin(store, true);
    if (err != ST_OK)
        return err;
    for (size_t i = 0; err == ST_OK && i < count; i++) {
        items[i].fate = MAILBOX_UNAVAILABLE;
        items[i].length = 0;
        items[i].present = false;
        err = append_one(store, limits, &items[i]);
        changed = changed || items[i].fate == MAILBOX_STORED;
    }
    err = sq_end(store, err, true, changed);
    for (size_t i = 0; err == ST_OK && i < count; i++) {
        const struct mailbox_presence *presence =
            items[i].fate == MAILBOX_STORED ? presence_table_get(store->presences, &items[i].to) : NULL;
        items[i].present = presence != NULL;
        if (presence != NULL)
            items[i].presence = *presence;
    }
    return err;
}

/* ---- read ---- */

/* Reads the row that the statement stands on. */
static enum st_err read_row(struct mailbox_sqlite *store, sqlite3_stmt *statement, uint8_t head[static SQ_HEAD_LEN],
                            uint8_t token[static ST_TOKEN_LEN], struct mailbox_entry *entry_r)
{
    put_token(token, store, sqlite3_column_int64(statement, 0));
    enum st_err err = sq_column_bytes(store, statement, 2, head, SQ_HEAD_LEN);
    entry_r->token = token;
    entry_r->at_ms = sqlite3_column_int64(statement, 1);
    entry_r->from = mailbox_key(head, st_get_u32(head + ST_ACCT_LEN));
    entry_r->msg_id = head + ST_ACCT_LEN + 4;
    entry_r->body = st_view(sqlite3_column_blob(statement, 3), (size_t)sqlite3_column_bytes(statement, 3));
    return err;
}

static enum st_err read_one(struct mailbox_sqlite *store, struct mailbox_read *item, size_t index, mailbox_sink_fn sink,
                            void *sink_ctx)
{
    struct sq_box *box;
    struct mailbox_entry entry;
    uint8_t head[SQ_HEAD_LEN], token[ST_TOKEN_LEN];
    bool row = false;
    size_t handed = 0;
    enum st_err err = sq_box_find(store, &item->key, &box);
    memcpy(item->epoch, store->epoch, ST_EPOCH_LEN);
    item->exists = err == ST_OK && box != NULL;
    item->more = false;
    if (!item->exists)
        return err;
    int64_t serial = serial_of(box, item->after);
    sqlite3_stmt *statement = sq_statement(store, SQ_ENTRY_READ);
    sqlite3_bind_int64(statement, 1, serial < 0 ? sq_first_id(box->id) : sq_first_id(box->id) | serial);
    sqlite3_bind_int64(statement, 2, sq_last_id(box->id));
    sqlite3_bind_int64(statement, 3, (int64_t)item->entry_max + 1);
    err = sq_step(store, statement, &row);
    while (err == ST_OK && row && !item->more) {
        err = read_row(store, statement, head, token, &entry);
        item->more = err == ST_OK && (handed++ == item->entry_max || !sink(sink_ctx, index, &entry));
        if (err == ST_OK && !item->more)
            err = sq_step(store, statement, &row);
    }
    sqlite3_reset(statement);
    return err;
}

static enum st_err sq_read(void *ctx, struct mailbox_read *items, size_t count, mailbox_sink_fn sink, void *sink_ctx)
{
    struct mailbox_sqlite *store = ctx;
    enum st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < count; i++)
        err = read_one(store, &items[i], i, sink, sink_ctx);
    return err;
}

/* ---- remove ---- */

/* Removes a stretch of consecutive serials, which is what a device mostly acknowledges. */
static enum st_err remove_stretch(struct mailbox_sqlite *store, struct sq_box *box, int64_t first, int64_t last,
                                  uint64_t *removed)
{
    bool row = false;
    sqlite3_stmt *statement = sq_statement(store, SQ_ENTRY_BYTES);
    sqlite3_bind_int64(statement, 1, sq_first_id(box->id) | first);
    sqlite3_bind_int64(statement, 2, sq_first_id(box->id) | last);
    enum st_err err = sq_step(store, statement, &row);
    uint64_t bytes = row ? (uint64_t)sqlite3_column_int64(statement, 0) : 0;
    sqlite3_reset(statement);
    if (err != ST_OK)
        return err;
    statement = sq_statement(store, SQ_ENTRY_DROP);
    sqlite3_bind_int64(statement, 1, sq_first_id(box->id) | first);
    sqlite3_bind_int64(statement, 2, sq_first_id(box->id) | last);
    err = sq_run(store, statement);
    if (err != ST_OK)
        return err;
    uint64_t changes = (uint64_t)sqlite3_changes(store->db);
    box->count -= changes;
    box->bytes -= bytes;
    *removed += changes;
    return ST_OK;
}

static enum st_err remove_one(struct mailbox_sqlite *store, struct mailbox_remove *item)
{
    struct sq_box *box;
    enum st_err err = sq_box_find(store, &item->key, &box);
    memcpy(item->epoch, store->epoch, ST_EPOCH_LEN);
    item->removed = 0;
    if (err != ST_OK || box == NULL)
        return err;
    int64_t first = -1, last = -1;
    for (size_t i = 0; err == ST_OK && i < item->token_count; i++) {
        const uint8_t *token = item->tokens + i * ST_TOKEN_LEN;
        int64_t serial = serial_of(box, token + ST_EPOCH_LEN);
        if (serial < 0 || memcmp(token, store->epoch, ST_EPOCH_LEN) != 0)
            continue;
        if (first >= 0 && serial == last + 1) {
            last = serial;
            continue;
        }
        if (first >= 0)
            err = remove_stretch(store, box, first, last, &item->removed);
        first = last = serial;
    }
    if (err == ST_OK && first >= 0)
        err = remove_stretch(store, box, first, last, &item->removed);
    return err;
}

static enum st_err sq_remove(void *ctx, struct mailbox_remove *items, size_t count)
{
    struct mailbox_sqlite *store = ctx;
    enum st_err err = sq_begin(store, false);
    if (err != ST_OK)
        return err;
    for (size_t i = 0; err == ST_OK && i < count; i++)
        err = remove_one(store, &items[i]);
    return sq_end(store, err, false, true);
}

/* ---- clock, end ---- */

static enum st_err sq_time_ms(void *ctx, int64_t *wall_ms_r)
{
    struct mailbox_sqlite *store = ctx;
    int64_t mono_ms = st_env_mono_ms(&store->env);
    int64_t wall_ms = st_env_wall_ms(&store->env);
    int64_t store_ms = store->anchor_wall_ms + (mono_ms - store->anchor_mono_ms);
    int64_t differ_ms = wall_ms > store_ms ? wall_ms - store_ms : store_ms - wall_ms;
    if (differ_ms <= HOUR_MS) {
        store->differ_since_ms = -1;
    } else if (store->differ_since_ms < 0) {
        store->differ_since_ms = mono_ms;
    } else if (mono_ms - store->differ_since_ms >= DAY_MS) {
        store->anchor_wall_ms = store_ms = wall_ms;
        store->anchor_mono_ms = mono_ms;
        store->differ_since_ms = -1;
    }
    *wall_ms_r = store_ms;
    return ST_OK;
}

static void sq_close(void *ctx)
{
    struct mailbox_sqlite *store = ctx;
    for (size_t i = 0; i < SQ_STATEMENTS; i++)
        sqlite3_finalize(store->statements[i]);
    if (sqlite3_close(store->db) != SQLITE_OK)
        st_log_event(store->log, ST_LOG_ERROR, "mailbox_sqlite_close");
    if (store->count_fd >= 0)
        close(store->count_fd);
    if (store->boxes != NULL)
        sq_box_forget_all(store);
    st_map_free(&store->boxes);
    presence_table_free(&store->presences);
    free(store);
}

static const struct mailbox_ops sqlite_ops = {
    .name = "sqlite",
    .epochs = sq_epochs,
    .changes = sq_changes,
    .append = sq_append,
    .read = sq_read,
    .remove = sq_remove,
    .look = sq_boxes_look,
    .boxes_set = sq_boxes_set,
    .purge = sq_boxes_purge,
    .presence_set = sq_presence_set,
    .presence_get = sq_presence_get,
    .presence_keep = sq_presence_keep,
    .presence_clear = sq_presence_clear,
    .generation = sq_boxes_generation,
    .exposed_put = sq_exposed_put,
    .exposed_get = sq_exposed_get,
    .blob_add = sq_blob_add,
    .blob_get = sq_blob_get,
    .blob_list = sq_blob_list,
    .blob_drop = sq_blob_drop,
    .sweep = sq_sweep,
    .time_ms = sq_time_ms,
    .close = sq_close,
};

enum st_err mailbox_sqlite_open(struct mailbox *box_r, const char *path, const struct st_env *env, struct st_log *log)
{
    uint8_t seed[ST_MAP_SEED_BYTES];
    box_r->ops = NULL;
    box_r->ctx = NULL;
    struct mailbox_sqlite *store = calloc(1, sizeof *store);
    if (store == NULL)
        return ST_ENOMEM;
    store->env = *env;
    store->log = log;
    store->count_fd = -1;
    store->differ_since_ms = -1;
    store->anchor_wall_ms = st_env_wall_ms(env);
    store->anchor_mono_ms = st_env_mono_ms(env);
    st_env_random(env, seed, sizeof seed);
    enum st_err err = st_map_new(&store->boxes, sizeof(struct mailbox_key), SQ_BOXES_CACHED, seed);
    if (err == ST_OK)
        err = presence_table_new(&store->presences, MAILBOX_SQLITE_PRESENCES_MAX, env);
    if (err == ST_OK)
        err = sq_open(store, path);
    if (err != ST_OK) {
        sq_close(store);
        return err;
    }
    box_r->ops = &sqlite_ops;
    box_r->ctx = store;
    return ST_OK;
}
