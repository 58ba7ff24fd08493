/* Accounts in one SQLite database: the embedded server's. WAL, synchronous=FULL, foreign keys on; one commit, and so
 * one wait for the disk, per batch. Other processes may use it at the same time (`safetalkd invite` while the server
 * runs); a call waits up to 5 s for them, then it is ST_EUNAVAILABLE. */
#ifndef AUTH_STORE_SQLITE_H
#define AUTH_STORE_SQLITE_H

#include "lib/st_log.h"
#include "services/auth/store.h"

/* Opens the database at `path`, making it with mode 0600 if there is none, and brings an older schema up to date (there
 * is no way back). `log` is borrowed.
 *   ST_EFOREIGN      not a database of auth, damaged, or newer than this program; it was not touched
 *   ST_EUNAVAILABLE  another process holds it locked
 *   ST_EFULL         no room, or not writable        ST_ENOTFOUND  no such folder        ST_EREFUSED  no permission
 * On failure *store_r is empty. auth_store_close ends it. */
enum st_err auth_store_sqlite_open(struct auth_store *store_r, const char *path, struct st_log *log) ST_MUST_CHECK;

#endif
