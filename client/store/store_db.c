#include "client/store/store_db.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "client/store/folder.h"
#include "client/store/store_cipher.h"
#include "client/store/store_meta.h"
#include "client/store/store_schema.h"
#include "client/store/store_sql.h"
#include "lib/st_hkdf.h"

enum { RETRY_MS = 1000 /* a truncation that found a reader is tried again after */ };

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

static enum st_err set_up_file(struct store *store, const uint8_t key[static STORE_KEY_BYTES])
{
    int64_t version = 0;
    enum st_err err = store_cipher_unlock(store, key);
    if (err == ST_OK)
        err = store_cipher_settle(store);
    /* Looked at before the first PRAGMA that could write into a database that is not ours. */
    if (err == ST_OK)
        err = store_schema_look(store, &version);
    if (err == ST_OK)
        err = store_cipher_expect(store, store->read_only ? "PRAGMA journal_mode" : "PRAGMA journal_mode = WAL", "wal");
    if (err == ST_OK)
        err = store_schema_migrate(store);
    if (err == ST_OK && store->read_only)
        err = store_sql_exec(store, "PRAGMA query_only = ON");
    if (err == ST_OK)
        err = store_cipher_keep(store, key);
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
        err = store_cipher_look(path);
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

enum st_err store_open(struct store **store_r, const char *path, const uint8_t key[static STORE_KEY_BYTES],
                       enum store_mode mode, const struct st_env *env)
{
    *store_r = NULL;
    enum st_err err = store_cipher_look(path);
    if (err != ST_OK)
        return err;
    struct store *store = NULL;
    err = new_store(&store, path, mode, env);
    if (err == ST_OK)
        err = set_up_file(store, key);
    if (err == ST_OK)
        err = store_cipher_check(store, path);
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
    err = store_cipher_settle(store);
    if (err == ST_OK)
        err = store_schema_migrate(store);
    if (err == ST_OK)
        err = store_cipher_keep(store, no_key);
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
        /* A failure changes nothing here: what the WAL holds is committed, and the next opening tries again. */
        (void)truncate_wal(*store, STORE_BUSY_MS);
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

void store_set_fault(struct store *store, store_fault_fn fn, void *ctx)
{
    store->fault = fn;
    store->fault_ctx = ctx;
}
