#include "client/store/store_expose.h"

#include "client/store/store_sql.h"
#include "lib/st_wipe.h"

enum st_err store_expose_add(struct store *store, const struct store_exposure *exposure)
{
    static const char sql[] = "INSERT INTO exposure(hash, mac_key, due_at) VALUES(?, ?, ?)";
    struct query query;
    query_write(&query, store, sql);
    query_bind_bytes(&query, exposure->hash, STORE_HASH_BYTES);
    query_bind_bytes(&query, exposure->mac_key, sizeof exposure->mac_key);
    query_bind_i64(&query, exposure->due_at_ms);
    return query_run(&query);
}

enum st_err store_expose_due(struct store *store, int64_t now_ms, struct store_exposure out[static STORE_EXPOSE_BATCH],
                             size_t *count_r)
{
    static const char sql[] = "SELECT hash, mac_key, due_at FROM exposure WHERE due_at <= ? ORDER BY due_at LIMIT ?";
    size_t count = 0;
    struct query query;
    query_read(&query, store, sql);
    query_bind_i64(&query, now_ms);
    query_bind_i64(&query, STORE_EXPOSE_BATCH);
    while (count < STORE_EXPOSE_BATCH && query_next(&query)) {
        struct store_exposure *exposure = &out[count++];
        query_bytes(&query, exposure->hash, STORE_HASH_BYTES);
        query_bytes(&query, exposure->mac_key, sizeof exposure->mac_key);
        exposure->due_at_ms = query_i64(&query);
    }
    enum st_err err = query_close(&query);
    if (err != ST_OK)
        st_wipe(out, count * sizeof *out);
    *count_r = err == ST_OK ? count : 0;
    return err;
}

enum st_err store_expose_next(struct store *store, int64_t *at_ms_r)
{
    static const char sql[] = "SELECT due_at FROM exposure ORDER BY due_at LIMIT 1";
    struct query query;
    query_read(&query, store, sql);
    query_first(&query);
    *at_ms_r = query_i64(&query);
    return query_close(&query);
}

enum st_err store_expose_confirmed(struct store *store, const uint8_t hash[static STORE_HASH_BYTES])
{
    static const char publish[] = "UPDATE wire SET mac_key = (SELECT mac_key FROM exposure WHERE hash = ?1)"
                                  " WHERE hash = ?1 AND EXISTS (SELECT 1 FROM exposure WHERE hash = ?1)";
    static const char erase[] = "DELETE FROM exposure WHERE hash = ?";
    struct query query;
    query_write(&query, store, publish);
    query_bind_bytes(&query, hash, STORE_HASH_BYTES);
    enum st_err err = query_run(&query);
    if (err != ST_OK)
        return err;
    query_erase(&query, store, erase);
    query_bind_bytes(&query, hash, STORE_HASH_BYTES);
    return query_run_changed(&query);
}

enum st_err store_expose_drop(struct store *store, const uint8_t hash[static STORE_HASH_BYTES])
{
    static const char sql[] = "DELETE FROM exposure WHERE hash = ?";
    struct query query;
    query_erase(&query, store, sql);
    query_bind_bytes(&query, hash, STORE_HASH_BYTES);
    return query_run(&query);
}
