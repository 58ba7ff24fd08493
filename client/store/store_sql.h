/* Inside the store only: the store's own struct, and a small reader and writer over prepared statements.
 *
 * A query is opened, bound from left to right, stepped, its columns read from left to right, and closed. Errors stick:
 * after the first one every call does nothing, and the last one (query_run, query_close) tells. Statements are kept
 * prepared by the address of their text, so SQL texts are static constants; one that is running already (a list
 * inside the same list) is prepared a second time for as long as it is needed. */
#ifndef CLIENT_STORE_STORE_SQL_H
#define CLIENT_STORE_STORE_SQL_H

#include <sqlite3.h>

#include "client/store/store_db.h"

enum {
    STATEMENT_SLOTS = 512,   /* a power of two, at least twice the number of SQL texts */
    STORE_COUNTER_FIRST = 64 /* rows of `meta` from here on are the store's own counters */
};

/* The store's own counters; the numbers are on disk. */
enum store_counter {
    STORE_COUNTER_SPK = 64,  /* next id */
    STORE_COUNTER_OPK = 65,  /* next id */
    STORE_COUNTER_ORDER = 66 /* last place in the order of messages and gaps */
};

struct statement {
    const char *sql; /* NULL: free */
    sqlite3_stmt *raw;
    bool running;
};

struct store {
    sqlite3 *db;
    struct st_env env;
    struct statement statements[STATEMENT_SLOTS];
    size_t statement_count;
    unsigned running; /* queries open now */
    bool in_memory;
    bool read_only;
    bool in_transaction;
    bool broken;             /* a commit failed halfway: only opening again helps */
    bool generation_raised;  /* in this transaction */
    bool erasing;            /* this transaction erases keys */
    bool erased;             /* committed, the WAL still has them */
    int64_t erased_at_ms;    /* since when, monotonic */
    int64_t truncate_at_ms;  /* when store_tick does something about it, monotonic */
    enum st_err failed;      /* of this transaction */
    uint8_t *generation_key; /* 32 bytes in sodium_malloc memory, owned */
    store_fault_fn fault;
    void *fault_ctx;
};

struct query {
    struct store *store;
    struct statement *slot; /* NULL: `raw` is ours to finalise */
    sqlite3_stmt *raw;
    enum st_err err;
    bool writes;
    int bound;  /* parameters bound */
    int column; /* the next to read */
};

/* The error behind a code of SQLite, with the operating system's where there is one. */
enum st_err store_sql_error(struct store *store, int rc);

/* Asks the fault function, if there is one. */
enum st_err store_sql_fault(struct store *store, const char *step);

/* Runs one statement that is no query of ours (PRAGMA, schema): for opening only. */
enum st_err store_sql_exec(struct store *store, const char *sql) ST_MUST_CHECK;

/* Ends every running query and forgets all prepared statements. */
void store_sql_finalize(struct store *store);

/* Opens a reading or a writing query. Always followed by query_run or query_close, also after an error. */
void query_read(struct query *query, struct store *store, const char *sql);
void query_write(struct query *query, struct store *store, const char *sql);
/* As query_write; the transaction erases keys with it. */
void query_erase(struct query *query, struct store *store, const char *sql);

/* What is bound is borrowed until the query is closed. */
void query_bind_i64(struct query *query, int64_t value);
void query_bind_u64(struct query *query, uint64_t value); /* ST_ELIMIT above 2^63 − 1 */
void query_bind_bytes(struct query *query, const void *p, size_t len);
void query_bind_view(struct query *query, struct st_view view);
void query_bind_text(struct query *query, const char *text);
void query_bind_text_view(struct query *query, struct st_view text);
void query_bind_null(struct query *query);
/* acct, then dev. */
void query_bind_device(struct query *query, const struct store_device *device);

/* True: a row is there, its first column next. False: no more, or an error. */
bool query_next(struct query *query);

int64_t query_i64(struct query *query);
uint64_t query_u64(struct query *query);
uint32_t query_u32(struct query *query);
bool query_bool(struct query *query);
/* Exactly `len` bytes; else ST_EFOREIGN and zeros. */
void query_bytes(struct query *query, void *out, size_t len);
/* NULL is allowed: false, and zeros. */
bool query_optional_bytes(struct query *query, void *out, size_t len);
/* A text of fewer than `cap` bytes without NUL inside, closed with one; else ST_EFOREIGN and "". */
void query_text(struct query *query, char *out, size_t cap);
/* Borrowed until the next step. */
struct st_view query_view(struct query *query);
void query_device(struct query *query, struct store_device *out);

/* Ends the query and gives its error. */
enum st_err query_close(struct query *query) ST_MUST_CHECK;
/* Steps to the end, then closes: for statements without rows. */
enum st_err query_run(struct query *query) ST_MUST_CHECK;
/* As query_run; ST_ENOTFOUND if no row was changed. */
enum st_err query_run_changed(struct query *query) ST_MUST_CHECK;
/* One row or ST_ENOTFOUND: steps once. The caller reads the columns and closes with query_close. */
void query_first(struct query *query);
/* What a function called for a row gave: sticks. */
void query_told(struct query *query, enum st_err err);

/* Rows changed by the last statement. */
uint32_t store_sql_changes(const struct store *store);
int64_t store_sql_last_row(const struct store *store);

/* Takes `count` numbers of a counter: *last_r is the highest of them; the first one ever is 1. ST_ELIMIT beyond `max`.
 */
enum st_err store_sql_count_up(struct store *store, enum store_counter counter, uint64_t count, uint64_t max,
                               uint64_t *last_r) ST_MUST_CHECK;

/* A text of ours fits its array: it has a NUL within `cap` bytes. */
bool store_sql_fits(const char *text, size_t cap);

#endif
