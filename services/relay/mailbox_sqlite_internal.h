/* The insides of mailbox_sqlite, shared by its files and by nobody else.
 *
 * Tables (schema version 1):
 *   meta     one row: store epoch, counter of durable commits, identity of the file
 *   account  acct → list seq; `until` of a purged one
 *   box      one row a mailbox; its id is never given twice
 *   entry    id = box id × 2^36 + serial, so that a mailbox is one stretch of one tree, in order; head = sender's
 * account (16) ‖ device (4) ‖ message id (16) exposed, blob  as their names say An entry id on the wire is box id (8) ‖
 * serial (8). Serials are reserved in blocks (box.serial_end), so that an append writes no box row, and no serial is
 * given twice after a crash. */
#ifndef MAILBOX_SQLITE_INTERNAL_H
#define MAILBOX_SQLITE_INTERNAL_H

#include <sqlite3.h>

#include "lib/st_map.h"
#include "services/relay/mailbox_sqlite.h"
#include "services/relay/presence_table.h"

enum {
    SQ_SERIAL_BITS = 36,
    SQ_BOX_BITS = 27, /* together 63: a positive rowid */
    SQ_SERIAL_BLOCK = 1024,
    SQ_BOXES_CACHED = 65536,
    SQ_HEAD_LEN = ST_ACCT_LEN + 4 + ST_MSG_ID_LEN,
    SQ_SCHEMA_VERSION = 1,
    SQ_APPLICATION_ID = 0x53546d62 /* "STmb" */
};

#define SQ_SERIAL_MAX ((INT64_C(1) << SQ_SERIAL_BITS) - 1)
#define SQ_BOX_MAX    ((INT64_C(1) << SQ_BOX_BITS) - 1)

enum sq_statement {
    SQ_BEGIN,
    SQ_COMMIT,
    SQ_ROLLBACK,
    SQ_COUNT_UP,
    SQ_BOX_FIND,
    SQ_BOX_SIZE,
    SQ_BOX_SERIAL,
    SQ_BOX_GENERATION,
    SQ_BOX_LIST,
    SQ_BOX_ADD,
    SQ_BOX_DROP,
    SQ_BOX_NEXT,
    SQ_ENTRY_ADD,
    SQ_ENTRY_HEAD,
    SQ_ENTRY_READ,
    SQ_ENTRY_BYTES,
    SQ_ENTRY_DROP,
    SQ_ENTRY_FIRST,
    SQ_ENTRY_EXPIRE,
    SQ_ACCOUNT_GET,
    SQ_ACCOUNT_PUT,
    SQ_ACCOUNT_FORGET,
    SQ_EXPOSED_ADD,
    SQ_EXPOSED_COUNT,
    SQ_EXPOSED_TRIM,
    SQ_EXPOSED_GET,
    SQ_EXPOSED_DROP,
    SQ_EXPOSED_EXPIRE,
    SQ_BLOB_EXPIRE_OF,
    SQ_BLOB_GET,
    SQ_BLOB_USED,
    SQ_BLOB_ADD,
    SQ_BLOB_LIST,
    SQ_BLOB_DROP,
    SQ_BLOB_DROP_ALL,
    SQ_BLOB_EXPIRE,
    SQ_STATEMENTS
};

/* What is known of a mailbox. Forgotten as a whole when a transaction is rolled back. */
struct sq_box {
    struct mailbox_key key;
    int64_t id;
    uint64_t count, bytes; /* entries, and their bodies */
    int64_t next_serial, serial_end;
    bool has_generation;
    uint8_t generation[ST_GENERATION_LEN];
};

struct mailbox_sqlite {
    sqlite3 *db;
    sqlite3_stmt *statements[SQ_STATEMENTS];
    struct st_env env;
    struct st_log *log;
    struct st_map *boxes; /* mailbox_key → struct sq_box, owned */
    struct presence_table *presences;
    uint8_t epoch[ST_EPOCH_LEN];
    int64_t count;     /* of durable commits, as in the database */
    int count_fd;      /* of PATH.count, -1 = not open */
    bool count_failed; /* its failure was logged */
    bool synced;       /* synchronous is FULL now */
    int64_t anchor_wall_ms, anchor_mono_ms;
    int64_t differ_since_ms; /* monotonic; -1 = the clocks agree */
};

/* ---- mailbox_sqlite_db.c: statements, transactions, opening ---- */

/* What an SQLite result means; logs everything but BUSY. */
enum st_err sq_err(struct mailbox_sqlite *store, int rc);

/* The prepared statement, reset and without old bindings. */
sqlite3_stmt *sq_statement(struct mailbox_sqlite *store, enum sq_statement which);

/* Steps a statement that gives no rows. */
enum st_err sq_run(struct mailbox_sqlite *store, sqlite3_stmt *statement) ST_MUST_CHECK;

/* Steps once; *row_r tells whether there is a row to read. */
enum st_err sq_step(struct mailbox_sqlite *store, sqlite3_stmt *statement, bool *row_r) ST_MUST_CHECK;

static inline void sq_bind_bytes(sqlite3_stmt *statement, int at, const void *bytes, size_t len)
{
    sqlite3_bind_blob64(statement, at, bytes, len, SQLITE_STATIC);
}

/* Begins a transaction. With `durable` its commit waits for the disk. */
enum st_err sq_begin(struct mailbox_sqlite *store, bool durable) ST_MUST_CHECK;

/* Ends it: commits if `err` is ST_OK, else (or if that fails) rolls back and forgets what was cached. A durable one
 * raises the counter if `changed`. Returns `err`, or why the commit failed. */
enum st_err sq_end(struct mailbox_sqlite *store, enum st_err err, bool durable, bool changed) ST_MUST_CHECK;

/* Copies a column that must be a blob of exactly `len` bytes. ST_EFOREIGN otherwise. */
enum st_err sq_column_bytes(struct mailbox_sqlite *store, sqlite3_stmt *statement, int column, void *out,
                            size_t len) ST_MUST_CHECK;

/* ---- mailbox_sqlite_open.c ---- */

/* Opens the database and its counter file; see mailbox_sqlite_open. */
enum st_err sq_open(struct mailbox_sqlite *store, const char *path) ST_MUST_CHECK;

/* Writes the counter into its file, after a durable commit. */
void sq_count_file(struct mailbox_sqlite *store);

/* ---- mailbox_sqlite_boxes.c ---- */

/* The mailbox; *box_r is NULL if there is none. Borrowed until the cache changes. */
enum st_err sq_box_find(struct mailbox_sqlite *store, const struct mailbox_key *key,
                        struct sq_box **box_r) ST_MUST_CHECK;

/* Forgets what is known of one mailbox, or of all. */
void sq_box_forget(struct mailbox_sqlite *store, const struct mailbox_key *key);
void sq_box_forget_all(struct mailbox_sqlite *store);

static inline int64_t sq_first_id(int64_t box_id)
{
    return box_id << SQ_SERIAL_BITS;
}

static inline int64_t sq_last_id(int64_t box_id)
{
    return (box_id << SQ_SERIAL_BITS) | SQ_SERIAL_MAX;
}

/* Functions of struct mailbox_ops; ctx is struct mailbox_sqlite. */
enum st_err sq_boxes_look(void *ctx, struct mailbox_look *items, size_t count);
enum st_err sq_boxes_set(void *ctx, struct mailbox_boxes *items, size_t count);
enum st_err sq_boxes_purge(void *ctx, struct mailbox_purge *items, size_t count);
enum st_err sq_boxes_generation(void *ctx, struct mailbox_generation *items, size_t count);

/* ---- mailbox_sqlite_presence.c ---- */

enum st_err sq_presence_set(void *ctx, struct mailbox_presence_set *items, size_t count);
enum st_err sq_presence_get(void *ctx, struct mailbox_presence_get *items, size_t count);
enum st_err sq_presence_keep(void *ctx, struct mailbox_presence_keep *items, size_t count);
enum st_err sq_presence_clear(void *ctx, struct mailbox_presence_clear *items, size_t count);

/* ---- mailbox_sqlite_extra.c ---- */

enum st_err sq_exposed_put(void *ctx, struct mailbox_exposed_put *items, size_t count);
enum st_err sq_exposed_get(void *ctx, struct mailbox_exposed_get *items, size_t count);
enum st_err sq_blob_add(void *ctx, struct mailbox_blob_add *items, size_t count);
enum st_err sq_blob_get(void *ctx, struct mailbox_blob_get *items, size_t count);
enum st_err sq_blob_list(void *ctx, struct mailbox_blob_list *item);
enum st_err sq_blob_drop(void *ctx, struct mailbox_blob_drop *items, size_t count);
enum st_err sq_sweep(void *ctx, struct mailbox_sweep *step);

#endif
