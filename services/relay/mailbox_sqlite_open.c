/* statx, for the birth of a file, is not in POSIX. */
#define _GNU_SOURCE
#include "services/relay/mailbox_sqlite_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/st_file.h"

enum { PATH_BYTES = 4096, BUSY_MS = 1000, CHECK_MS = 2000, COUNT_LEN = 24, CHECK_EVERY = 20000 };

static const char count_magic[8] = { 'S', 'T', 'm', 'b', 'c', 'n', 't', '1' };

static const char schema[] =
    "CREATE TABLE meta(one INTEGER PRIMARY KEY CHECK(one = 1), epoch BLOB NOT NULL, count INTEGER NOT NULL,"
    "  inode INTEGER NOT NULL, born INTEGER NOT NULL);"
    "CREATE TABLE account(acct BLOB PRIMARY KEY, seq INTEGER NOT NULL, until INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX account_until ON account(until) WHERE until > 0;"
    "CREATE TABLE box(id INTEGER PRIMARY KEY AUTOINCREMENT, acct BLOB NOT NULL, dev INTEGER NOT NULL,"
    "  serial_end INTEGER NOT NULL, generation BLOB, UNIQUE(acct, dev));"
    "CREATE TABLE entry(id INTEGER PRIMARY KEY, at INTEGER NOT NULL, head BLOB NOT NULL, body BLOB NOT NULL);"
    "CREATE TABLE exposed(n INTEGER PRIMARY KEY, box INTEGER NOT NULL, hash BLOB NOT NULL, mac_key BLOB NOT NULL,"
    "  at INTEGER NOT NULL, UNIQUE(box, hash));"
    "CREATE TABLE blob(acct BLOB NOT NULL, id BLOB NOT NULL, size INTEGER NOT NULL, charge INTEGER NOT NULL,"
    "  chunks INTEGER NOT NULL, expires INTEGER NOT NULL, PRIMARY KEY(acct, id)) WITHOUT ROWID;"
    "CREATE INDEX blob_expires ON blob(expires);";

static const char *const sql[SQ_STATEMENTS] = {
    [SQ_BEGIN] = "BEGIN IMMEDIATE",
    [SQ_COMMIT] = "COMMIT",
    [SQ_ROLLBACK] = "ROLLBACK",
    [SQ_COUNT_UP] = "UPDATE meta SET count = ?1",
    [SQ_BOX_FIND] = "SELECT id, serial_end, generation FROM box WHERE acct = ?1 AND dev = ?2",
    [SQ_BOX_SIZE] = "SELECT count(*), coalesce(sum(length(body)), 0) FROM entry WHERE id BETWEEN ?1 AND ?2",
    [SQ_BOX_SERIAL] = "UPDATE box SET serial_end = ?2 WHERE id = ?1",
    [SQ_BOX_GENERATION] = "UPDATE box SET generation = ?2 WHERE id = ?1",
    [SQ_BOX_LIST] = "SELECT id, dev FROM box WHERE acct = ?1",
    [SQ_BOX_ADD] = "INSERT INTO box(acct, dev, serial_end) VALUES(?1, ?2, 1)",
    [SQ_BOX_DROP] = "DELETE FROM box WHERE id = ?1",
    [SQ_BOX_NEXT] = "SELECT id, acct, dev FROM box WHERE id > ?1 ORDER BY id LIMIT 1",
    [SQ_ENTRY_ADD] = "INSERT INTO entry(id, at, head, body) VALUES(?1, ?2, ?3, ?4)",
    [SQ_ENTRY_HEAD] = "SELECT head FROM entry WHERE id = ?1",
    [SQ_ENTRY_READ] = "SELECT id, at, head, body FROM entry WHERE id > ?1 AND id <= ?2 ORDER BY id LIMIT ?3",
    [SQ_ENTRY_BYTES] = "SELECT coalesce(sum(length(body)), 0) FROM entry WHERE id BETWEEN ?1 AND ?2",
    [SQ_ENTRY_DROP] = "DELETE FROM entry WHERE id BETWEEN ?1 AND ?2",
    [SQ_ENTRY_FIRST] = "SELECT at FROM entry WHERE id BETWEEN ?1 AND ?2 ORDER BY id LIMIT 1",
    [SQ_ENTRY_EXPIRE] = "DELETE FROM entry WHERE id BETWEEN ?1 AND ?2 AND at < ?3",
    [SQ_ACCOUNT_GET] = "SELECT seq FROM account WHERE acct = ?1",
    [SQ_ACCOUNT_PUT] = ("INSERT INTO account(acct, seq, until) VALUES(?1, ?2, ?3)"
                        " ON CONFLICT(acct) DO UPDATE SET seq = ?2, until = ?3"),
    [SQ_ACCOUNT_FORGET] = "DELETE FROM account WHERE until > 0 AND until <= ?1",
    [SQ_EXPOSED_ADD] = "INSERT OR IGNORE INTO exposed(box, hash, mac_key, at) VALUES(?1, ?2, ?3, ?4)",
    [SQ_EXPOSED_COUNT] = "SELECT count(*) FROM exposed WHERE box = ?1",
    [SQ_EXPOSED_TRIM] = "DELETE FROM exposed WHERE n IN (SELECT n FROM exposed WHERE box = ?1 ORDER BY n LIMIT ?2)",
    [SQ_EXPOSED_GET] = "SELECT mac_key FROM exposed WHERE box = ?1 AND hash = ?2",
    [SQ_EXPOSED_DROP] = "DELETE FROM exposed WHERE box = ?1",
    [SQ_EXPOSED_EXPIRE] = "DELETE FROM exposed WHERE box = ?1 AND at < ?2",
    [SQ_BLOB_EXPIRE_OF] = "DELETE FROM blob WHERE acct = ?1 AND expires <= ?2",
    [SQ_BLOB_GET] = "SELECT size, chunks FROM blob WHERE acct = ?1 AND id = ?2",
    [SQ_BLOB_USED] = "SELECT coalesce(sum(charge), 0) FROM blob WHERE acct = ?1",
    [SQ_BLOB_ADD] = "INSERT INTO blob(acct, id, size, charge, chunks, expires) VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
    [SQ_BLOB_LIST] = "SELECT id FROM blob WHERE acct = ?1 ORDER BY id LIMIT ?2",
    [SQ_BLOB_DROP] = "DELETE FROM blob WHERE acct = ?1 AND id = ?2",
    [SQ_BLOB_DROP_ALL] = "DELETE FROM blob WHERE acct = ?1",
    [SQ_BLOB_EXPIRE] = "DELETE FROM blob WHERE expires <= ?1",
};

static enum st_err refuse(struct mailbox_sqlite *store, const char *path, const char *why)
{
    ST_LOG(store->log, ST_LOG_ERROR, "mailbox_sqlite_refused", st_log_text("path", path), st_log_text("why", why));
    return ST_EFOREIGN;
}

static enum st_err execute(struct mailbox_sqlite *store, const char *text)
{
    return sq_err(store, sqlite3_exec(store->db, text, NULL, NULL, NULL));
}

/* The number that a query gives. */
static enum st_err ask(struct mailbox_sqlite *store, const char *query, int64_t *number_r)
{
    sqlite3_stmt *statement = NULL;
    *number_r = 0;
    int rc = sqlite3_prepare_v2(store->db, query, -1, &statement, NULL);
    if (rc == SQLITE_OK) {
        rc = sqlite3_step(statement);
        if (rc == SQLITE_ROW)
            *number_r = sqlite3_column_int64(statement, 0);
    }
    enum st_err err = sq_err(store, rc);
    sqlite3_finalize(statement);
    return err;
}

/* ---- before SQLite sees it ---- */

/* Makes the file with mode 0600 if there is none; refuses what is no database of ours, without touching it. */
static enum st_err look_at_file(struct mailbox_sqlite *store, const char *path)
{
    char head[72];
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
    if (fd < 0)
        return errno == ELOOP ? refuse(store, path, "a symbolic link") : st_file_err(errno);
    struct stat st;
    ssize_t n = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? pread(fd, head, sizeof head, 0) : -1;
    close(fd);
    if (n < 0)
        return refuse(store, path, "not a readable file");
    if (n == 0)
        return ST_OK;
    if ((size_t)n < sizeof head || memcmp(head, "SQLite format 3", 16) != 0)
        return refuse(store, path, "not a database");
    uint8_t id[4];
    memcpy(id, head + 68, sizeof id);
    if (st_get_u32(id) != 0 && st_get_u32(id) != SQ_APPLICATION_ID)
        return refuse(store, path, "a database of another program");
    return ST_OK;
}

/* ---- schema ---- */

static enum st_err create(struct mailbox_sqlite *store)
{
    char text[160];
    /* With a rollback journal, so that the file itself says whose it is before there is a WAL. */
    snprintf(text, sizeof text, "BEGIN EXCLUSIVE; PRAGMA application_id=%d; PRAGMA user_version=%d", SQ_APPLICATION_ID,
             SQ_SCHEMA_VERSION);
    enum st_err err = execute(store, "PRAGMA synchronous=FULL");
    if (err == ST_OK)
        err = execute(store, text);
    if (err == ST_OK)
        err = execute(store, schema);
    if (err == ST_OK)
        err =
            execute(store, "INSERT INTO meta(one, epoch, count, inode, born) VALUES(1, zeroblob(8), 0, 0, 0); COMMIT");
    return err;
}

/* Stops a check that takes too long: a damaged page is found when it is read. */
struct patience {
    const struct st_env *env;
    int64_t until_ms;
};

static int is_enough(void *ctx)
{
    const struct patience *patience = ctx;
    return st_env_mono_ms(patience->env) >= patience->until_ms;
}

static enum st_err check(struct mailbox_sqlite *store, const char *path)
{
    struct patience patience = { .env = &store->env, .until_ms = st_env_mono_ms(&store->env) + CHECK_MS };
    sqlite3_stmt *statement = NULL;
    sqlite3_progress_handler(store->db, CHECK_EVERY, is_enough, &patience);
    int rc = sqlite3_prepare_v2(store->db, "PRAGMA quick_check(1)", -1, &statement, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(statement);
    bool damaged = rc == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(statement, 0), "ok") != 0;
    sqlite3_finalize(statement);
    sqlite3_progress_handler(store->db, 0, NULL, NULL);
    if (damaged)
        return refuse(store, path, "damaged");
    return (rc & 0xff) == SQLITE_INTERRUPT ? ST_OK : sq_err(store, rc);
}

static enum st_err see_schema(struct mailbox_sqlite *store, const char *path)
{
    int64_t application = 0, version = 0, tables = 0;
    enum st_err err = ask(store, "PRAGMA application_id", &application);
    if (err == ST_OK)
        err = ask(store, "PRAGMA user_version", &version);
    if (err == ST_OK)
        err = ask(store, "SELECT count(*) FROM sqlite_master", &tables);
    if (err != ST_OK)
        return err;
    if (application == 0 && version == 0 && tables == 0)
        return create(store);
    if (application != SQ_APPLICATION_ID)
        return refuse(store, path, "a database of another program");
    if (version > SQ_SCHEMA_VERSION)
        return refuse(store, path, "made by a newer version of this program");
    if (version < SQ_SCHEMA_VERSION)
        return refuse(store, path, "damaged");
    return check(store, path);
}

static enum st_err prepare_all(struct mailbox_sqlite *store)
{
    for (size_t i = 0; i < SQ_STATEMENTS; i++) {
        int rc = sqlite3_prepare_v3(store->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &store->statements[i], NULL);
        if (rc != SQLITE_OK)
            return sq_err(store, rc);
    }
    return ST_OK;
}

/* ---- epoch and counter ---- */

struct identity {
    int64_t inode, born;
};

/* What a copy of the file does not have in common with it. Zeros if the file system does not say. */
static struct identity identify(const char *path)
{
    struct identity identity = { 0, 0 };
    struct statx st;
    if (statx(AT_FDCWD, path, 0, STATX_INO | STATX_BTIME, &st) != 0)
        return identity;
    identity.inode = (int64_t)st.stx_ino;
    if (st.stx_mask & STATX_BTIME)
        identity.born = st.stx_btime.tv_sec * 1000000000 + st.stx_btime.tv_nsec;
    return identity;
}

static bool count_path(char out[static PATH_BYTES], const char *path)
{
    int len = snprintf(out, PATH_BYTES, "%s.count", path);
    return len > 0 && len < PATH_BYTES;
}

/* Reads the counter file: does it know these very writes, or fewer? */
static enum st_err is_behind(struct mailbox_sqlite *store, const char *counter, bool *behind_r)
{
    struct st_buf buf;
    st_buf_init(&buf, COUNT_LEN);
    *behind_r = true;
    enum st_err err = st_file_read(counter, COUNT_LEN, &buf);
    if (err == ST_OK && buf.len == COUNT_LEN && memcmp(buf.p, count_magic, sizeof count_magic) == 0 &&
        memcmp(buf.p + 8, store->epoch, ST_EPOCH_LEN) == 0)
        *behind_r = st_get_u64(buf.p + 16) > (uint64_t)store->count;
    st_buf_free(&buf);
    return err == ST_ENOTFOUND || err == ST_ELIMIT ? ST_OK : err;
}

static void fill_count(const struct mailbox_sqlite *store, uint8_t bytes[static COUNT_LEN])
{
    memcpy(bytes, count_magic, sizeof count_magic);
    memcpy(bytes + 8, store->epoch, ST_EPOCH_LEN);
    st_put_u64(bytes + 16, (uint64_t)store->count);
}

void sq_count_file(struct mailbox_sqlite *store)
{
    uint8_t bytes[COUNT_LEN];
    fill_count(store, bytes);
    if (pwrite(store->count_fd, bytes + 16, 8, 16) == 8 || store->count_failed)
        return;
    store->count_failed = true;
    st_log_errno(store->log, ST_LOG_ERROR, "mailbox_counter_failed",
                 "a database that is copied back from a backup will not be noticed");
}

static enum st_err read_meta(struct mailbox_sqlite *store, struct identity *known_r)
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(store->db, "SELECT epoch, count, inode, born FROM meta", -1, &statement, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(statement);
    enum st_err err = rc == SQLITE_DONE ? ST_EFOREIGN : sq_err(store, rc);
    if (err == ST_OK) {
        err = sq_column_bytes(store, statement, 0, store->epoch, ST_EPOCH_LEN);
        store->count = sqlite3_column_int64(statement, 1);
        known_r->inode = sqlite3_column_int64(statement, 2);
        known_r->born = sqlite3_column_int64(statement, 3);
    }
    sqlite3_finalize(statement);
    return err;
}

static enum st_err write_meta(struct mailbox_sqlite *store, const struct identity *identity)
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(store->db, "UPDATE meta SET epoch = ?1, count = ?2, inode = ?3, born = ?4", -1,
                                &statement, NULL);
    if (rc == SQLITE_OK) {
        sq_bind_bytes(statement, 1, store->epoch, ST_EPOCH_LEN);
        sqlite3_bind_int64(statement, 2, store->count);
        sqlite3_bind_int64(statement, 3, identity->inode);
        sqlite3_bind_int64(statement, 4, identity->born);
        rc = sqlite3_step(statement);
    }
    enum st_err err = sq_err(store, rc);
    sqlite3_finalize(statement);
    return err;
}

/* Decides whether this database is the one that answered last time, and gives it a new epoch if not. The database is
 * written before the file: a crash in between leaves the file behind, which means nothing. */
static enum st_err settle_epoch(struct mailbox_sqlite *store, const char *path)
{
    static const uint8_t none[ST_EPOCH_LEN] = { 0 };
    char counter[PATH_BYTES];
    uint8_t bytes[COUNT_LEN];
    struct identity known, now = identify(path);
    bool behind = false;
    if (!count_path(counter, path))
        return ST_ELIMIT;
    enum st_err err = read_meta(store, &known);
    if (err == ST_OK)
        err = is_behind(store, counter, &behind);
    if (err != ST_OK)
        return err;
    bool fresh = memcmp(store->epoch, none, sizeof none) == 0;
    if (fresh || behind || known.inode != now.inode || known.born != now.born) {
        st_env_random(&store->env, store->epoch, ST_EPOCH_LEN);
        if (!fresh)
            ST_LOG(store->log, ST_LOG_WARN, "mailbox_restored", st_log_text("path", path));
    }
    store->count++;
    err = write_meta(store, &now);
    if (err != ST_OK)
        return err;
    fill_count(store, bytes);
    err = st_file_write(counter, st_view(bytes, sizeof bytes), 0600);
    if (err != ST_OK)
        return err;
    store->count_fd = open(counter, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    return store->count_fd < 0 ? st_file_err(errno) : ST_OK;
}

/* ---- opening ---- */

static enum st_err configure(struct mailbox_sqlite *store)
{
    sqlite3_busy_timeout(store->db, BUSY_MS);
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    return execute(store, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-16384;"
                          "PRAGMA cell_size_check=ON; PRAGMA secure_delete=FAST");
}

enum st_err sq_open(struct mailbox_sqlite *store, const char *path)
{
    enum st_err err = look_at_file(store, path);
    if (err != ST_OK)
        return err;
    int rc =
        sqlite3_open_v2(path, &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    err = sq_err(store, rc);
    if (err == ST_OK)
        err = configure(store);
    if (err == ST_OK)
        err = see_schema(store, path);
    if (err == ST_OK)
        err = execute(store, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=4000");
    store->synced = err == ST_OK;
    if (err == ST_OK)
        err = settle_epoch(store, path);
    if (err == ST_OK)
        err = prepare_all(store);
    return err;
}
