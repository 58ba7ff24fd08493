#include "client/store/store_sql.h"

#include <string.h>

#include "client/store/folder.h"

enum st_err store_sql_error(struct store *store, int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return ST_OK;
    case SQLITE_FULL:
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return ST_EFULL;
    case SQLITE_NOMEM:
        return ST_ENOMEM;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ST_EUNAVAILABLE;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
    case SQLITE_MISMATCH:
    case SQLITE_ERROR: /* our own SQL is tested: a table or column that is missing now is a damaged schema */
    case SQLITE_SCHEMA:
        return ST_EFOREIGN;
    case SQLITE_CONSTRAINT:
        return ST_EEXISTS;
    case SQLITE_TOOBIG:
        return ST_ELIMIT;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN: {
        if (rc == SQLITE_IOERR_NOMEM)
            return ST_ENOMEM;
        enum st_err err = folder_error(sqlite3_system_errno(store->db));
        return err == ST_EFULL || err == ST_ENOMEM ? err : ST_EIO;
    }
    default:
        return ST_EIO;
    }
}

enum st_err store_sql_fault(struct store *store, const char *step)
{
    return store->fault == NULL ? ST_OK : store->fault(store->fault_ctx, step);
}

enum st_err store_sql_exec(struct store *store, const char *sql)
{
    return store_sql_error(store, sqlite3_exec(store->db, sql, NULL, NULL, NULL));
}

/* The slot of this text, or a free one for it; NULL when all are taken. */
static struct statement *find_slot(struct store *store, const char *sql)
{
    size_t at = ((uintptr_t)sql >> 3) * 0x9e3779b1u;
    for (size_t i = 0; i < STATEMENT_SLOTS; i++) {
        struct statement *slot = &store->statements[(at + i) & (STATEMENT_SLOTS - 1)];
        if (slot->sql == sql || slot->sql == NULL)
            return slot;
    }
    return NULL;
}

static int prepare(struct store *store, const char *sql, sqlite3_stmt **raw_r)
{
    return sqlite3_prepare_v2(store->db, sql, -1, raw_r, NULL);
}

static void open_query(struct query *query, struct store *store, const char *sql)
{
    memset(query, 0, sizeof *query);
    query->store = store;
    store->running++;
    struct statement *slot = find_slot(store, sql);
    int rc = SQLITE_OK;
    if (slot != NULL && !slot->running) {
        if (slot->sql == NULL)
            rc = prepare(store, sql, &slot->raw);
        if (rc == SQLITE_OK) {
            slot->sql = sql;
            slot->running = true;
            query->slot = slot;
            query->raw = slot->raw;
        }
    } else {
        rc = prepare(store, sql, &query->raw);
    }
    query->err = store_sql_error(store, rc);
}

void query_read(struct query *query, struct store *store, const char *sql)
{
    open_query(query, store, sql);
    if (query->err == ST_OK && store->broken)
        query->err = ST_EIO;
}

void query_write(struct query *query, struct store *store, const char *sql)
{
    open_query(query, store, sql);
    query->writes = true;
    if (query->err == ST_OK && (!store->in_transaction || store->read_only))
        query->err = ST_EREFUSED;
    if (query->err == ST_OK)
        query->err = store->failed;
    if (query->err == ST_OK)
        query->err = store_sql_fault(store, "write");
}

void query_erase(struct query *query, struct store *store, const char *sql)
{
    query_write(query, store, sql);
    if (query->err == ST_OK)
        store->erasing = true;
}

static void bound(struct query *query, int rc)
{
    if (rc != SQLITE_OK)
        query->err = store_sql_error(query->store, rc);
}

void query_bind_i64(struct query *query, int64_t value)
{
    query->bound++;
    if (query->err == ST_OK)
        bound(query, sqlite3_bind_int64(query->raw, query->bound, value));
}

void query_bind_u64(struct query *query, uint64_t value)
{
    if (query->err == ST_OK && value > INT64_MAX)
        query->err = ST_ELIMIT;
    query_bind_i64(query, (int64_t)value);
}

void query_bind_bytes(struct query *query, const void *p, size_t len)
{
    query->bound++;
    if (query->err != ST_OK)
        return;
    /* An empty blob is not NULL: the columns are NOT NULL. */
    int rc = len == 0 ? sqlite3_bind_zeroblob(query->raw, query->bound, 0)
                      : sqlite3_bind_blob64(query->raw, query->bound, p, len, SQLITE_STATIC);
    bound(query, rc);
}

void query_bind_view(struct query *query, struct st_view view)
{
    query_bind_bytes(query, view.p, view.len);
}

void query_bind_text_view(struct query *query, struct st_view text)
{
    query->bound++;
    if (query->err != ST_OK)
        return;
    const char *p = text.len == 0 ? "" : (const char *)text.p;
    bound(query, sqlite3_bind_text64(query->raw, query->bound, p, text.len, SQLITE_STATIC, SQLITE_UTF8));
}

void query_bind_text(struct query *query, const char *text)
{
    query_bind_text_view(query, st_view_text(text));
}

void query_bind_null(struct query *query)
{
    query->bound++;
    if (query->err == ST_OK)
        bound(query, sqlite3_bind_null(query->raw, query->bound));
}

void query_bind_device(struct query *query, const struct store_device *device)
{
    query_bind_bytes(query, device->acct, STORE_ACCT_BYTES);
    query_bind_i64(query, device->dev);
}

bool query_next(struct query *query)
{
    if (query->err != ST_OK)
        return false;
    query->column = 0;
    int rc = sqlite3_step(query->raw);
    if (rc == SQLITE_ROW)
        return true;
    query->err = store_sql_error(query->store, rc);
    return false;
}

void query_first(struct query *query)
{
    if (!query_next(query) && query->err == ST_OK)
        query->err = ST_ENOTFOUND;
}

/* The column to read now, or -1 after an error. */
static int take_column(struct query *query)
{
    return query->err == ST_OK ? query->column++ : -1;
}

int64_t query_i64(struct query *query)
{
    int column = take_column(query);
    return column < 0 ? 0 : sqlite3_column_int64(query->raw, column);
}

uint64_t query_u64(struct query *query)
{
    int64_t value = query_i64(query);
    if (value >= 0)
        return (uint64_t)value;
    query->err = ST_EFOREIGN;
    return 0;
}

uint32_t query_u32(struct query *query)
{
    uint64_t value = query_u64(query);
    if (value <= UINT32_MAX)
        return (uint32_t)value;
    query->err = ST_EFOREIGN;
    return 0;
}

bool query_bool(struct query *query)
{
    return query_i64(query) != 0;
}

struct st_view query_view(struct query *query)
{
    int column = take_column(query);
    if (column < 0)
        return st_view(NULL, 0);
    const void *p = sqlite3_column_blob(query->raw, column);
    return st_view(p, (size_t)sqlite3_column_bytes(query->raw, column));
}

void query_bytes(struct query *query, void *out, size_t len)
{
    memset(out, 0, len);
    struct st_view view = query_view(query);
    if (query->err != ST_OK)
        return;
    if (view.len == len)
        memcpy(out, view.p, len);
    else
        query->err = ST_EFOREIGN;
}

bool query_optional_bytes(struct query *query, void *out, size_t len)
{
    memset(out, 0, len);
    if (query->err != ST_OK)
        return false;
    if (sqlite3_column_type(query->raw, query->column) == SQLITE_NULL) {
        query->column++;
        return false;
    }
    query_bytes(query, out, len);
    return query->err == ST_OK;
}

void query_text(struct query *query, char *out, size_t cap)
{
    out[0] = '\0';
    struct st_view view = query_view(query);
    if (query->err != ST_OK || view.len == 0)
        return;
    if (view.len >= cap || memchr(view.p, 0, view.len) != NULL) {
        query->err = ST_EFOREIGN;
        return;
    }
    memcpy(out, view.p, view.len);
    out[view.len] = '\0';
}

void query_device(struct query *query, struct store_device *out)
{
    query_bytes(query, out->acct, STORE_ACCT_BYTES);
    out->dev = query_u32(query);
}

void query_told(struct query *query, enum st_err err)
{
    if (query->err == ST_OK)
        query->err = err;
}

/* Errors after which a transaction must not become durable. The others are answers: nothing was changed. */
static bool is_failure(enum st_err err)
{
    return err == ST_ENOMEM || err == ST_EFULL || err == ST_EFOREIGN || err == ST_EIO || err == ST_EUNAVAILABLE;
}

enum st_err query_close(struct query *query)
{
    struct store *store = query->store;
    store->running--;
    if (query->slot != NULL) {
        sqlite3_reset(query->raw);
        sqlite3_clear_bindings(query->raw);
        query->slot->running = false;
    } else {
        sqlite3_finalize(query->raw);
    }
    if (query->writes && store->in_transaction && store->failed == ST_OK && is_failure(query->err))
        store->failed = query->err;
    return query->err;
}

enum st_err query_run(struct query *query)
{
    while (query_next(query))
        ;
    return query_close(query);
}

enum st_err query_run_changed(struct query *query)
{
    enum st_err err = query_run(query);
    if (err == ST_OK && store_sql_changes(query->store) == 0)
        return ST_ENOTFOUND;
    return err;
}

void store_sql_finalize(struct store *store)
{
    for (size_t i = 0; i < STATEMENT_SLOTS; i++) {
        sqlite3_finalize(store->statements[i].raw);
        store->statements[i] = (struct statement) { NULL, NULL, false };
    }
}

uint32_t store_sql_changes(const struct store *store)
{
    return (uint32_t)sqlite3_changes(store->db);
}

int64_t store_sql_last_row(const struct store *store)
{
    return sqlite3_last_insert_rowid(store->db);
}

static enum st_err read_counter(struct store *store, enum store_counter counter, uint64_t *value_r)
{
    static const char sql[] = "SELECT v FROM meta WHERE k = ?";
    *value_r = 0;
    struct query query;
    query_read(&query, store, sql);
    query_bind_i64(&query, counter);
    if (query_next(&query))
        *value_r = query_u64(&query);
    return query_close(&query);
}

enum st_err store_sql_count_up(struct store *store, enum store_counter counter, uint64_t count, uint64_t max,
                               uint64_t *last_r)
{
    static const char sql[] = "INSERT OR REPLACE INTO meta(k, v) VALUES(?, ?)";
    *last_r = 0;
    uint64_t value = 0;
    enum st_err err = read_counter(store, counter, &value);
    if (err != ST_OK)
        return err;
    if (value > max || count > max - value)
        return ST_ELIMIT;
    struct query query;
    query_write(&query, store, sql);
    query_bind_i64(&query, counter);
    query_bind_u64(&query, value + count);
    err = query_run(&query);
    if (err == ST_OK)
        *last_r = value + count;
    return err;
}

bool store_sql_fits(const char *text, size_t cap)
{
    return memchr(text, 0, cap) != NULL;
}
