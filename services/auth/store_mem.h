/* Accounts in memory: for tests, benchmarks and the simulation, a whole backend nevertheless. The data outlive the
 * stores that are opened on them, so an auth may die and another one, or two at once, go on with the same accounts.
 *
 * Not for threads: everything on one auth_mem is used by one thread. While one store has a transaction open, another
 * one's calls answer ST_EUNAVAILABLE, as a lock that was waited for too long. */
#ifndef AUTH_STORE_MEM_H
#define AUTH_STORE_MEM_H

#include "services/auth/store.h"

struct auth_mem;

/* Returns new: an empty database. ST_ENOMEM. */
enum st_err auth_mem_new(struct auth_mem **mem_r) ST_MUST_CHECK;

/* Frees and NULLs. All stores on it are closed. NULL is fine. */
void auth_mem_free(struct auth_mem **mem);

/* Opens a store on it, one for each auth; `mem` is borrowed until auth_store_close. ST_ENOMEM. */
enum st_err auth_mem_open(struct auth_mem *mem, struct auth_store *store_r) ST_MUST_CHECK;

/* ---- breaking it ---- */

/* What happens to a call. */
enum auth_mem_fault {
    AUTH_MEM_OK,         /* it is carried out */
    AUTH_MEM_FAIL,       /* ST_EUNAVAILABLE, and nothing is done */
    AUTH_MEM_FULL,       /* ST_EFULL, and nothing is done */
    AUTH_MEM_CRASH,      /* before it is done: everything uncommitted is gone, and every later call of this store
                          * answers ST_EUNAVAILABLE until it is closed and another one is opened */
    AUTH_MEM_CRASH_AFTER /* it is done, then as CRASH; the call answers ST_EUNCERTAIN. For a commit that reached the
                          * disk while its answer did not come back */
};

/* Asked before each call that reads or writes, begin and commit included; `call` counts them over all stores, from 1.
 * NULL = off. The hook must not use the stores. */
typedef enum auth_mem_fault (*auth_mem_fault_fn)(void *hook_ctx, uint64_t call);
void auth_mem_set_fault(struct auth_mem *mem, auth_mem_fault_fn hook, void *hook_ctx);

/* How many calls were made in all, over all stores. */
uint64_t auth_mem_calls(const struct auth_mem *mem);

/* ---- backups ---- */

/* Returns new: a copy of what is committed now. ST_ENOMEM; ST_EUNAVAILABLE while a transaction is open. */
enum st_err auth_mem_snapshot(const struct auth_mem *mem, struct auth_mem **copy_r) ST_MUST_CHECK;

/* Makes the data those of the copy, as a restore from a backup does; the copy stays the caller's. Errors as above. */
enum st_err auth_mem_restore(struct auth_mem *mem, const struct auth_mem *copy) ST_MUST_CHECK;

#endif
