/* Under the SQLite backend: its object, its prepared statements, and a small reader and writer of rows with one sticky
 * error. Private to store_sqlite*.c. */
#ifndef AUTH_STORE_SQLITE_DB_H
#define AUTH_STORE_SQLITE_DB_H

#include <sqlite3.h>

#include "lib/st_log.h"
#include "services/auth/store.h"

/* Every statement that the backend has; the texts stand in store_sqlite_sql.c. */
enum auth_sql {
    AUTH_SQL_BEGIN,
    AUTH_SQL_COMMIT,
    AUTH_SQL_ROLLBACK,
    AUTH_SQL_MARK,
    AUTH_SQL_RELEASE,
    AUTH_SQL_REWIND,
    AUTH_SQL_ACCOUNT_INSERT,
    AUTH_SQL_ACCOUNT_BY_NAME,
    AUTH_SQL_ACCOUNT_BY_ID,
    AUTH_SQL_ACCOUNT_UPDATE,
    AUTH_SQL_ACCOUNT_SEEN,
    AUTH_SQL_ACCOUNT_ERASE,
    AUTH_SQL_ACCOUNT_COUNT,
    AUTH_SQL_TOMBSTONE_PUT,
    AUTH_SQL_TOMBSTONE_GET,
    AUTH_SQL_DEVICE_INSERT,
    AUTH_SQL_DEVICE_GET,
    AUTH_SQL_DEVICE_BY_TK,
    AUTH_SQL_DEVICE_ALL,
    AUTH_SQL_DEVICE_UPDATE,
    AUTH_SQL_DEVICE_DELETE,
    AUTH_SQL_DEVICE_SEEN,
    AUTH_SQL_SESSION_GET,
    AUTH_SQL_LIST_PUT,
    AUTH_SQL_LIST_GET,
    AUTH_SQL_OPK_PUT,
    AUTH_SQL_OPK_COUNT,
    AUTH_SQL_OPK_FIRST,
    AUTH_SQL_OPK_DELETE,
    AUTH_SQL_GRANT_INSERT,
    AUTH_SQL_GRANT_GET,
    AUTH_SQL_GRANT_TARGETS,
    AUTH_SQL_OFFER_PUT,
    AUTH_SQL_OFFER_ALL,
    AUTH_SQL_OFFER_DELETE,
    AUTH_SQL_INVITE_INSERT,
    AUTH_SQL_INVITE_GET,
    AUTH_SQL_INVITE_USE,
    AUTH_SQL_THROTTLE_HIT,
    AUTH_SQL_THROTTLE_GET,
    AUTH_SQL_THROTTLE_RECENT,
    AUTH_SQL_THROTTLE_CLEAR,
    AUTH_SQL_ERASE_INSERT,
    AUTH_SQL_ERASE_DUE,
    AUTH_SQL_ERASE_LATER,
    AUTH_SQL_ERASE_DONE,
    AUTH_SQL_AUDIT,
    AUTH_SQL_SETTING_GET,
    AUTH_SQL_SETTING_PUT,
    AUTH_SQL_SWEEP, /* the first of AUTH_SWEEPS statements, in the order of enum auth_sweep */
    AUTH_SQL_COUNT = AUTH_SQL_SWEEP + AUTH_SWEEPS
};

extern const char *const auth_sql_texts[AUTH_SQL_COUNT];

struct auth_sqlite {
    struct auth_store_ops ops; /* what struct auth_store points to */
    sqlite3 *db;
    struct st_log *log;                       /* borrowed */
    sqlite3_stmt *statements[AUTH_SQL_COUNT]; /* prepared at their first use */
    int depth;                                /* open transactions, 0 to 2 */
    bool broken;                              /* a call inside the transaction failed: all of it is lost */
};

/* ---- transactions ---- */

enum st_err auth_sqlite_begin(void *ctx) ST_MUST_CHECK;
enum st_err auth_sqlite_commit(void *ctx) ST_MUST_CHECK;
void auth_sqlite_rollback(void *ctx);

/* For a call of several statements: begins a transaction if none is open, and says so in *own_r. */
enum st_err auth_sqlite_enter(struct auth_sqlite *store, bool *own_r) ST_MUST_CHECK;

/* Ends what auth_sqlite_enter began: commits if `err` is ST_OK, else undoes. Returns `err`, or the commit's. */
enum st_err auth_sqlite_leave(struct auth_sqlite *store, bool own, enum st_err err) ST_MUST_CHECK;

/* ---- one statement ---- */

/* A statement in use. Bind in the order of its parameters, then run or step, then read columns from the left, then
 * finish, which says how it went. After the first error everything else does nothing. */
struct auth_query {
    struct auth_sqlite *store;
    sqlite3_stmt *stmt;
    int bound;  /* parameters bound so far */
    int column; /* columns read so far */
    enum st_err err;
};

void auth_query_open(struct auth_query *query, struct auth_sqlite *store, enum auth_sql id);

void auth_query_bytes(struct auth_query *query, const void *p, size_t len);
void auth_query_text(struct auth_query *query, struct st_view text);
void auth_query_int(struct auth_query *query, int64_t value);
/* Numbers of ours are below 2^63; a larger one is ST_ELIMIT. */
void auth_query_uint(struct auth_query *query, uint64_t value);
void auth_query_null(struct auth_query *query);

/* Steps to the next row: true if there is one. */
bool auth_query_step(struct auth_query *query);

/* Columns are typed: another type, length or range is damage, ST_EFOREIGN. */
void auth_query_get_bytes(struct auth_query *query, void *out, size_t len);
/* From 0 to `cap` bytes. */
size_t auth_query_get_blob(struct auth_query *query, void *out, size_t cap);
void auth_query_get_text(struct auth_query *query, struct auth_text *out);
int64_t auth_query_get_int(struct auth_query *query);
uint64_t auth_query_get_uint(struct auth_query *query, uint64_t max);
/* Is the next column NULL? Then it is passed over. */
bool auth_query_get_null(struct auth_query *query);

/* Gives the statement back. */
enum st_err auth_query_finish(struct auth_query *query) ST_MUST_CHECK;

/* Steps a statement without rows to its end and finishes it; *changes_r (may be NULL) is how many rows it touched. */
enum st_err auth_query_run(struct auth_query *query, size_t *changes_r) ST_MUST_CHECK;

/* Our error for a result of SQLite, extended codes included. */
enum st_err auth_sqlite_error(int rc);

/* ---- schema ---- */

/* One step forward: the statements that make version n + 1 out of n. */
struct auth_migration {
    const char *sql;
};

/* All steps, from the empty database on. */
extern const struct auth_migration auth_sqlite_migrations[];
extern const size_t auth_sqlite_migration_count;

/* Brings the database to the version `count`. ST_EFOREIGN if it is not one of auth, or newer; then it is untouched. */
enum st_err auth_sqlite_migrate(sqlite3 *db, const struct auth_migration *steps, size_t count) ST_MUST_CHECK;

/* ---- the calls, by area ---- */

/* Each fills its part of the table of operations. */
void auth_sqlite_account_ops(struct auth_store_ops *ops);
void auth_sqlite_device_ops(struct auth_store_ops *ops);
void auth_sqlite_prekey_ops(struct auth_store_ops *ops);
void auth_sqlite_policy_ops(struct auth_store_ops *ops);

#endif
