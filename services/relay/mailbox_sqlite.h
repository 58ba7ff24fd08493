/* Mailboxes in one SQLite database: the embedded server's. WAL, synchronous=FULL, one commit per call. Removal is
 * committed without waiting for the disk: what a power cut brings back is only handed out once more.
 *
 * The database is held exclusively; presence lives in memory, and a restart forgets it.
 *
 * The store epoch is written when the database is made, and anew when it has gone back in time: a counter of durable
 * commits stands in the database and in PATH.count beside it. A database that is behind its file, or whose file is
 * missing or names another epoch, was restored from a copy. (The file is not synced at each commit: after a power cut
 * it may be behind the database, never ahead.)
 *
 * The store clock is the wall clock as it was when the store was opened plus the monotonic time since; a wall clock
 * that was set is believed after it has stayed so for a day. */
#ifndef MAILBOX_SQLITE_H
#define MAILBOX_SQLITE_H

#include "lib/st_env.h"
#include "lib/st_log.h"
#include "services/relay/mailbox.h"

enum { MAILBOX_SQLITE_PRESENCES_MAX = 65536 };

/* Opens the database at `path`, making it with mode 0600 if there is none. `env` is copied (clocks, and randomness for
 * the epoch), `log` borrowed.
 *   ST_EFOREIGN      not a mailbox database, damaged, or newer than this program; it was not touched
 *   ST_EUNAVAILABLE  another process has it open
 *   ST_EFULL         no room, or not writable        ST_ENOTFOUND  no such folder        ST_EREFUSED  no permission
 * On failure *box_r is empty. mailbox_close ends it. */
enum st_err mailbox_sqlite_open(struct mailbox *box_r, const char *path, const struct st_env *env,
                                struct st_log *log) ST_MUST_CHECK;

#endif
