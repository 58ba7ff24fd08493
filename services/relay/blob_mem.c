#include "services/relay/blob_mem.h"

#include <stdlib.h>

#include "lib/st_map.h"

enum { BLOBS_MAX = 1 << 20 };

struct chunk {
    uint8_t *bytes; /* owned; NULL = not there */
    size_t len;
};

struct kept {
    uint8_t blob[ST_BLOB_ID_LEN];
    struct blob_info info;
    int64_t changed_ms; /* wall clock: when it was begun, or its last chunk came */
    struct chunk chunks[];
};

struct blob_mem {
    struct st_env env;
    struct st_map *blobs; /* blob id → struct kept, owned */
    uint64_t bytes, bytes_max;
    uint64_t fail_in; /* calls until one fails, 0 = never */
    enum st_err fail_err;
};

static enum st_err enter(struct blob_mem *mem)
{
    if (mem->fail_in == 0 || --mem->fail_in > 0)
        return ST_OK;
    return mem->fail_err;
}

static void free_kept(struct blob_mem *mem, struct kept *kept)
{
    for (uint32_t i = 0; i < kept->info.chunks; i++) {
        mem->bytes -= kept->chunks[i].len;
        free(kept->chunks[i].bytes);
    }
    free(kept);
}

static enum st_err make(struct blob_mem *mem, const uint8_t *blob, const struct blob_info *info, struct kept **kept_r)
{
    struct kept *kept = calloc(1, sizeof *kept + info->chunks * sizeof kept->chunks[0]);
    *kept_r = kept;
    if (kept == NULL)
        return ST_ENOMEM;
    memcpy(kept->blob, blob, ST_BLOB_ID_LEN);
    kept->info = *info;
    kept->changed_ms = st_env_wall_ms(&mem->env);
    enum st_err err = st_map_put(mem->blobs, blob, kept);
    if (err != ST_OK)
        free(kept);
    return err == ST_ELIMIT ? ST_EFULL : err;
}

static bool is_same(const struct blob_info *a, const struct blob_info *b)
{
    return a->size == b->size && a->chunks == b->chunks && memcmp(a->owner, b->owner, ST_ACCT_LEN) == 0;
}

static enum st_err mem_begin(void *ctx, const uint8_t *blob, const struct blob_info *info, uint8_t *there_r)
{
    struct blob_mem *mem = ctx;
    struct kept *kept = st_map_get(mem->blobs, blob);
    memset(there_r, 0, ST_BLOB_BITMAP_MAX);
    enum st_err err = enter(mem);
    if (err == ST_OK && info->chunks > ST_BLOB_CHUNKS_MAX)
        err = ST_ELIMIT;
    if (err == ST_OK && kept == NULL)
        return make(mem, blob, info, &kept);
    if (err == ST_OK && !is_same(&kept->info, info))
        err = ST_ECONFLICT;
    for (uint32_t i = 0; err == ST_OK && i < info->chunks; i++) {
        if (kept->chunks[i].bytes != NULL)
            there_r[i / 8] |= (uint8_t)(0x80 >> (i % 8));
    }
    return err;
}

static enum st_err mem_info(void *ctx, const uint8_t *blob, struct blob_info *info_r)
{
    struct blob_mem *mem = ctx;
    const struct kept *kept = st_map_get(mem->blobs, blob);
    memset(info_r, 0, sizeof *info_r);
    enum st_err err = enter(mem);
    if (err == ST_OK && kept == NULL)
        err = ST_ENOTFOUND;
    if (err == ST_OK)
        *info_r = kept->info;
    return err;
}

static enum st_err mem_put(void *ctx, const uint8_t *blob, uint32_t index, struct st_view data)
{
    struct blob_mem *mem = ctx;
    struct kept *kept = st_map_get(mem->blobs, blob);
    enum st_err err = enter(mem);
    if (err != ST_OK)
        return err;
    if (kept == NULL || index >= kept->info.chunks)
        return ST_ENOTFOUND;
    struct chunk *chunk = &kept->chunks[index];
    if (chunk->bytes != NULL)
        return ST_OK;
    if (data.len > mem->bytes_max - mem->bytes)
        return ST_EFULL;
    chunk->bytes = malloc(data.len > 0 ? data.len : 1);
    if (chunk->bytes == NULL)
        return ST_ENOMEM;
    memcpy(chunk->bytes, data.p, data.len);
    chunk->len = data.len;
    mem->bytes += data.len;
    kept->changed_ms = st_env_wall_ms(&mem->env);
    return ST_OK;
}

static enum st_err mem_get(void *ctx, const uint8_t *blob, uint32_t index, struct st_buf *out)
{
    struct blob_mem *mem = ctx;
    const struct kept *kept = st_map_get(mem->blobs, blob);
    enum st_err err = enter(mem);
    if (err != ST_OK)
        return err;
    if (kept == NULL || index >= kept->info.chunks || kept->chunks[index].bytes == NULL)
        return ST_ENOTFOUND;
    return st_buf_append(out, kept->chunks[index].bytes, kept->chunks[index].len);
}

static enum st_err mem_erase(void *ctx, const uint8_t *blob)
{
    struct blob_mem *mem = ctx;
    enum st_err err = enter(mem);
    if (err != ST_OK)
        return err;
    struct kept *kept = st_map_remove(mem->blobs, blob);
    if (kept != NULL)
        free_kept(mem, kept);
    return ST_OK;
}

static enum st_err mem_sweep(void *ctx, struct blob_sweep *step)
{
    struct blob_mem *mem = ctx;
    size_t cursor = step->cursor;
    void *value;
    step->done = false;
    step->expired = 0;
    enum st_err err = enter(mem);
    for (size_t i = 0; err == ST_OK && i < step->blob_max; i++) {
        if (!st_map_next(mem->blobs, &cursor, NULL, &value)) {
            step->done = true;
            break;
        }
        struct kept *kept = value;
        if (kept->changed_ms >= step->before_ms)
            continue;
        st_map_remove(mem->blobs, kept->blob);
        free_kept(mem, kept);
        step->expired++;
    }
    step->cursor = (uint32_t)cursor;
    return err;
}

static void mem_close(void *ctx)
{
    (void)ctx; /* the data are mem's */
}

static const struct blob_ops mem_ops = {
    .name = "mem",
    .begin = mem_begin,
    .info = mem_info,
    .put = mem_put,
    .get = mem_get,
    .erase = mem_erase,
    .sweep = mem_sweep,
    .close = mem_close,
};

enum st_err blob_mem_new(struct blob_mem **mem_r, uint64_t bytes_max, const struct st_env *env)
{
    uint8_t seed[ST_MAP_SEED_BYTES];
    *mem_r = NULL;
    struct blob_mem *mem = calloc(1, sizeof *mem);
    if (mem == NULL)
        return ST_ENOMEM;
    mem->env = *env;
    mem->bytes_max = bytes_max;
    st_env_random(env, seed, sizeof seed);
    enum st_err err = st_map_new(&mem->blobs, ST_BLOB_ID_LEN, BLOBS_MAX, seed);
    if (err != ST_OK) {
        free(mem);
        return err;
    }
    *mem_r = mem;
    return ST_OK;
}

void blob_mem_free(struct blob_mem **mem)
{
    size_t cursor = 0;
    void *value;
    if (*mem == NULL)
        return;
    while (st_map_next((*mem)->blobs, &cursor, NULL, &value))
        free_kept(*mem, value);
    st_map_free(&(*mem)->blobs);
    free(*mem);
    *mem = NULL;
}

void blob_mem_open(struct blob_mem *mem, struct blob_store *store_r)
{
    store_r->ops = &mem_ops;
    store_r->ctx = mem;
}

void blob_mem_fail(struct blob_mem *mem, uint64_t n, enum st_err err)
{
    mem->fail_in = n;
    mem->fail_err = err;
}
