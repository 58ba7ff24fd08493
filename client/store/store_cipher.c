#include "client/store/store_cipher.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <sodium.h>

#include "client/store/folder.h"
#include "lib/st_hkdf.h"
#include "lib/st_wipe.h"

enum { RAW_KEY_CHARS = 2 * STORE_KEY_BYTES + 3 /* x'<64 hex>' */, MAGIC_BYTES = 16 };

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
    { "PRAGMA cache_size = -8000", "PRAGMA cache_size", "-8000" }, /* KiB of decrypted pages in memory */
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

enum st_err store_cipher_expect(struct store *store, const char *sql, const char *answer)
{
    char text[32];
    enum st_err err = ask(store, sql, text, sizeof text);
    return err != ST_OK ? err : strcmp(text, answer) == 0 ? ST_OK : ST_EFOREIGN;
}

enum st_err store_cipher_settle(struct store *store)
{
    enum st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < sizeof settings / sizeof *settings; i++) {
        err = store_sql_exec(store, settings[i].set);
        /* A database in memory has no mapping to be asked about. */
        if (err == ST_OK && !store->in_memory)
            err = store_cipher_expect(store, settings[i].ask, settings[i].answer);
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

enum st_err store_cipher_keep(struct store *store, const uint8_t key[static STORE_KEY_BYTES])
{
    struct st_view info = st_view_text("SafeTalk/1 generation");
    return st_hkdf_sha256(store->generation_key, ST_SHA256_BYTES, st_view("", 0), st_view(key, STORE_KEY_BYTES), &info,
                          1);
}

enum st_err store_cipher_unlock(struct store *store, const uint8_t key[static STORE_KEY_BYTES])
{
    /* The version first: were another SQLite linked before this one, the call that gives the key would still be
     * SQLCipher's, and would write into a connection that is not. */
    char version[32];
    enum st_err err = ask(store, "PRAGMA cipher_version", version, sizeof version);
    if (err == ST_OK && version[0] == '\0')
        err = ST_EFOREIGN;
    if (err != ST_OK)
        return err;
    char raw_key[RAW_KEY_CHARS + 1];
    make_raw_key(raw_key, key);
    err = store_sql_error(store, sqlite3_key(store->db, raw_key, RAW_KEY_CHARS));
    ST_WIPE(raw_key);
    for (size_t i = 0; err == ST_OK && i < sizeof cipher_pragmas / sizeof *cipher_pragmas; i++)
        err = store_sql_exec(store, cipher_pragmas[i]);
    return err;
}

enum st_err store_cipher_look(const char *path)
{
    static const uint8_t magic[MAGIC_BYTES] = "SQLite format 3";
    uint8_t begin[MAGIC_BYTES];
    size_t len = 0;
    enum st_err err = folder_read_start(path, begin, sizeof begin, &len);
    if (err != ST_OK)
        return err;
    return len == sizeof begin && memcmp(begin, magic, sizeof magic) != 0 ? ST_OK : ST_EFOREIGN;
}

enum st_err store_cipher_check(struct store *store, const char *path)
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

enum st_err store_check(struct store *store)
{
    return store_cipher_expect(store, "PRAGMA quick_check(1)", "ok");
}

/* Whether a fresh connection with `key` reads the database. */
static enum st_err probe(struct store *store, const uint8_t key[static STORE_KEY_BYTES])
{
    struct store *other = calloc(1, sizeof *other);
    if (other == NULL)
        return ST_ENOMEM;
    const char *path = sqlite3_db_filename(store->db, "main");
    int rc = sqlite3_open_v2(path, &other->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    enum st_err err = store_sql_error(other, rc);
    if (err == ST_OK)
        err = store_cipher_unlock(other, key);
    if (err == ST_OK)
        err = store_sql_exec(other, "SELECT count(*) FROM sqlite_master");
    sqlite3_close(other->db);
    free(other);
    return err;
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
    /* SQLCipher 3.4 answers SQLITE_OK even when it failed: only reading proves it. */
    if (rc != SQLITE_OK || probe(store, key) != ST_OK) {
        store->broken = true;
        return ST_EUNCERTAIN;
    }
    /* The file is under the new key whatever follows; the WAL with the old pages goes now or with the next tick. */
    store->erased = true;
    store->erased_at_ms = store->truncate_at_ms = st_env_mono_ms(&store->env);
    if (store_checkpoint(store) != ST_OK)
        store->truncate_at_ms += STORE_ERASE_SOON_MS;
    return store_cipher_keep(store, key);
}

enum st_err store_compact(struct store *store)
{
    if (store->read_only || store->in_transaction || store->running > 0)
        return ST_EREFUSED;
    if (store->broken)
        return ST_EIO;
    /* VACUUM attaches the copy, which temp_store keeps in memory. */
    sqlite3_limit(store->db, SQLITE_LIMIT_ATTACHED, 1);
    enum st_err err = store_sql_exec(store, "VACUUM");
    sqlite3_limit(store->db, SQLITE_LIMIT_ATTACHED, 0);
    return err == ST_OK ? store_checkpoint(store) : err;
}
