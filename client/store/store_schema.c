#include "client/store/store_schema.h"

enum { APPLICATION_ID = 0x5354616c /* "STal", in the database's header */ };

/* Times: `_at` milliseconds since 1970 UTC, `_s` seconds.
 *
 * secure_delete overwrites what is deleted where it lies, but when SQLite splits or joins pages it copies cells, and
 * does not wipe the corner of a page that a copy came from. So a small secret that is erased later could stay behind in
 * such a corner (found by a test that decrypts all pages). Whatever fills an overflow page is never copied, and is
 * wiped when that page is given back. Therefore every secret that has to be erasable is the last column, behind FAR:
 * more zeros than a leaf page keeps of a row. */
#define FAR "far BLOB NOT NULL DEFAULT (zeroblob(944))"
_Static_assert(STORE_PAGE_BYTES == 1024,
               "a leaf of 1,024 bytes, 48 of them reserved, keeps at most 941 bytes of a row");

static const char *const version_1[] = {
    /* own account */
    "CREATE TABLE meta(k INTEGER PRIMARY KEY, v NOT NULL)",
    "CREATE TABLE setting(name TEXT PRIMARY KEY, v BLOB NOT NULL)",
    "CREATE TABLE secret(k INTEGER PRIMARY KEY, " FAR ", v BLOB NOT NULL)",

    /* other accounts */
    "CREATE TABLE contact(acct BLOB PRIMARY KEY, name TEXT NOT NULL UNIQUE, ak BLOB NOT NULL, trust INTEGER NOT NULL,"
    " relation INTEGER NOT NULL, nickname TEXT NOT NULL, note TEXT NOT NULL, first_at INTEGER NOT NULL,"
    " requests INTEGER NOT NULL)",
    "CREATE TABLE pending_key(owner BLOB PRIMARY KEY, acct BLOB NOT NULL, ak BLOB NOT NULL, seen_at INTEGER NOT NULL,"
    " list BLOB NOT NULL)",
    "CREATE TABLE device_list(acct BLOB PRIMARY KEY, seq INTEGER NOT NULL, hash16 BLOB NOT NULL,"
    " expires_s INTEGER NOT NULL, fetched_at INTEGER NOT NULL, claimed_seq INTEGER NOT NULL,"
    " claimed_at INTEGER NOT NULL, bytes BLOB NOT NULL)",
    "CREATE TABLE seen_device(acct BLOB NOT NULL, dev INTEGER NOT NULL, dsk BLOB NOT NULL, dik BLOB NOT NULL,"
    " added_s INTEGER NOT NULL, removed INTEGER NOT NULL, PRIMARY KEY(acct, dev)) WITHOUT ROWID",

    /* ratchets: what store_wipe_ratchets erases */
    "CREATE TABLE spk(id INTEGER PRIMARY KEY, pub BLOB NOT NULL, sig BLOB NOT NULL, created_s INTEGER NOT NULL,"
    " confirmed_at INTEGER NOT NULL, replaced_at INTEGER NOT NULL, " FAR ", priv BLOB NOT NULL)",
    "CREATE TABLE opk(id INTEGER PRIMARY KEY, spk INTEGER NOT NULL, pub BLOB NOT NULL, uploaded INTEGER NOT NULL,"
    " " FAR ", priv BLOB NOT NULL)",
    "CREATE INDEX opk_by_spk ON opk(spk)", "CREATE TABLE ek(hash BLOB PRIMARY KEY, spk INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE INDEX ek_by_spk ON ek(spk)",
    "CREATE TABLE session(acct BLOB NOT NULL, dev INTEGER NOT NULL, updated_at INTEGER NOT NULL, " FAR ","
    " bytes BLOB NOT NULL, UNIQUE(acct, dev))",
    "CREATE TABLE peer(acct BLOB NOT NULL, dev INTEGER NOT NULL, bytes BLOB NOT NULL, UNIQUE(acct, dev))",
    "CREATE TABLE exposure(hash BLOB PRIMARY KEY, mac_key BLOB NOT NULL, due_at INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE INDEX exposure_by_due ON exposure(due_at)",

    /* conversations */
    "CREATE TABLE chat(id INTEGER PRIMARY KEY AUTOINCREMENT, kind INTEGER NOT NULL, peer BLOB NOT NULL,"
    " name TEXT NOT NULL, next_seq INTEGER NOT NULL, began_at INTEGER NOT NULL, UNIQUE(kind, peer))",
    "CREATE TABLE shown_seq(chat INTEGER NOT NULL, acct BLOB NOT NULL, dev INTEGER NOT NULL, seq INTEGER NOT NULL,"
    " PRIMARY KEY(chat, acct, dev)) WITHOUT ROWID",
    "CREATE TABLE gap(id INTEGER PRIMARY KEY AUTOINCREMENT, chat INTEGER NOT NULL, acct BLOB NOT NULL,"
    " dev INTEGER NOT NULL, first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL, place INTEGER NOT NULL,"
    " asked_at INTEGER NOT NULL)",
    "CREATE INDEX gap_by_chat ON gap(chat, place)",
    "CREATE TABLE message(row INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL, chat INTEGER NOT NULL,"
    " acct BLOB NOT NULL, dev INTEGER NOT NULL, direction INTEGER NOT NULL, kind INTEGER NOT NULL,"
    " seq INTEGER NOT NULL, sent_at INTEGER NOT NULL, received_at INTEGER NOT NULL, state INTEGER NOT NULL,"
    " shown INTEGER NOT NULL, deleted INTEGER NOT NULL, place INTEGER NOT NULL, reason TEXT NOT NULL,"
    " text TEXT NOT NULL)",
    "CREATE UNIQUE INDEX message_by_id ON message(id, chat, acct)",
    "CREATE INDEX message_by_place ON message(chat, place) WHERE shown = 1",
    "CREATE INDEX message_held ON message(chat, acct, dev, seq) WHERE shown = 0",
    /* All columns of its condition, so that counting needs the index only. */
    "CREATE INDEX message_unread ON message(chat, place, shown, direction, state, deleted)"
    " WHERE shown = 1 AND direction = 0 AND state < 4 AND deleted = 0",
    "CREATE TABLE attachment(message INTEGER NOT NULL, number INTEGER NOT NULL, blob_id BLOB NOT NULL,"
    " key BLOB NOT NULL, digest BLOB NOT NULL, sha256 BLOB NOT NULL, plain_bytes INTEGER NOT NULL,"
    " blob_bytes INTEGER NOT NULL, chunks INTEGER NOT NULL, upload INTEGER NOT NULL, finished INTEGER NOT NULL,"
    " state INTEGER NOT NULL, expires_at INTEGER NOT NULL, name TEXT NOT NULL, mime TEXT NOT NULL,"
    " path TEXT NOT NULL, done BLOB NOT NULL, UNIQUE(message, number))",
    "CREATE INDEX attachment_open ON attachment(upload, state) WHERE finished = 0",
    "CREATE TABLE wire(n INTEGER PRIMARY KEY, message INTEGER NOT NULL, acct BLOB NOT NULL, dev INTEGER NOT NULL,"
    " incoming INTEGER NOT NULL, hash BLOB NOT NULL UNIQUE, th BLOB NOT NULL, mac_key BLOB, envelope BLOB NOT NULL,"
    " payload BLOB NOT NULL)",
    "CREATE INDEX wire_by_message ON wire(message)",
    "CREATE TABLE event(n INTEGER PRIMARY KEY AUTOINCREMENT, type INTEGER NOT NULL, ref INTEGER NOT NULL,"
    " at INTEGER NOT NULL, body BLOB NOT NULL)",
    "CREATE TABLE consumer(name TEXT PRIMARY KEY, acked INTEGER NOT NULL) WITHOUT ROWID",
    "INSERT INTO consumer(name, acked) VALUES('default', 0)",

    /* on the way */
    "CREATE TABLE outbox(row INTEGER PRIMARY KEY AUTOINCREMENT, msg_id BLOB NOT NULL, acct BLOB NOT NULL,"
    " dev INTEGER NOT NULL, kind INTEGER NOT NULL, state INTEGER NOT NULL, sid BLOB NOT NULL, epoch BLOB NOT NULL,"
    " token BLOB NOT NULL, own_epoch BLOB NOT NULL, attempts INTEGER NOT NULL, next_try_at INTEGER NOT NULL,"
    " queued_at INTEGER NOT NULL, reason TEXT NOT NULL, envelope BLOB NOT NULL)",
    "CREATE UNIQUE INDEX outbox_by_id ON outbox(msg_id, acct, dev)",
    "CREATE INDEX outbox_by_device ON outbox(acct, dev)", "CREATE INDEX outbox_by_session ON outbox(sid)",
    "CREATE INDEX outbox_new ON outbox(next_try_at) WHERE state = 0",
    "CREATE TABLE receipt(n INTEGER PRIMARY KEY AUTOINCREMENT, acct BLOB NOT NULL, dev INTEGER NOT NULL,"
    " msg_id BLOB NOT NULL, kind INTEGER NOT NULL, carrier BLOB)",
    "CREATE UNIQUE INDEX receipt_by_id ON receipt(acct, dev, msg_id, kind)",
    "CREATE INDEX receipt_free ON receipt(acct, dev) WHERE carrier IS NULL",
    "CREATE INDEX receipt_by_carrier ON receipt(carrier) WHERE carrier IS NOT NULL",
    "CREATE TABLE epoch(acct BLOB PRIMARY KEY, epoch BLOB NOT NULL) WITHOUT ROWID", NULL
};

/* versions[i] brings version i to i + 1. Only ever add at the end. */
static const char *const *const versions[STORE_SCHEMA_VERSION] = { version_1 };

/* The one integer that a PRAGMA or a count answers. */
static enum st_err read_number(struct store *store, const char *sql, int64_t *value_r)
{
    *value_r = 0;
    sqlite3_stmt *raw = NULL;
    int rc = sqlite3_prepare_v2(store->db, sql, -1, &raw, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(raw);
    if (rc == SQLITE_ROW)
        *value_r = sqlite3_column_int64(raw, 0);
    sqlite3_finalize(raw);
    enum st_err err = store_sql_error(store, rc);
    return err == ST_OK && rc != SQLITE_ROW ? ST_EFOREIGN : err;
}

enum st_err store_schema_look(struct store *store, int64_t *version_r)
{
    int64_t tables = 0;
    int64_t application = 0;
    *version_r = 0;
    enum st_err err = read_number(store, "SELECT count(*) FROM sqlite_master", &tables);
    if (err == ST_OK)
        err = read_number(store, "PRAGMA application_id", &application);
    if (err == ST_OK)
        err = read_number(store, "PRAGMA user_version", version_r);
    if (err != ST_OK)
        return err;
    bool is_empty = tables == 0 && application == 0 && *version_r == 0;
    bool is_ours = application == APPLICATION_ID && *version_r >= 1 && *version_r <= STORE_SCHEMA_VERSION;
    return is_empty || is_ours ? ST_OK : ST_EFOREIGN;
}

static enum st_err run_step(struct store *store, const char *const *statements)
{
    for (; *statements != NULL; statements++) {
        enum st_err err = store_sql_exec(store, *statements);
        if (err != ST_OK)
            return err;
    }
    return ST_OK;
}

/* PRAGMA takes no parameters; the number is our own. */
static enum st_err set_pragma(struct store *store, const char *name, int value)
{
    char sql[64];
    sqlite3_snprintf(sizeof sql, sql, "PRAGMA %s = %d", name, value);
    return store_sql_exec(store, sql);
}

static enum st_err step_to(struct store *store, int version)
{
    enum st_err err = store_sql_exec(store, "BEGIN IMMEDIATE");
    if (err != ST_OK)
        return err;
    err = run_step(store, versions[version - 1]);
    if (err == ST_OK)
        err = set_pragma(store, "application_id", APPLICATION_ID);
    if (err == ST_OK)
        err = set_pragma(store, "user_version", version);
    if (err == ST_OK)
        err = store_sql_exec(store, "COMMIT");
    if (err != ST_OK && sqlite3_get_autocommit(store->db) == 0)
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    return err;
}

enum st_err store_schema_migrate(struct store *store)
{
    int64_t version = 0;
    enum st_err err = store_schema_look(store, &version);
    if (err == ST_OK && store->read_only && version < STORE_SCHEMA_VERSION)
        return ST_EUNAVAILABLE;
    for (int next = (int)version + 1; err == ST_OK && next <= STORE_SCHEMA_VERSION; next++)
        err = step_to(store, next);
    return err;
}
