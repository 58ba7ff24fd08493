/* Opening, transactions and upkeep of the client's store: one SQLCipher database in WAL mode (CRYPTO 14 and 15).
 *
 * sodium_init has been called. One store has one user at a time and no threads of its own. Reads may happen at any
 * time. Writes happen between store_begin and store_commit; outside of that they are refused. The first write that
 * fails for a reason of the disk or of memory marks the transaction failed: later writes and the commit give the same
 * error, and the commit rolls back. So a caller may run straight through and look at the commit, yet nothing half done
 * becomes durable.
 *
 * Errors that any call may give besides those it names: ST_ENOMEM; ST_EFULL: the disk is full or not writable;
 * ST_EFOREIGN: the database is damaged; ST_EIO; ST_EUNAVAILABLE: another process holds a lock, try again;
 * ST_EREFUSED: a write outside a transaction, or on a store opened for reading.
 *
 * Lists call a function for each row. Views in a row are borrowed and end with that call. The function may use the
 * store in any way, also to write; rows that it changes may or may not come up again. Anything but ST_OK ends the
 * list and is returned. */
#ifndef CLIENT_STORE_STORE_DB_H
#define CLIENT_STORE_STORE_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/st_bytes.h"
#include "lib/st_env.h"
#include "lib/st_err.h"

struct store;

enum {
    STORE_KEY_BYTES = 32, /* K_db */
    STORE_ACCT_BYTES = 16,
    STORE_MSG_ID_BYTES = 16,
    STORE_SID_BYTES = 16, /* id of an end-to-end session */
    STORE_HASH_BYTES = 32,
    STORE_EPOCH_BYTES = 8,
    STORE_TOKEN_BYTES = 24,
    STORE_NAME_MAX = 32, /* bytes of a login name, without sigil and NUL */
    STORE_SCHEMA_VERSION = 1,
    STORE_PAGE_BYTES = 1024,
    STORE_CHECK_MAX_BYTES = 4 << 20, /* largest database that opening reads from end to end */
    STORE_ERASE_SOON_MS = 5000,      /* store_tick truncates the WAL this long after a commit that erased keys */
    STORE_ERASE_LATE_MS = 60000,     /* a commit does it itself by then */
    STORE_BUSY_MS = 2000             /* how long a call waits for another process's lock */
};

/* A device of an account: whom a session, a copy or a receipt belongs to. */
struct store_device {
    uint8_t acct[STORE_ACCT_BYTES];
    uint32_t dev;
};

enum store_mode {
    STORE_READ_WRITE,
    STORE_READ_ONLY /* beside the process that holds the account */
};

/* Makes a new database at `path` (mode 0600) under `key` (borrowed). The store keeps `env` (borrowed, must outlive
 * it) for the birth and the 60 s rule. ST_EEXISTS: a file is there. ST_EFOREIGN: the library that is linked does
 * not encrypt; no file is left then. */
enum st_err store_create(struct store **store_r, const char *path, const uint8_t key[static STORE_KEY_BYTES],
                         const struct st_env *env) ST_MUST_CHECK;

/* Opens one that exists, checks it (wholly if it is not larger than STORE_CHECK_MAX_BYTES, else its beginning and the
 * root of each table), and brings an older schema forward. ST_ENOTFOUND: no file; ST_EFOREIGN: not our file, wrong
 * key, damaged, or written by a newer version; the file is not changed then. ST_EUNAVAILABLE: an older schema, and
 * only for reading. */
enum st_err store_open(struct store **store_r, const char *path, const uint8_t key[static STORE_KEY_BYTES],
                       enum store_mode mode, const struct st_env *env) ST_MUST_CHECK;

/* A store in memory, without encryption, for the simulation only: no command reaches it. K_db is all zero. */
enum st_err store_open_memory(struct store **store_r, const struct st_env *env) ST_MUST_CHECK;

/* Rolls back what is open, truncates the WAL, closes, wipes, and NULLs the pointer. NULL is fine. */
void store_close(struct store **store);

/* What a crash leaves, for the simulation: the open transaction is rolled back and a broken state (store_commit)
 * is forgotten; the store itself lives on with what was committed. Not to be called from within a list. */
void store_crash(struct store *store);

/* One transaction at a time. ST_EREFUSED inside one. ST_EUNAVAILABLE: locked by another process. */
enum st_err store_begin(struct store *store) ST_MUST_CHECK;

/* Makes everything since store_begin durable (on disk, fsynced, when it returns ST_OK). Any failure rolls back.
 * ST_EUNCERTAIN: the disk failed while committing; what the disk holds shows when the store is opened again, and
 * until then every store_begin gives ST_EIO. */
enum st_err store_commit(struct store *store) ST_MUST_CHECK;

/* Undoes everything since store_begin; without a transaction it does nothing. */
void store_rollback(struct store *store);

bool store_in_transaction(const struct store *store);

/* Truncates the WAL when a commit erased keys (ratchet steps, prekeys, exposures, messages) STORE_ERASE_SOON_MS ago
 * or longer. To be called when store_wait_ms says so, outside a transaction. ST_EUNAVAILABLE: a reader in another
 * process still holds the WAL; the next call tries again. */
enum st_err store_tick(struct store *store) ST_MUST_CHECK;

/* Milliseconds until store_tick has something to do; -1: nothing planned. */
int64_t store_wait_ms(const struct store *store);

/* Truncates the WAL now. At lock and exit; store_close does it itself. */
enum st_err store_checkpoint(struct store *store) ST_MUST_CHECK;

/* Writes the whole database anew, so that nothing of erased messages stays in the corners of its pages, and gives room
 * back to the disk; needs as much memory as the database is large. Sessions, prekeys and secrets do not need it: they
 * are gone with the next truncation of the WAL. For after a chat was cleared or messages were deleted. ST_EREFUSED in a
 * transaction or on a store opened for reading. */
enum st_err store_compact(struct store *store) ST_MUST_CHECK;

/* Reads every page and index once (`PRAGMA quick_check`): ST_EFOREIGN if anything is wrong. Opening looks at the
 * beginning only; a page that is damaged elsewhere shows when it is read. */
enum st_err store_check(struct store *store) ST_MUST_CHECK;

/* Encrypts the whole file anew under `key` (borrowed), outside a transaction. The caller has made `key` durable
 * beforehand (vault_rekey does): from here on only the new key opens the file. ST_EUNCERTAIN: it failed halfway; the
 * file is whole under one of the two keys, and the store is of no more use until it is opened again. */
enum st_err store_rekey(struct store *store, const uint8_t key[static STORE_KEY_BYTES]) ST_MUST_CHECK;

/* A fault for tests and the simulation: called before each step named `begin`, `write`, `commit`, `committed`,
 * `checkpoint`; what it returns, if not ST_OK, happens there. A fault at `committed` comes after the commit is
 * durable: store_commit then gives ST_EUNCERTAIN. NULL removes it. */
typedef enum st_err (*store_fault_fn)(void *ctx, const char *step);
void store_set_fault(struct store *store, store_fault_fn fn, void *ctx);

#endif
