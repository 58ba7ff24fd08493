/* Mailboxes in memory: for tests, benchmarks and the simulation, a whole backend nevertheless. The data outlive the
 * stores that are opened on them, so a relay may die and another one, or two at once, go on with the same mailboxes.
 *
 * Hooks let a test break it: fail or stop at the n-th call, lose the last acknowledged writes as a fail-over does, and
 * run something else between an append and its reading of the presence. */
#ifndef MAILBOX_MEM_H
#define MAILBOX_MEM_H

#include "lib/st_env.h"
#include "services/relay/mailbox.h"

struct mailbox_mem;

/* Returns new: an empty database. `env` is copied. ST_ENOMEM. */
enum st_err mailbox_mem_new(struct mailbox_mem **mem_r, const struct st_env *env) ST_MUST_CHECK;

/* Frees and NULLs. All stores on it are closed. NULL is fine. */
void mailbox_mem_free(struct mailbox_mem **mem);

/* Opens a store on it, one for each relay; `mem` is borrowed until mailbox_close. */
void mailbox_mem_open(struct mailbox_mem *mem, struct mailbox *box_r);

/* ---- breaking it ---- */

/* The n-th call from now (1 = the next) fails with `err`: before anything happened, or with `after` once it was carried
 * out (its answer is lost). The following `more` calls fail likewise, before anything happens. n 0 calls it off. */
void mailbox_mem_fail(struct mailbox_mem *mem, uint64_t n, enum st_err err, bool after, uint64_t more);

/* How many calls were made in all, over all stores. */
uint64_t mailbox_mem_calls(const struct mailbox_mem *mem);

/* Undoes the last `count` durable changes of the data (appends, removals, boxes, purges, generations) as if they had
 * never reached the disk, and gives the whole store a new epoch. At most MAILBOX_MEM_UNDO_MAX are remembered. Returns
 * how many were undone. */
size_t mailbox_mem_lose(struct mailbox_mem *mem, size_t count);

/* A new epoch without any loss (a false alarm): of the whole store, or only of the part where this account lies, as
 * when one master of a cluster fails over. An account lies in part acct[0] % MAILBOX_MEM_PARTS. */
void mailbox_mem_new_epoch(struct mailbox_mem *mem);
void mailbox_mem_new_epoch_of(struct mailbox_mem *mem, const uint8_t acct[static ST_ACCT_LEN]);

/* Calls `hook` after each append, before its presence is read; it may use other stores of the same `mem`. NULL = off.
 */
void mailbox_mem_between(struct mailbox_mem *mem, void (*hook)(void *hook_ctx, const struct mailbox_key *to),
                         void *hook_ctx);

/* Forgets all presences, as if every lease had ended. */
void mailbox_mem_drop_presences(struct mailbox_mem *mem);

/* The store's clock is the env's wall clock plus this. */
void mailbox_mem_skew(struct mailbox_mem *mem, int64_t skew_ms);

enum { MAILBOX_MEM_UNDO_MAX = 4096, MAILBOX_MEM_PARTS = 16 };

#endif
