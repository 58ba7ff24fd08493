/* Where the encrypted chunks of attachments lie: one struct of function pointers, two backends (blob_file.h,
 * blob_mem.h).
 *
 * An attachment is begun with its size and number of chunks by one account, which alone may add chunks. Who knows the
 * id may read. A chunk that is there is never replaced, so whoever learns an id cannot change what others will read.
 * Everything is idempotent and needs no locks: several relays may share one folder.
 *
 * Errors of every call: ST_EFULL, ST_EUNAVAILABLE, ST_EIO, ST_ENOMEM, and what the call names. */
#ifndef BLOB_H
#define BLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/st_bytes.h"
#include "lib/st_err.h"
#include "proto/st_limits.h"

/* What is fixed when an attachment is begun. */
struct blob_info {
    uint8_t owner[ST_ACCT_LEN];
    uint64_t size; /* bytes, all chunks */
    uint32_t chunks;
};

/* One bounded step of a sweep. Start zeroed; repeat until `done`. */
struct blob_sweep {
    int64_t before_ms; /* wall clock: attachments whose last chunk came before this go */
    size_t blob_max;   /* attachments to look at in this step */
    uint32_t cursor;   /* the backend's own */
    bool done;         /* result */
    uint64_t expired;  /* result: attachments removed in this step */
};

struct blob_ops {
    const char *name; /* "file", "mem" */
    enum st_err (*begin)(void *ctx, const uint8_t *blob, const struct blob_info *info, uint8_t *there_r);
    enum st_err (*info)(void *ctx, const uint8_t *blob, struct blob_info *info_r);
    enum st_err (*put)(void *ctx, const uint8_t *blob, uint32_t index, struct st_view data);
    enum st_err (*get)(void *ctx, const uint8_t *blob, uint32_t index, struct st_buf *out);
    enum st_err (*erase)(void *ctx, const uint8_t *blob);
    enum st_err (*sweep)(void *ctx, struct blob_sweep *step);
    void (*close)(void *ctx);
};

/* An open store, by value. */
struct blob_store {
    const struct blob_ops *ops;
    void *ctx;
};

/* The bytes of a bitmap of `chunks` bits. */
static inline size_t blob_bitmap_len(uint32_t chunks)
{
    return ((size_t)chunks + 7) / 8;
}

/* Begins or resumes. Fills the first blob_bitmap_len(info->chunks) bytes of `there_r`: a bit for each chunk that is
 * there already, the first in the highest bit of byte 0. ST_ECONFLICT if it was begun by another account or with
 * another size. */
static inline enum st_err blob_begin(const struct blob_store *store, const uint8_t blob[static ST_BLOB_ID_LEN],
                                     const struct blob_info *info, uint8_t there_r[static ST_BLOB_BITMAP_MAX])
{
    return store->ops->begin(store->ctx, blob, info, there_r);
}

/* What was said at the beginning. ST_ENOTFOUND. */
static inline enum st_err blob_info(const struct blob_store *store, const uint8_t blob[static ST_BLOB_ID_LEN],
                                    struct blob_info *info_r)
{
    return store->ops->info(store->ctx, blob, info_r);
}

/* Keeps one chunk, on disk before it answers; one that is there already stays as it is (ST_OK). The caller has checked
 * owner, index and length. ST_ENOTFOUND if the attachment was not begun. */
static inline enum st_err blob_put(const struct blob_store *store, const uint8_t blob[static ST_BLOB_ID_LEN],
                                   uint32_t index, struct st_view data)
{
    return store->ops->put(store->ctx, blob, index, data);
}

/* Appends one chunk to `out`. ST_ENOTFOUND; ST_EFOREIGN if what lies there is no chunk. */
static inline enum st_err blob_get(const struct blob_store *store, const uint8_t blob[static ST_BLOB_ID_LEN],
                                   uint32_t index, struct st_buf *out)
{
    return store->ops->get(store->ctx, blob, index, out);
}

/* Removes an attachment; one that is not there is fine. */
static inline enum st_err blob_erase(const struct blob_store *store, const uint8_t blob[static ST_BLOB_ID_LEN])
{
    return store->ops->erase(store->ctx, blob);
}

static inline enum st_err blob_sweep(const struct blob_store *store, struct blob_sweep *step)
{
    return store->ops->sweep(store->ctx, step);
}

/* Closes the store; `store` is empty afterwards. An empty one is fine. */
static inline void blob_close(struct blob_store *store)
{
    if (store->ops != NULL)
        store->ops->close(store->ctx);
    store->ops = NULL;
    store->ctx = NULL;
}

#endif
