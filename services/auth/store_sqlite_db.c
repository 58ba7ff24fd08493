#include "services/auth/store_sqlite_db.h"

enum st_err auth_sqlite_error(int rc)
{
    switch (rc) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return ST_OK;
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
        return ST_EEXISTS;
    case SQLITE_CONSTRAINT_FOREIGNKEY:
        return ST_ENOTFOUND;
    default:
        break;
    }
    switch (rc & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ST_EUNAVAILABLE;
    case SQLITE_FULL:
    case SQLITE_READONLY:
        return ST_EFULL;
    case SQLITE_NOMEM:
        return ST_ENOMEM;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
    case SQLITE_CONSTRAINT:
        return ST_EFOREIGN;
    default:
        return ST_EIO;
    }
}

/* Notes an error of SQLite: the log gets its text, an open transaction is lost. */
static enum st_err note_error(struct auth_sqlite *store, int rc)
{
    enum st_err err = auth_sqlite_error(rc);
    if (!auth_store_failed(err))
        return err;
    ST_LOG(store->log, ST_LOG_ERROR, "auth_store_failed", st_log_err("error", err),
           st_log_text("sqlite", sqlite3_errmsg(store->db)));
    if (store->depth > 0)
        store->broken = true;
    return err;
}

/* ---- transactions ---- */

static enum st_err run_bare(struct auth_sqlite *store, enum auth_sql id)
{
    struct auth_query query;
    auth_query_open(&query, store, id);
    return auth_query_run(&query, NULL);
}

enum st_err auth_sqlite_begin(void *ctx)
{
    struct auth_sqlite *store = ctx;
    if (store->depth >= 2)
        return ST_EREFUSED;
    enum st_err err = run_bare(store, store->depth == 0 ? AUTH_SQL_BEGIN : AUTH_SQL_MARK);
    if (err == ST_OK)
        store->depth++;
    return err;
}

/* Ends the outermost transaction by undoing it, in whatever state it is. */
static void abandon(struct auth_sqlite *store)
{
    store->depth = 0;
    store->broken = false;
    /* SQLite may have rolled back by itself; then there is nothing to undo, and no error to tell of. */
    if (sqlite3_get_autocommit(store->db) == 0 && run_bare(store, AUTH_SQL_ROLLBACK) != ST_OK)
        st_log_event(store->log, ST_LOG_ERROR, "auth_store_rollback_failed");
}

enum st_err auth_sqlite_commit(void *ctx)
{
    struct auth_sqlite *store = ctx;
    if (store->depth == 0)
        return ST_EREFUSED;
    if (store->broken) {
        if (--store->depth == 0)
            abandon(store);
        return ST_EUNAVAILABLE;
    }
    enum st_err err = run_bare(store, store->depth == 1 ? AUTH_SQL_COMMIT : AUTH_SQL_RELEASE);
    if (--store->depth > 0)
        return err;
    if (err != ST_OK)
        abandon(store);
    /* An I/O error may have come after the commit's frame was written: nobody knows what a restart will find. */
    return err == ST_EIO ? ST_EUNCERTAIN : err;
}

void auth_sqlite_rollback(void *ctx)
{
    struct auth_sqlite *store = ctx;
    if (store->depth == 0)
        return;
    if (store->depth == 1) {
        abandon(store);
        return;
    }
    store->depth--;
    /* Back to the mark, and away with the mark. */
    if (!store->broken && (run_bare(store, AUTH_SQL_REWIND) != ST_OK || run_bare(store, AUTH_SQL_RELEASE) != ST_OK))
        store->broken = true;
}

enum st_err auth_sqlite_enter(struct auth_sqlite *store, bool *own_r)
{
    *own_r = false;
    if (store->depth > 0)
        return ST_OK;
    enum st_err err = auth_sqlite_begin(store);
    *own_r = err == ST_OK;
    return err;
}

enum st_err auth_sqlite_leave(struct auth_sqlite *store, bool own, enum st_err err)
{
    if (!own)
        return err;
    if (err == ST_OK)
        return auth_sqlite_commit(store);
    auth_sqlite_rollback(store);
    return err;
}

/* ---- one statement ---- */

void auth_query_open(struct auth_query *query, struct auth_sqlite *store, enum auth_sql id)
{
    memset(query, 0, sizeof *query);
    query->store = store;
    if (store->broken) {
        query->err = ST_EUNAVAILABLE;
        return;
    }
    if (store->statements[id] == NULL) {
        int rc = sqlite3_prepare_v3(store->db, auth_sql_texts[id], -1, SQLITE_PREPARE_PERSISTENT,
                                    &store->statements[id], NULL);
        if (rc != SQLITE_OK) {
            query->err = note_error(store, rc);
            return;
        }
    }
    query->stmt = store->statements[id];
}

static void note_bind(struct auth_query *query, int rc)
{
    if (rc != SQLITE_OK && query->err == ST_OK)
        query->err = note_error(query->store, rc);
}

void auth_query_bytes(struct auth_query *query, const void *p, size_t len)
{
    if (query->err != ST_OK)
        return;
    /* A NULL pointer would bind NULL; an empty value is an empty blob. */
    note_bind(query, sqlite3_bind_blob64(query->stmt, ++query->bound, len > 0 ? p : "", len, SQLITE_STATIC));
}

void auth_query_text(struct auth_query *query, struct st_view text)
{
    if (query->err != ST_OK)
        return;
    const char *p = text.len > 0 ? (const char *)text.p : "";
    note_bind(query, sqlite3_bind_text64(query->stmt, ++query->bound, p, text.len, SQLITE_STATIC, SQLITE_UTF8));
}

void auth_query_int(struct auth_query *query, int64_t value)
{
    if (query->err == ST_OK)
        note_bind(query, sqlite3_bind_int64(query->stmt, ++query->bound, value));
}

void auth_query_uint(struct auth_query *query, uint64_t value)
{
    if (query->err == ST_OK && value > INT64_MAX)
        query->err = ST_ELIMIT;
    auth_query_int(query, (int64_t)value);
}

void auth_query_null(struct auth_query *query)
{
    if (query->err == ST_OK)
        note_bind(query, sqlite3_bind_null(query->stmt, ++query->bound));
}

bool auth_query_step(struct auth_query *query)
{
    if (query->err != ST_OK)
        return false;
    int rc = sqlite3_step(query->stmt);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        query->err = note_error(query->store, rc);
    query->column = 0;
    return rc == SQLITE_ROW;
}

static void damaged(struct auth_query *query)
{
    if (query->err != ST_OK)
        return;
    query->err = ST_EFOREIGN;
    if (query->store->depth > 0)
        query->store->broken = true;
    ST_LOG(query->store->log, ST_LOG_ERROR, "auth_store_damaged", st_log_text("sql", sqlite3_sql(query->stmt)),
           st_log_int("column", query->column));
}

size_t auth_query_get_blob(struct auth_query *query, void *out, size_t cap)
{
    memset(out, 0, cap);
    if (query->err != ST_OK)
        return 0;
    int column = query->column++;
    const void *p = sqlite3_column_blob(query->stmt, column);
    size_t len = (size_t)sqlite3_column_bytes(query->stmt, column);
    if (sqlite3_column_type(query->stmt, column) != SQLITE_BLOB || len > cap) {
        damaged(query);
        return 0;
    }
    if (len > 0)
        memcpy(out, p, len);
    return len;
}

void auth_query_get_bytes(struct auth_query *query, void *out, size_t len)
{
    if (auth_query_get_blob(query, out, len) != len)
        damaged(query);
}

void auth_query_get_text(struct auth_query *query, struct auth_text *out)
{
    memset(out, 0, sizeof *out);
    if (query->err != ST_OK)
        return;
    int column = query->column++;
    const unsigned char *p = sqlite3_column_text(query->stmt, column);
    size_t len = (size_t)sqlite3_column_bytes(query->stmt, column);
    if (sqlite3_column_type(query->stmt, column) != SQLITE_TEXT || p == NULL || len > sizeof out->bytes) {
        damaged(query);
        return;
    }
    memcpy(out->bytes, p, len);
    out->len = (uint8_t)len;
}

int64_t auth_query_get_int(struct auth_query *query)
{
    if (query->err != ST_OK)
        return 0;
    int column = query->column++;
    if (sqlite3_column_type(query->stmt, column) != SQLITE_INTEGER) {
        damaged(query);
        return 0;
    }
    return sqlite3_column_int64(query->stmt, column);
}

uint64_t auth_query_get_uint(struct auth_query *query, uint64_t max)
{
    int64_t value = auth_query_get_int(query);
    if (value < 0 || (uint64_t)value > max) {
        damaged(query);
        return 0;
    }
    return (uint64_t)value;
}

bool auth_query_get_null(struct auth_query *query)
{
    if (query->err != ST_OK || sqlite3_column_type(query->stmt, query->column) != SQLITE_NULL)
        return false;
    query->column++;
    return true;
}

enum st_err auth_query_finish(struct auth_query *query)
{
    if (query->stmt != NULL) {
        /* The step has told of its error already; reset repeats it. */
        (void)sqlite3_reset(query->stmt);
        (void)sqlite3_clear_bindings(query->stmt);
        query->stmt = NULL;
    }
    return query->err;
}

enum st_err auth_query_run(struct auth_query *query, size_t *changes_r)
{
    while (auth_query_step(query))
        continue;
    if (changes_r != NULL)
        *changes_r = query->err == ST_OK ? (size_t)sqlite3_changes(query->store->db) : 0;
    return auth_query_finish(query);
}
