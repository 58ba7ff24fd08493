#include "client/store/store_db.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <sodium.h>

#include "client/store/folder.h"
#include "client/store/store_meta.h"
#include "client/store/store_schema.h"
#include "client/store/store_sql.h"
#include "lib/st_hkdf.h"
#include "lib/st_wipe.h"

enum {
    RAW_KEY_CHARS = 2 * STORE_KEY_BYTES + 3, /* x'<64 hex>' */
    MAGIC_BYTES = 16,
    RETRY_MS = 1000 /* a truncation that found a reader is tried again after */
};

/* The parameters of the file, all of them said, so that SQLCipher 3.4 (whose defaults they are) and 4.x (whose
 * defaults are others) read the same file. A library ignores a PRAGMA that it does not know. */
static const char *const cipher_pragmas[] = {
    "PRAGMA cipher_page_size = 1024",
    "PRAGMA kdf_iter = 64000",
    "PRAGMA fast_kdf_iter = 2",
    "PRAGMA cipher_use_hmac = ON",
    "PRAGMA cipher_hmac_algorithm = HMAC_SHA1",
    "PRAGMA cipher_kdf_algorithm = PBKDF2_HMAC_SHA1",
    "PRAGMA cipher_plaintext_header_size = 0",
    "PRAGMA cipher_memory_security = ON",
};

/* What must be so, and what the library answers when asked whether it is. */
struct setting {
    const char *set; /* NULL: only asked */
    const char *ask;
    const char *answer;
};
static const struct setting settings[] = {
    { "PRAGMA secure_delete = ON", "PRAGMA secure_delete", "1" },
    { "PRAGMA synchronous = FULL", "PRAGMA synchronous", "2" },
    { "PRAGMA temp_store = MEMORY", "PRAGMA temp_store", "2" },
    { "PRAGMA mmap_size = 0", "PRAGMA mmap_size", "0" },
};

/* The first column of the first row as a text in `out`; "" without a row or when it does not fit. */
static enum st_err ask(struct store *store, const char *sql, char *out, size_t cap)
{
    out[0] = '\0';
    sqlite3_stmt *raw = NULL;
    int rc = sqlite3_prepare_v2(store->db, sql, -1, &raw, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(raw);
    const unsigned char *text = rc == SQLITE_ROW ? sqlite3_column_text(raw, 0) : NULL;
    size_t len = text == NULL ? 0 : strlen((const char *)text);
    if (len > 0 && len < cap)
        memcpy(out, text, len + 1);
    sqlite3_finalize(raw);
    return store_sql_error(store, rc);
}

static enum st_err expect(struct store *store, const char *sql, const char *answer)
{
    char text[32];
    enum st_err err = ask(store, sql, text, sizeof text);
    return err != ST_OK ? err : strcmp(text, answer) == 0 ? ST_OK : ST_EFOREIGN;
}

static enum st_err apply_settings(struct store *store)
{
    enum st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < sizeof settings / sizeof *settings; i++) {
        err = store_sql_exec(store, settings[i].set);
        /* A database in memory has no mapping to be asked about. */
        if (err == ST_OK && !store->in_memory)
            err = expect(store, settings[i].ask, settings[i].answer);
    }
    if (err == ST_OK)
        err = store_sql_exec(store, "PRAGMA cell_size_check = ON");
    return err;
}

static void make_raw_key(char out[static RAW_KEY_CHARS + 1], const uint8_t key[static STORE_KEY_BYTES])
{
    out[0] = 'x';
    out[1] = '\'';
    sodium_bin2hex(out + 2, 2 * STORE_KEY_BYTES + 1, key, STORE_KEY_BYTES);
    out[RAW_KEY_CHARS - 1] = '\'';
    out[RAW_KEY_CHARS] = '\0';
}

static enum st_err set_generation_key(struct store *store, const uint8_t key[static STORE_KEY_BYTES])
{
    struct st_view info = st_view_text("SafeTalk/1 generation");
    return st_hkdf_sha256(store->generation_key, ST_SHA256_BYTES, st_view(NULL, 0), st_view(key, STORE_KEY_BYTES),
                          &info, 1);
}

/* Gives the key, and makes sure that there is a cipher behind it before anything is written. */
static enum st_err unlock(struct store *store, const uint8_t key[static STORE_KEY_BYTES])
{
    char raw_key[RAW_KEY_CHARS + 1];
    make_raw_key(raw_key, key);
    int rc = sqlite3_key(store->db, raw_key, RAW_KEY_CHARS);
    ST_WIPE(raw_key);
    enum st_err err = store_sql_error(store, rc);
    char version[32];
    if (err == ST_OK)
        err = ask(store, "PRAGMA cipher_version", version, sizeof version);
    if (err == ST_OK && version[0] == '\0')
        return ST_EFOREIGN;
    for (size_t i = 0; err == ST_OK && i < sizeof cipher_pragmas / sizeof *cipher_pragmas; i++)
        err = store_sql_exec(store, cipher_pragmas[i]);
    return err;
}

static void free_store(struct store **store)
{
    struct store *s = *store;
    *store = NULL;
    if (s == NULL)
        return;
    store_sql_finalize(s);
    /* A statement that somebody still steps would keep a plain close from closing. */
    if (s->db != NULL)
        sqlite3_close_v2(s->db);
    sodium_free(s->generation_key);
    free(s);
}

static enum st_err new_store(struct store **store_r, const char *path, enum store_mode mode, const struct st_env *env)
{
    *store_r = NULL;
    struct store *store = calloc(1, sizeof *store);
    if (store == NULL)
        return ST_ENOMEM;
    store->env = *env;
    store->read_only = mode == STORE_READ_ONLY;
    store->generation_key = sodium_malloc(ST_SHA256_BYTES);
    enum st_err err = store->generation_key == NULL ? ST_ENOMEM : ST_OK;
    if (err == ST_OK) {
        /* NOMUTEX: one user at a time. The file is there already, except in memory. */
        int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
        err = store_sql_error(store, sqlite3_open_v2(path, &store->db, flags, NULL));
    }
    if (err != ST_OK) {
        free_store(&store);
        return err;
    }
    sqlite3_extended_result_codes(store->db, 1);
    sqlite3_busy_timeout(store->db, STORE_BUSY_MS);
    sqlite3_limit(store->db, SQLITE_LIMIT_ATTACHED, 0);
    *store_r = store;
    return ST_OK;
}

static enum st_err draw_birth(struct store *store)
{
    enum st_err err = store_begin(store);
    if (err == ST_OK)
        err = store_meta_draw_birth(store);
    if (err == ST_OK)
        return store_commit(store);
    store_rollback(store);
    return err;
}

/* The file begins as an encrypted one. SQLite's own first bytes mean that nothing was encrypted. */
static enum st_err check_beginning(const char *path)
{
    static const uint8_t magic[MAGIC_BYTES] = "SQLite format 3";
    uint8_t begin[MAGIC_BYTES];
    size_t len = 0;
    enum st_err err = folder_read(path, begin, sizeof begin, &len);
    if (err != ST_OK)
        return err;
    return len == sizeof begin && memcmp(begin, magic, sizeof magic) != 0 ? ST_OK : ST_EFOREIGN;
}

static enum st_err set_up_file(struct store *store, const uint8_t key[static STORE_KEY_BYTES])
{
    enum st_err err = unlock(store, key);
    if (err == ST_OK)
        err = apply_settings(store);
    if (err == ST_OK)
        err = expect(store, store->read_only ? "PRAGMA journal_mode" : "PRAGMA journal_mode = WAL", "wal");
    if (err == ST_OK)
        err = store_schema_migrate(store);
    if (err == ST_OK && store->read_only)
        err = store_sql_exec(store, "PRAGMA query_only = ON");
    if (err == ST_OK)
        err = set_generation_key(store, key);
    return err;
}

/* Removes a database that was just begun, with its companions. */
static void remove_file(const char *path)
{
    static const char *const endings[] = { "", "-wal", "-shm", "-journal" };
    char name[FOLDER_PATH_MAX];
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        sqlite3_snprintf(sizeof name, name, "%s%s", path, endings[i]);
        if (folder_remove(name) != ST_OK)
            return;
    }
}

enum st_err store_create(struct store **store_r, const char *path, const uint8_t key[static STORE_KEY_BYTES],
                         const struct st_env *env)
{
    *store_r = NULL;
    if (strlen(path) + sizeof "-journal" > FOLDER_PATH_MAX)
        return ST_ELIMIT;
    enum st_err err = folder_touch(path);
    if (err != ST_OK)
        return err;
    struct store *store = NULL;
    err = new_store(&store, path, STORE_READ_WRITE, env);
    if (err == ST_OK)
        err = set_up_file(store, key);
    if (err == ST_OK)
        err = draw_birth(store);
    if (err == ST_OK)
        err = store_checkpoint(store);
    if (err == ST_OK)
        err = check_beginning(path);
    if (err == ST_OK)
        err = folder_sync_parent(path);
    if (err == ST_OK) {
        *store_r = store;
        return ST_OK;
    }
    free_store(&store);
    remove_file(path);
    return err;
}

/* Reads every page of a small database; of a large one the root of each table, which the schema named. */
static enum st_err check_on_open(struct store *store, const char *path)
{
    struct stat about;
    if (stat(path, &about) != 0 || about.st_size <= STORE_CHECK_MAX_BYTES)
        return store_check(store);
    sqlite3_stmt *tables = NULL;
    int rc = sqlite3_prepare_v2(store->db, "SELECT name FROM sqlite_master WHERE type = 'table'", -1, &tables, NULL);
    enum st_err err = store_sql_error(store, rc);
    while (err == ST_OK && (rc = sqlite3_step(tables)) == SQLITE_ROW) {
        char sql[128];
        char row[32];
        sqlite3_snprintf(sizeof sql, sql, "SELECT 1 FROM \"%w\" LIMIT 1", sqlite3_column_text(tables, 0));
        err = ask(store, sql, row, sizeof row);
    }
    sqlite3_finalize(tables);
    return err == ST_OK ? store_sql_error(store, rc) : err;
}

enum st_err store_open(struct store **store_r, const char *path, const uint8_t key[static STORE_KEY_BYTES],
                       enum store_mode mode, const struct st_env *env)
{
    *store_r = NULL;
    enum st_err err = check_beginning(path);
    if (err != ST_OK)
        return err;
    struct store *store = NULL;
    err = new_store(&store, path, mode, env);
    if (err == ST_OK)
        err = set_up_file(store, key);
    if (err == ST_OK)
        err = check_on_open(store, path);
    if (err == ST_OK)
        *store_r = store;
    else
        free_store(&store);
    return err;
}

enum st_err store_open_memory(struct store **store_r, const struct st_env *env)
{
    static const uint8_t no_key[STORE_KEY_BYTES];
    *store_r = NULL;
    struct store *store = NULL;
    enum st_err err = new_store(&store, ":memory:", STORE_READ_WRITE, env);
    if (err != ST_OK)
        return err;
    store->in_memory = true;
    err = apply_settings(store);
    if (err == ST_OK)
        err = store_schema_migrate(store);
    if (err == ST_OK)
        err = set_generation_key(store, no_key);
    if (err == ST_OK)
        err = draw_birth(store);
    if (err == ST_OK)
        *store_r = store;
    else
        free_store(&store);
    return err;
}

static enum st_err truncate_wal(struct store *store, int wait_ms)
{
    if (store->in_transaction || store->running > 0)
        return ST_EUNAVAILABLE;
    if (!store->in_memory && !store->read_only) {
        enum st_err err = store_sql_fault(store, "checkpoint");
        if (err != ST_OK)
            return err;
        sqlite3_busy_timeout(store->db, wait_ms);
        int rc = sqlite3_wal_checkpoint_v2(store->db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
        sqlite3_busy_timeout(store->db, STORE_BUSY_MS);
        if (rc != SQLITE_OK)
            return store_sql_error(store, rc);
    }
    store->erased = false;
    return ST_OK;
}

void store_close(struct store **store)
{
    if (*store != NULL) {
        store_rollback(*store);
        /* Nothing can be done about a failure here; closing tries once more, and the next opening too. */
        if (truncate_wal(*store, STORE_BUSY_MS) != ST_OK)
            sqlite3_db_cacheflush((*store)->db);
    }
    free_store(store);
}

void store_crash(struct store *store)
{
    store_rollback(store);
    store->broken = false;
}

enum st_err store_begin(struct store *store)
{
    if (store->in_transaction || store->read_only)
        return ST_EREFUSED;
    if (store->broken)
        return ST_EIO;
    enum st_err err = store_sql_fault(store, "begin");
    if (err == ST_OK)
        err = store_sql_exec(store, "BEGIN IMMEDIATE");
    store->in_transaction = err == ST_OK;
    return err;
}

static void end_transaction(struct store *store)
{
    store->in_transaction = false;
    store->generation_raised = false;
    store->erasing = false;
    store->failed = ST_OK;
}

void store_rollback(struct store *store)
{
    /* After some errors SQLite has rolled back by itself. */
    if (store->in_transaction && sqlite3_get_autocommit(store->db) == 0)
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    end_transaction(store);
}

/* Whether a failed commit may yet turn out durable: the bytes were written, and syncing them failed. */
static bool is_uncertain(int rc)
{
    enum { IO = SQLITE_IOERR };
    return (rc & 0xff) == IO && rc != SQLITE_IOERR_WRITE && rc != SQLITE_IOERR_NOMEM;
}

static enum st_err commit_now(struct store *store)
{
    if (store->failed != ST_OK)
        return store->failed;
    enum st_err err = store_sql_fault(store, "commit");
    if (err != ST_OK)
        return err;
    int rc = sqlite3_exec(store->db, "COMMIT", NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        return ST_OK;
    store->broken = is_uncertain(rc);
    return store->broken ? ST_EUNCERTAIN : store_sql_error(store, rc);
}

/* The commit is durable: what follows must not say that it failed. */
static void after_commit(struct store *store)
{
    int64_t now = st_env_mono_ms(&store->env);
    if (store->erasing && !store->erased) {
        store->erased = true;
        store->erased_at_ms = now;
        store->truncate_at_ms = now + STORE_ERASE_SOON_MS;
    }
    end_transaction(store);
    if (store->erased && now - store->erased_at_ms >= STORE_ERASE_LATE_MS && truncate_wal(store, 0) != ST_OK)
        store->truncate_at_ms = now + RETRY_MS;
}

enum st_err store_commit(struct store *store)
{
    if (!store->in_transaction)
        return ST_EREFUSED;
    enum st_err err = commit_now(store);
    if (err != ST_OK) {
        store_rollback(store);
        return err;
    }
    after_commit(store);
    if (store_sql_fault(store, "committed") == ST_OK)
        return ST_OK;
    store->broken = true;
    return ST_EUNCERTAIN;
}

bool store_in_transaction(const struct store *store)
{
    return store->in_transaction;
}

enum st_err store_tick(struct store *store)
{
    int64_t now = st_env_mono_ms(&store->env);
    if (!store->erased || now < store->truncate_at_ms)
        return ST_OK;
    enum st_err err = truncate_wal(store, 0);
    if (err != ST_OK)
        store->truncate_at_ms = now + RETRY_MS;
    return err;
}

int64_t store_wait_ms(const struct store *store)
{
    if (!store->erased)
        return -1;
    int64_t wait = store->truncate_at_ms - st_env_mono_ms(&store->env);
    return wait > 0 ? wait : 0;
}

enum st_err store_checkpoint(struct store *store)
{
    return truncate_wal(store, STORE_BUSY_MS);
}

enum st_err store_check(struct store *store)
{
    return expect(store, "PRAGMA quick_check(1)", "ok");
}

enum st_err store_rekey(struct store *store, const uint8_t key[static STORE_KEY_BYTES])
{
    if (store->read_only || store->in_memory || store->broken)
        return ST_EREFUSED;
    enum st_err err = store_checkpoint(store);
    if (err != ST_OK)
        return err;
    /* A statement that has been prepared holds nothing, but rekey wants to be alone. */
    store_sql_finalize(store);
    char raw_key[RAW_KEY_CHARS + 1];
    make_raw_key(raw_key, key);
    int rc = sqlite3_rekey(store->db, raw_key, RAW_KEY_CHARS);
    ST_WIPE(raw_key);
    if (rc != SQLITE_OK) {
        /* Which of the two keys the cipher holds now is not ours to guess. */
        store->broken = true;
        return ST_EUNCERTAIN;
    }
    err = set_generation_key(store, key);
    return err == ST_OK ? store_checkpoint(store) : err;
}

void store_set_fault(struct store *store, store_fault_fn fn, void *ctx)
{
    store->fault = fn;
    store->fault_ctx = ctx;
}
