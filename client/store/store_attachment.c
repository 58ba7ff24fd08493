#include "client/store/store_attachment.h"

#include <string.h>

#include "client/store/store_sql.h"
#include "lib/st_wipe.h"

/* Its number and its chunks are within the limits. */
static bool is_in_range(const struct store_attachment *attachment)
{
    return attachment->index >= 1 && attachment->index <= STORE_ATTACHMENTS_MAX &&
           attachment->chunks <= STORE_CHUNKS_MAX;
}

static bool texts_fit(const struct store_attachment *attachment)
{
    return store_sql_fits(attachment->name, sizeof attachment->name) &&
           store_sql_fits(attachment->mime, sizeof attachment->mime) &&
           store_sql_fits(attachment->path, sizeof attachment->path);
}

enum st_err store_attachment_add(struct store *store, const struct store_attachment *attachment)
{
    static const char sql[] = "INSERT INTO attachment(message, number, blob_id, key, digest, sha256, plain_bytes,"
                              " blob_bytes, chunks, upload, finished, state, expires_at, name, mime, path, done)"
                              " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, zeroblob(256))";
    _Static_assert(STORE_CHUNK_MAP_BYTES == 256, "the map in the statement above");
    if (!is_in_range(attachment) || !texts_fit(attachment))
        return ST_ELIMIT;
    struct query query;
    query_write(&query, store, sql);
    query_bind_i64(&query, attachment->message);
    query_bind_i64(&query, attachment->index);
    query_bind_bytes(&query, attachment->blob_id, STORE_BLOB_ID_BYTES);
    query_bind_bytes(&query, attachment->key, sizeof attachment->key);
    query_bind_bytes(&query, attachment->digest, sizeof attachment->digest);
    query_bind_bytes(&query, attachment->sha256, sizeof attachment->sha256);
    query_bind_u64(&query, attachment->plain_bytes);
    query_bind_u64(&query, attachment->blob_bytes);
    query_bind_i64(&query, attachment->chunks);
    query_bind_i64(&query, attachment->upload);
    query_bind_i64(&query, attachment->finished);
    query_bind_i64(&query, attachment->state);
    query_bind_i64(&query, attachment->expires_at_ms);
    query_bind_text(&query, attachment->name);
    query_bind_text(&query, attachment->mime);
    query_bind_text(&query, attachment->path);
    return query_run(&query);
}

#define ATTACHMENT_SELECT                                                                                              \
    "SELECT message, number, blob_id, key, digest, sha256, plain_bytes, blob_bytes, chunks, upload, finished, state,"  \
    " expires_at, name, mime, path, done FROM attachment"

static uint32_t count_bits(const uint8_t map[static STORE_CHUNK_MAP_BYTES])
{
    uint32_t count = 0;
    for (size_t i = 0; i < STORE_CHUNK_MAP_BYTES; i++) {
        for (unsigned bits = map[i]; bits != 0; bits &= bits - 1)
            count++;
    }
    return count;
}

static void read_attachment(struct query *query, struct store_attachment *out)
{
    uint8_t map[STORE_CHUNK_MAP_BYTES];
    out->message = query_i64(query);
    out->index = query_u32(query);
    query_bytes(query, out->blob_id, STORE_BLOB_ID_BYTES);
    query_bytes(query, out->key, sizeof out->key);
    query_bytes(query, out->digest, sizeof out->digest);
    query_bytes(query, out->sha256, sizeof out->sha256);
    out->plain_bytes = query_u64(query);
    out->blob_bytes = query_u64(query);
    out->chunks = query_u32(query);
    out->upload = query_bool(query);
    out->finished = query_bool(query);
    out->state = (enum store_attachment_state)query_u32(query);
    out->expires_at_ms = query_i64(query);
    query_text(query, out->name, sizeof out->name);
    query_text(query, out->mime, sizeof out->mime);
    query_text(query, out->path, sizeof out->path);
    query_bytes(query, map, sizeof map);
    out->chunks_done = count_bits(map);
}

enum st_err store_attachment_get(struct store *store, int64_t message, uint32_t index, struct store_attachment *out)
{
    static const char sql[] = ATTACHMENT_SELECT " WHERE message = ? AND number = ?";
    memset(out, 0, sizeof *out);
    struct query query;
    query_read(&query, store, sql);
    query_bind_i64(&query, message);
    query_bind_i64(&query, index);
    query_first(&query);
    read_attachment(&query, out);
    return query_close(&query);
}

static enum st_err tell_rows(struct query *query, store_attachment_fn fn, void *ctx)
{
    struct store_attachment attachment;
    memset(&attachment, 0, sizeof attachment);
    while (query_next(query)) {
        read_attachment(query, &attachment);
        if (query->err == ST_OK)
            query_told(query, fn(ctx, &attachment));
    }
    ST_WIPE(attachment);
    return query_close(query);
}

enum st_err store_attachment_each(struct store *store, int64_t message, store_attachment_fn fn, void *ctx)
{
    static const char sql[] = ATTACHMENT_SELECT " WHERE message = ? ORDER BY number";
    struct query query;
    query_read(&query, store, sql);
    query_bind_i64(&query, message);
    return tell_rows(&query, fn, ctx);
}

enum st_err store_attachment_each_open(struct store *store, bool upload, store_attachment_fn fn, void *ctx)
{
    static const char up[] = ATTACHMENT_SELECT " WHERE finished = 0 AND upload = 1 ORDER BY message, number";
    static const char down[] = ATTACHMENT_SELECT " WHERE finished = 0 AND upload = 0 AND state = 1"
                                                 " ORDER BY message, number";
    struct query query;
    query_read(&query, store, upload ? up : down);
    return tell_rows(&query, fn, ctx);
}

/* Ends an open statement with the two parameters that name an attachment. */
static enum st_err run_for(struct query *query, int64_t message, uint32_t index)
{
    query_bind_i64(query, message);
    query_bind_i64(query, index);
    return query_run_changed(query);
}

enum st_err store_attachment_set_state(struct store *store, int64_t message, uint32_t index,
                                       enum store_attachment_state state, const char *path)
{
    static const char sql[] = "UPDATE attachment SET state = ?, path = ifnull(?, path)"
                              " WHERE message = ? AND number = ?";
    if (path != NULL && !store_sql_fits(path, STORE_PATH_MAX + 1))
        return ST_ELIMIT;
    struct query query;
    query_write(&query, store, sql);
    query_bind_i64(&query, state);
    if (path != NULL)
        query_bind_text(&query, path);
    else
        query_bind_null(&query);
    return run_for(&query, message, index);
}

enum st_err store_attachment_set_blob(struct store *store, int64_t message, uint32_t index,
                                      const uint8_t blob_id[static STORE_BLOB_ID_BYTES])
{
    static const char sql[] = "UPDATE attachment SET blob_id = ? WHERE message = ? AND number = ?";
    struct query query;
    query_write(&query, store, sql);
    query_bind_bytes(&query, blob_id, STORE_BLOB_ID_BYTES);
    return run_for(&query, message, index);
}

static enum st_err read_map(struct store *store, int64_t message, uint32_t index,
                            uint8_t map_r[static STORE_CHUNK_MAP_BYTES], uint32_t *chunks_r)
{
    static const char sql[] = "SELECT chunks, done FROM attachment WHERE message = ? AND number = ?";
    struct query query;
    query_read(&query, store, sql);
    query_bind_i64(&query, message);
    query_bind_i64(&query, index);
    query_first(&query);
    *chunks_r = query_u32(&query);
    query_bytes(&query, map_r, STORE_CHUNK_MAP_BYTES);
    return query_close(&query);
}

enum st_err store_attachment_get_chunks(struct store *store, int64_t message, uint32_t index,
                                        uint8_t map_r[static STORE_CHUNK_MAP_BYTES])
{
    uint32_t chunks = 0;
    return read_map(store, message, index, map_r, &chunks);
}

enum st_err store_attachment_chunk_done(struct store *store, int64_t message, uint32_t index, uint32_t chunk)
{
    static const char sql[] = "UPDATE attachment SET done = ? WHERE message = ? AND number = ?";
    uint8_t map[STORE_CHUNK_MAP_BYTES];
    uint32_t chunks = 0;
    enum st_err err = read_map(store, message, index, map, &chunks);
    if (err != ST_OK)
        return err;
    if (chunk >= chunks || chunk >= STORE_CHUNKS_MAX)
        return ST_ELIMIT;
    map[chunk >> 3] |= (uint8_t)(1u << (chunk & 7));
    struct query query;
    query_write(&query, store, sql);
    query_bind_bytes(&query, map, sizeof map);
    return run_for(&query, message, index);
}

enum st_err store_attachment_reset(struct store *store, int64_t message, uint32_t index)
{
    static const char sql[] = "UPDATE attachment SET done = zeroblob(256), finished = 0"
                              " WHERE message = ? AND number = ?";
    struct query query;
    query_write(&query, store, sql);
    return run_for(&query, message, index);
}

enum st_err store_attachment_finish(struct store *store, int64_t message, uint32_t index)
{
    static const char sql[] = "UPDATE attachment SET finished = 1 WHERE message = ? AND number = ?";
    struct query query;
    query_write(&query, store, sql);
    return run_for(&query, message, index);
}
