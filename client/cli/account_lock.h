/* One process at a time holds an account: `flock` on the file `lock` in its folder, which also says who holds it.
 * The kernel releases the lock when the process ends, however it ends. */
#ifndef ACCOUNT_LOCK_H
#define ACCOUNT_LOCK_H

#include <stdint.h>
#include <sys/types.h>

#include "lib/st_err.h"

enum { ACCOUNT_LOCK_COMMAND_BYTES = 128 };

struct account_lock {
    int fd; /* -1: not held */
};

/* Who holds it, as far as the file tells; untrusted text. */
struct account_lock_holder {
    int64_t pid;      /* 0: unknown */
    int64_t since_ms; /* 0: unknown */
    char command[ACCOUNT_LOCK_COMMAND_BYTES];
};

/* Takes the lock of the account in `folder` (which exists), waiting at most `wait_ms`, and notes pid, `now_ms` and
 * `command` (public: no argument and no secret) in it. ST_EUNAVAILABLE: somebody else has it, and `holder` says
 * who; ST_EREFUSED: the file is not ours; ST_EFULL; ST_EIO. */
enum st_err account_lock_take(struct account_lock *lock, const char *folder, const char *command, int64_t now_ms,
                              int64_t wait_ms, struct account_lock_holder *holder) ST_MUST_CHECK;

/* Gives it back. Not held is fine. */
void account_lock_release(struct account_lock *lock);

/* Who holds the account in `folder` now, without taking anything. ST_ENOTFOUND: nobody. */
enum st_err account_lock_who(struct account_lock_holder *holder, const char *folder) ST_MUST_CHECK;

/* Reads the text of a lock file: three lines `pid N`, `since N`, `command TEXT`. What is missing or odd stays empty. */
void account_lock_parse(struct account_lock_holder *holder, const char *text);

#endif
