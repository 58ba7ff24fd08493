#include "client/store/store_session.h"

#include "client/store/store_sql.h"

/* Appends the one column of the one row for `peer`. */
static enum st_err load(struct store *store, const char *sql, const struct store_device *peer, struct st_buf *out)
{
    struct query query;
    query_read(&query, store, sql);
    query_bind_device(&query, peer);
    query_first(&query);
    struct st_view bytes = query_view(&query);
    if (query.err == ST_OK)
        query_told(&query, st_buf_append(out, bytes.p, bytes.len));
    return query_close(&query);
}

static enum st_err erase(struct store *store, const char *sql, const struct store_device *peer)
{
    struct query query;
    query_erase(&query, store, sql);
    query_bind_device(&query, peer);
    return query_run(&query);
}

enum st_err store_session_load(struct store *store, const struct store_device *peer, struct st_buf *out)
{
    static const char sql[] = "SELECT bytes FROM session WHERE acct = ? AND dev = ?";
    return load(store, sql, peer, out);
}

enum st_err store_session_save(struct store *store, const struct store_device *peer, struct st_view set, int64_t now_ms)
{
    static const char update[] = "UPDATE session SET bytes = ?, updated_at = ? WHERE acct = ? AND dev = ?";
    static const char insert[] = "INSERT INTO session(bytes, updated_at, acct, dev) VALUES(?, ?, ?, ?)";
    static const char *const ways[] = { update, insert };
    if (set.len > STORE_SESSION_MAX)
        return ST_ELIMIT;
    enum st_err err = ST_ENOTFOUND;
    for (size_t i = 0; err == ST_ENOTFOUND && i < sizeof ways / sizeof *ways; i++) {
        struct query query;
        query_erase(&query, store, ways[i]);
        query_bind_view(&query, set);
        query_bind_i64(&query, now_ms);
        query_bind_device(&query, peer);
        err = query_run_changed(&query);
    }
    return err;
}

enum st_err store_session_delete(struct store *store, const struct store_device *peer)
{
    static const char sql[] = "DELETE FROM session WHERE acct = ? AND dev = ?";
    return erase(store, sql, peer);
}

enum st_err store_session_each(struct store *store, const uint8_t *acct, store_session_fn fn, void *ctx)
{
    static const char of_all[] = "SELECT acct, dev, updated_at FROM session ORDER BY acct, dev";
    static const char of_one[] = "SELECT acct, dev, updated_at FROM session WHERE acct = ? ORDER BY dev";
    struct query query;
    query_read(&query, store, acct == NULL ? of_all : of_one);
    if (acct != NULL)
        query_bind_bytes(&query, acct, STORE_ACCT_BYTES);
    while (query_next(&query)) {
        struct store_device peer;
        query_device(&query, &peer);
        int64_t updated_at_ms = query_i64(&query);
        if (query.err == ST_OK)
            query_told(&query, fn(ctx, &peer, updated_at_ms));
    }
    return query_close(&query);
}

enum st_err store_peer_load(struct store *store, const struct store_device *peer, struct st_buf *out)
{
    static const char sql[] = "SELECT bytes FROM peer WHERE acct = ? AND dev = ?";
    return load(store, sql, peer, out);
}

enum st_err store_peer_save(struct store *store, const struct store_device *peer, struct st_view state)
{
    static const char sql[] = "INSERT OR REPLACE INTO peer(bytes, acct, dev) VALUES(?, ?, ?)";
    if (state.len > STORE_SESSION_MAX)
        return ST_ELIMIT;
    struct query query;
    query_erase(&query, store, sql);
    query_bind_view(&query, state);
    query_bind_device(&query, peer);
    return query_run(&query);
}

enum st_err store_peer_delete(struct store *store, const struct store_device *peer)
{
    static const char sql[] = "DELETE FROM peer WHERE acct = ? AND dev = ?";
    return erase(store, sql, peer);
}
