#include "services/auth/store_sqlite_db.h"

#include <stdio.h>

/* "STau": what the application_id of the file says. */
#define APPLICATION_ID "1398038901"
enum { APPLICATION = 1398038901 };

/* Everything that an account owns goes with it: the keys below say so once, for every way of deleting. A device list is
 * kept as it travels, body and all signatures in one. */
static const char version_1[] =
    "CREATE TABLE account (acct BLOB NOT NULL PRIMARY KEY, name TEXT NOT NULL UNIQUE, state INTEGER NOT NULL, "
    "  ak BLOB NOT NULL, record BLOB NOT NULL, list_seq INTEGER NOT NULL, next_dev INTEGER NOT NULL, "
    "  flags INTEGER NOT NULL, created INTEGER NOT NULL, last_seen INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE tombstone (name_hash BLOB NOT NULL PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE device (acct BLOB NOT NULL REFERENCES account (acct) ON DELETE CASCADE, dev INTEGER NOT NULL, "
    "  state INTEGER NOT NULL, tk BLOB UNIQUE, dsk BLOB NOT NULL, dik BLOB NOT NULL, name TEXT NOT NULL, "
    "  spk_id INTEGER NOT NULL, spk BLOB NOT NULL, spk_sig BLOB NOT NULL, spk_created INTEGER NOT NULL, "
    "  opk_hi INTEGER NOT NULL, last_seen INTEGER NOT NULL, PRIMARY KEY (acct, dev)) WITHOUT ROWID;"
    "CREATE INDEX device_seen ON device (state, last_seen);"
    "CREATE TABLE device_list (acct BLOB NOT NULL REFERENCES account (acct) ON DELETE CASCADE, seq INTEGER NOT NULL, "
    "  body BLOB NOT NULL, PRIMARY KEY (acct, seq)) WITHOUT ROWID;"
    "CREATE TABLE opk (acct BLOB NOT NULL, dev INTEGER NOT NULL, opk_id INTEGER NOT NULL, pub BLOB NOT NULL, "
    "  PRIMARY KEY (acct, dev, opk_id), "
    "  FOREIGN KEY (acct, dev) REFERENCES device (acct, dev) ON DELETE CASCADE) WITHOUT ROWID;"
    "CREATE TABLE opk_grant (target BLOB NOT NULL, dev INTEGER NOT NULL, "
    "  requester BLOB NOT NULL REFERENCES account (acct) ON DELETE CASCADE, day INTEGER NOT NULL, "
    "  nonce BLOB NOT NULL, opk_id INTEGER NOT NULL, pub BLOB NOT NULL, "
    "  PRIMARY KEY (target, dev, requester, day), "
    "  FOREIGN KEY (target, dev) REFERENCES device (acct, dev) ON DELETE CASCADE) WITHOUT ROWID;"
    "CREATE INDEX opk_grant_requester ON opk_grant (requester, day);"
    "CREATE INDEX opk_grant_day ON opk_grant (day);"
    "CREATE TABLE link_offer (acct BLOB NOT NULL, dev INTEGER NOT NULL, dsk BLOB NOT NULL, dik BLOB NOT NULL, "
    "  accept_sig BLOB NOT NULL, tag BLOB NOT NULL, name TEXT NOT NULL, expires INTEGER NOT NULL, "
    "  PRIMARY KEY (acct, dev), "
    "  FOREIGN KEY (acct, dev) REFERENCES device (acct, dev) ON DELETE CASCADE) WITHOUT ROWID;"
    "CREATE INDEX link_offer_expires ON link_offer (expires);"
    "CREATE TABLE invite (code_hash BLOB NOT NULL PRIMARY KEY, uses INTEGER NOT NULL, uses_left INTEGER NOT NULL, "
    "  name TEXT NOT NULL, expires INTEGER NOT NULL, creator TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX invite_expires ON invite (expires);"
    "CREATE TABLE throttle (k BLOB NOT NULL, win INTEGER NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (k, win)) "
    "  WITHOUT ROWID;"
    "CREATE INDEX throttle_win ON throttle (win);"
    "CREATE TABLE erase_job (acct BLOB NOT NULL PRIMARY KEY, devs BLOB NOT NULL, next_at INTEGER NOT NULL, "
    "  tries INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX erase_job_next ON erase_job (next_at);"
    "CREATE TABLE audit (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL);"
    "CREATE TABLE setting (k TEXT NOT NULL PRIMARY KEY, v BLOB NOT NULL) WITHOUT ROWID;";

const struct auth_migration auth_sqlite_migrations[] = { { version_1 } };
const size_t auth_sqlite_migration_count = sizeof auth_sqlite_migrations / sizeof auth_sqlite_migrations[0];

/* The one integer that a statement gives; ST_ENOTFOUND if it gives no row. */
static enum st_err one_number(sqlite3 *db, const char *sql, int64_t *number_r)
{
    *number_r = 0;
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    enum st_err err = auth_sqlite_error(rc);
    if (rc == SQLITE_ROW)
        *number_r = sqlite3_column_int64(stmt, 0);
    else if (err == ST_OK)
        err = ST_ENOTFOUND;
    (void)sqlite3_finalize(stmt); /* repeats the step's result */
    return err;
}

/* The version of the schema: 0 for a database with nothing in it. */
static enum st_err find_version(sqlite3 *db, int64_t *version_r)
{
    int64_t application;
    int64_t tables;
    *version_r = 0;
    enum st_err err = one_number(db, "SELECT COUNT(*) FROM sqlite_master", &tables);
    if (err == ST_OK)
        err = one_number(db, "PRAGMA application_id", &application);
    if (err != ST_OK)
        return err;
    if (tables == 0 && application == 0)
        return ST_OK;
    if (application != APPLICATION)
        return ST_EFOREIGN;
    /* Ours by its mark, but without a version that can be read: damaged. */
    err = one_number(db, "SELECT COUNT(*) FROM sqlite_master WHERE name = 'schema_version'", &tables);
    if (err == ST_OK && tables != 1)
        return ST_EFOREIGN;
    if (err == ST_OK)
        err = one_number(db, "SELECT v FROM schema_version", version_r);
    if (err == ST_ENOTFOUND || (err == ST_OK && *version_r < 1))
        return ST_EFOREIGN;
    return err;
}

static enum st_err run(sqlite3 *db, const char *sql)
{
    return auth_sqlite_error(sqlite3_exec(db, sql, NULL, NULL, NULL));
}

static enum st_err climb(sqlite3 *db, const struct auth_migration *steps, size_t from, size_t to)
{
    enum st_err err = ST_OK;
    if (from == 0)
        err = run(db, "PRAGMA application_id = " APPLICATION_ID ";"
                      "CREATE TABLE schema_version (v INTEGER NOT NULL);"
                      "INSERT INTO schema_version (v) VALUES (0);");
    for (size_t i = from; i < to && err == ST_OK; i++)
        err = run(db, steps[i].sql);
    char sql[64];
    (void)snprintf(sql, sizeof sql, "UPDATE schema_version SET v = %zu", to);
    return err == ST_OK ? run(db, sql) : err;
}

enum st_err auth_sqlite_migrate(sqlite3 *db, const struct auth_migration *steps, size_t count)
{
    /* Looked at before anything is locked, so that a foreign file is not touched, … */
    int64_t version;
    enum st_err err = find_version(db, &version);
    if (err != ST_OK)
        return err;
    if (version > (int64_t)count)
        return ST_EFOREIGN;
    if (version == (int64_t)count)
        return ST_OK;
    /* … and again under the lock: another process may have been faster. */
    err = run(db, "BEGIN EXCLUSIVE");
    if (err != ST_OK)
        return err;
    err = find_version(db, &version);
    if (err == ST_OK && version > (int64_t)count)
        err = ST_EFOREIGN;
    if (err == ST_OK && version < (int64_t)count)
        err = climb(db, steps, (size_t)version, count);
    if (err == ST_OK)
        err = run(db, "COMMIT");
    if (err != ST_OK && sqlite3_get_autocommit(db) == 0)
        (void)run(db, "ROLLBACK"); /* the first error is the one that counts */
    return err;
}
