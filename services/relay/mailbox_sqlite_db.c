#include "services/relay/mailbox_sqlite_internal.h"

static const struct {
    int rc; /* primary result code */
    enum st_err err;
} meanings[] = {
    { SQLITE_FULL, ST_EFULL },          { SQLITE_READONLY, ST_EFULL },  { SQLITE_PERM, ST_EREFUSED },
    { SQLITE_CORRUPT, ST_EFOREIGN },    { SQLITE_NOTADB, ST_EFOREIGN }, { SQLITE_BUSY, ST_EUNAVAILABLE },
    { SQLITE_LOCKED, ST_EUNAVAILABLE }, { SQLITE_NOMEM, ST_ENOMEM },
};

enum st_err sq_err(struct mailbox_sqlite *store, int rc)
{
    int primary = rc & 0xff;
    enum st_err err = ST_EIO;
    if (primary == SQLITE_OK || primary == SQLITE_ROW || primary == SQLITE_DONE)
        return ST_OK;
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++) {
        if (meanings[i].rc == primary)
            err = meanings[i].err;
    }
    if (primary != SQLITE_BUSY)
        ST_LOG(store->log, ST_LOG_ERROR, "mailbox_sqlite", st_log_int("code", rc),
               st_log_text("error", store->db != NULL ? sqlite3_errmsg(store->db) : sqlite3_errstr(rc)));
    return err;
}

sqlite3_stmt *sq_statement(struct mailbox_sqlite *store, enum sq_statement which)
{
    sqlite3_stmt *statement = store->statements[which];
    sqlite3_reset(statement); /* its result is that of the last step, which was seen then */
    sqlite3_clear_bindings(statement);
    return statement;
}

enum st_err sq_run(struct mailbox_sqlite *store, sqlite3_stmt *statement)
{
    int rc = sqlite3_step(statement);
    enum st_err err = sq_err(store, rc);
    sqlite3_reset(statement);
    return err;
}

enum st_err sq_step(struct mailbox_sqlite *store, sqlite3_stmt *statement, bool *row_r)
{
    int rc = sqlite3_step(statement);
    *row_r = rc == SQLITE_ROW;
    enum st_err err = sq_err(store, rc);
    if (rc != SQLITE_ROW)
        sqlite3_reset(statement);
    return err;
}

static enum st_err set_synced(struct mailbox_sqlite *store, bool synced)
{
    if (store->synced == synced)
        return ST_OK;
    int rc =
        sqlite3_exec(store->db, synced ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL", NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        store->synced = synced;
    return sq_err(store, rc);
}

enum st_err sq_begin(struct mailbox_sqlite *store, bool durable)
{
    enum st_err err = set_synced(store, durable);
    return err != ST_OK ? err : sq_run(store, sq_statement(store, SQ_BEGIN));
}

enum st_err sq_end(struct mailbox_sqlite *store, enum st_err err, bool durable, bool changed)
{
    if (err == ST_OK && durable && changed) {
        sqlite3_stmt *statement = sq_statement(store, SQ_COUNT_UP);
        sqlite3_bind_int64(statement, 1, store->count + 1);
        err = sq_run(store, statement);
    }
    if (err == ST_OK)
        err = sq_run(store, sq_statement(store, SQ_COMMIT));
    if (err != ST_OK) {
        /* After some errors SQLite has rolled back by itself. */
        if (sqlite3_get_autocommit(store->db) == 0 && sq_run(store, sq_statement(store, SQ_ROLLBACK)) != ST_OK)
            st_log_event(store->log, ST_LOG_ERROR, "mailbox_sqlite_rollback");
        sq_box_forget_all(store);
        return err;
    }
    if (durable && changed) {
        store->count++;
        sq_count_file(store);
    }
    return ST_OK;
}

enum st_err sq_column_bytes(struct mailbox_sqlite *store, sqlite3_stmt *statement, int column, void *out, size_t len)
{
    const void *bytes = sqlite3_column_blob(statement, column);
    memset(out, 0, len);
    if (bytes == NULL || (size_t)sqlite3_column_bytes(statement, column) != len) {
        st_log_event(store->log, ST_LOG_ERROR, "mailbox_sqlite_foreign_value");
        return ST_EFOREIGN;
    }
    memcpy(out, bytes, len);
    return ST_OK;
}
