#include "services/auth/store_sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "services/auth/store_sqlite_db.h"

enum { BUSY_MS = 5000, PATH_MAX_BYTES = 4096, FILE_HEAD_BYTES = 16 };

static enum st_err error_of_errno(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
        return ST_ENOTFOUND;
    case EACCES:
    case EPERM:
        return ST_EREFUSED;
    case ENOSPC:
    case EDQUOT:
    case EROFS:
        return ST_EFULL;
    case EISDIR:
    case ELOOP:
        return ST_EFOREIGN;
    case ENOMEM:
        return ST_ENOMEM;
    default:
        return ST_EIO;
    }
}

/* Is there a journal beside the file, that is, did a process die while it made the database? Then the first bytes say
 * nothing until SQLite has undone the half-made change. */
static bool has_journal(const char *path)
{
    char journal[PATH_MAX_BYTES];
    int len = snprintf(journal, sizeof journal, "%s-journal", path);
    return len > 0 && (size_t)len < sizeof journal && access(journal, F_OK) == 0;
}

/* Makes the file with mode 0600 if there is none, and looks at an existing one before SQLite may change it. */
static enum st_err prepare_file(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return error_of_errno(errno);
    enum st_err err = ST_OK;
    struct stat st;
    char head[FILE_HEAD_BYTES];
    if (fstat(fd, &st) != 0)
        err = ST_EIO;
    else if (!S_ISREG(st.st_mode))
        err = ST_EFOREIGN;
    else if (st.st_size > 0 && !has_journal(path)) {
        ssize_t got = read(fd, head, sizeof head);
        if (got < 0)
            err = ST_EIO;
        else if (got != (ssize_t)sizeof head || memcmp(head, "SQLite format 3", sizeof head) != 0)
            err = ST_EFOREIGN;
    }
    if (close(fd) != 0 && err == ST_OK)
        err = ST_EIO;
    return err;
}

static enum st_err run(sqlite3 *db, const char *sql)
{
    return auth_sqlite_error(sqlite3_exec(db, sql, NULL, NULL, NULL));
}

/* Write-ahead log and full durability are what this backend promises, so their setting is read back. */
static enum st_err check_pragma(sqlite3 *db, const char *sql, const char *wanted)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    enum st_err err = auth_sqlite_error(rc);
    if (rc == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(stmt, 0);
        if (text == NULL || strcmp(text, wanted) != 0)
            err = ST_EIO;
    }
    (void)sqlite3_finalize(stmt); /* repeats the step's result */
    return err;
}

static enum st_err open_db(struct auth_sqlite *store, const char *path)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
    int rc = sqlite3_open_v2(path, &store->db, flags, NULL);
    if (rc != SQLITE_OK)
        return store->db == NULL ? ST_ENOMEM : auth_sqlite_error(rc);
    (void)sqlite3_extended_result_codes(store->db, 1);
    (void)sqlite3_busy_timeout(store->db, BUSY_MS);
    enum st_err err = auth_sqlite_error(sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL));
    if (err == ST_OK)
        err = run(store->db, "PRAGMA trusted_schema = OFF; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;"
                             "PRAGMA synchronous = FULL;");
    if (err == ST_OK)
        err = auth_sqlite_migrate(store->db, auth_sqlite_migrations, auth_sqlite_migration_count);
    if (err == ST_OK)
        err = check_pragma(store->db, "PRAGMA journal_mode = WAL", "wal");
    if (err == ST_OK)
        err = check_pragma(store->db, "PRAGMA synchronous", "2");
    if (err == ST_OK)
        err = check_pragma(store->db, "PRAGMA foreign_keys", "1");
    return err;
}

static void sqlite_close(void *ctx)
{
    struct auth_sqlite *store = ctx;
    for (size_t i = 0; i < AUTH_SQL_COUNT; i++)
        (void)sqlite3_finalize(store->statements[i]); /* its last result was told when it ran */
    if (sqlite3_close(store->db) != SQLITE_OK)
        st_log_event(store->log, ST_LOG_ERROR, "auth_store_close_failed");
    free(store);
}

enum st_err auth_store_sqlite_open(struct auth_store *store_r, const char *path, struct st_log *log)
{
    memset(store_r, 0, sizeof *store_r);
    enum st_err err = prepare_file(path);
    if (err != ST_OK)
        return err;
    struct auth_sqlite *store = calloc(1, sizeof *store);
    if (store == NULL)
        return ST_ENOMEM;
    store->log = log;
    store->ops = (struct auth_store_ops) {
        .name = "sqlite",
        .begin = auth_sqlite_begin,
        .commit = auth_sqlite_commit,
        .rollback = auth_sqlite_rollback,
        .close = sqlite_close,
    };
    auth_sqlite_account_ops(&store->ops);
    auth_sqlite_device_ops(&store->ops);
    auth_sqlite_prekey_ops(&store->ops);
    auth_sqlite_policy_ops(&store->ops);
    err = open_db(store, path);
    if (err != ST_OK) {
        sqlite_close(store);
        return err;
    }
    store_r->ops = &store->ops;
    store_r->ctx = store;
    return ST_OK;
}
