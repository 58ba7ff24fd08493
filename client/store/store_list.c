#include "client/store/store_list.h"

#include <string.h>

#include "client/store/store_sql.h"

static enum st_err read_list(struct store *store, const uint8_t acct[static STORE_ACCT_BYTES], struct store_list *out)
{
    static const char sql[] = "SELECT seq, hash16, expires_s, fetched_at, claimed_seq, claimed_at, bytes"
                              " FROM device_list WHERE acct = ?";
    struct query query;
    query_read(&query, store, sql);
    query_bind_bytes(&query, acct, STORE_ACCT_BYTES);
    query_first(&query);
    out->seq = query_u64(&query);
    query_bytes(&query, out->hash16, STORE_HASH16_BYTES);
    out->expires_s = query_i64(&query);
    out->fetched_at_ms = query_i64(&query);
    out->claimed_seq = query_u64(&query);
    out->claimed_at_ms = query_i64(&query);
    struct st_view bytes = query_view(&query);
    if (query.err == ST_OK && bytes.len > sizeof out->bytes)
        query_told(&query, ST_EFOREIGN);
    if (query.err == ST_OK && bytes.len > 0) {
        memcpy(out->bytes, bytes.p, bytes.len);
        out->len = bytes.len;
    }
    return query_close(&query);
}

enum st_err store_list_get(struct store *store, const uint8_t acct[static STORE_ACCT_BYTES], struct store_list *out)
{
    memset(out, 0, sizeof *out);
    enum st_err err = read_list(store, acct, out);
    if (err != ST_OK)
        memset(out, 0, sizeof *out);
    return err;
}

enum st_err store_list_put(struct store *store, const uint8_t acct[static STORE_ACCT_BYTES],
                           const struct store_list *list)
{
    static const char look[] = "SELECT seq FROM device_list WHERE acct = ?";
    static const char put[] = "INSERT OR REPLACE INTO device_list(acct, seq, hash16, expires_s, fetched_at,"
                              " claimed_seq, claimed_at, bytes) VALUES(?, ?, ?, ?, ?, ?, ?, ?)";
    if (list->len > sizeof list->bytes)
        return ST_ELIMIT;
    struct query query;
    query_read(&query, store, look);
    query_bind_bytes(&query, acct, STORE_ACCT_BYTES);
    if (query_next(&query) && query_u64(&query) > list->seq)
        query_told(&query, ST_ECONFLICT);
    enum st_err err = query_close(&query);
    if (err != ST_OK)
        return err;
    query_write(&query, store, put);
    query_bind_bytes(&query, acct, STORE_ACCT_BYTES);
    query_bind_u64(&query, list->seq);
    query_bind_bytes(&query, list->hash16, STORE_HASH16_BYTES);
    query_bind_i64(&query, list->expires_s);
    query_bind_i64(&query, list->fetched_at_ms);
    query_bind_u64(&query, list->claimed_seq);
    query_bind_i64(&query, list->claimed_at_ms);
    query_bind_bytes(&query, list->bytes, list->len);
    return query_run(&query);
}

/* Columns dsk, dik, added_s, removed. */
static void read_seen(struct query *query, struct store_seen_device *out)
{
    query_bytes(query, out->dsk, sizeof out->dsk);
    query_bytes(query, out->dik, sizeof out->dik);
    out->added_s = query_i64(query);
    out->removed = query_bool(query);
}

enum st_err store_seen_get(struct store *store, const struct store_device *id, struct store_seen_device *out)
{
    static const char sql[] = "SELECT dsk, dik, added_s, removed FROM seen_device WHERE acct = ? AND dev = ?";
    memset(out, 0, sizeof *out);
    struct query query;
    query_read(&query, store, sql);
    query_bind_device(&query, id);
    query_first(&query);
    read_seen(&query, out);
    if (query.err == ST_OK)
        out->id = *id;
    return query_close(&query);
}

static bool is_same(const struct store_seen_device *a, const struct store_seen_device *b)
{
    return memcmp(a->dsk, b->dsk, sizeof a->dsk) == 0 && memcmp(a->dik, b->dik, sizeof a->dik) == 0 &&
           a->added_s == b->added_s && !a->removed;
}

enum st_err store_seen_add(struct store *store, const struct store_seen_device *device)
{
    static const char sql[] = "INSERT INTO seen_device(acct, dev, dsk, dik, added_s, removed) VALUES(?, ?, ?, ?, ?, ?)";
    struct store_seen_device known;
    enum st_err err = store_seen_get(store, &device->id, &known);
    if (err == ST_OK)
        return is_same(&known, device) ? ST_EEXISTS : ST_ECONFLICT;
    if (err != ST_ENOTFOUND)
        return err;
    struct query query;
    query_write(&query, store, sql);
    query_bind_device(&query, &device->id);
    query_bind_bytes(&query, device->dsk, sizeof device->dsk);
    query_bind_bytes(&query, device->dik, sizeof device->dik);
    query_bind_i64(&query, device->added_s);
    query_bind_i64(&query, device->removed);
    return query_run(&query);
}

enum st_err store_seen_remove(struct store *store, const struct store_device *id)
{
    static const char sql[] = "UPDATE seen_device SET removed = 1 WHERE acct = ? AND dev = ?";
    struct query query;
    query_write(&query, store, sql);
    query_bind_device(&query, id);
    return query_run_changed(&query);
}

enum st_err store_seen_each(struct store *store, const uint8_t acct[static STORE_ACCT_BYTES], store_seen_fn fn,
                            void *ctx)
{
    static const char sql[] = "SELECT acct, dev, dsk, dik, added_s, removed FROM seen_device WHERE acct = ?"
                              " ORDER BY dev";
    struct query query;
    query_read(&query, store, sql);
    query_bind_bytes(&query, acct, STORE_ACCT_BYTES);
    while (query_next(&query)) {
        struct store_seen_device device;
        query_device(&query, &device.id);
        read_seen(&query, &device);
        if (query.err == ST_OK)
            query_told(&query, fn(ctx, &device));
    }
    return query_close(&query);
}
