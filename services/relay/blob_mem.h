/* Attachments in memory, for tests and the simulation. The data outlive the stores that are opened on them. */
#ifndef BLOB_MEM_H
#define BLOB_MEM_H

#include "lib/st_env.h"
#include "services/relay/blob.h"

struct blob_mem;

/* Returns new: empty, holding at most `bytes_max` bytes of chunks (beyond: ST_EFULL). `env` is copied. ST_ENOMEM. */
enum st_err blob_mem_new(struct blob_mem **mem_r, uint64_t bytes_max, const struct st_env *env) ST_MUST_CHECK;

/* Frees and NULLs. NULL is fine. */
void blob_mem_free(struct blob_mem **mem);

/* A store on it; `mem` is borrowed until blob_close. */
void blob_mem_open(struct blob_mem *mem, struct blob_store *store_r);

/* The n-th call from now (1 = the next) fails with `err`. n 0 calls it off. */
void blob_mem_fail(struct blob_mem *mem, uint64_t n, enum st_err err);

#endif
