#include "client/store/store_event.h"

#include "client/store/store_sql.h"

enum st_err store_event_add(struct store *store, enum store_event_type type, int64_t ref, struct st_view body,
                            int64_t now_ms)
{
    static const char sql[] = "INSERT INTO event(type, ref, at, body) VALUES(?, ?, ?, ?)";
    if (body.len > STORE_EVENT_BODY_MAX)
        return ST_ELIMIT;
    struct query query;
    query_write(&query, store, sql);
    query_bind_i64(&query, type);
    query_bind_i64(&query, ref);
    query_bind_i64(&query, now_ms);
    query_bind_view(&query, body);
    return query_run(&query);
}

/* 0 for a consumer that is not known. */
static enum st_err read_acked(struct store *store, const char *consumer, uint64_t *acked_r)
{
    static const char sql[] = "SELECT acked FROM consumer WHERE name = ?";
    *acked_r = 0;
    struct query query;
    query_read(&query, store, sql);
    query_bind_text(&query, consumer);
    if (query_next(&query))
        *acked_r = query_u64(&query);
    return query_close(&query);
}

enum st_err store_event_each(struct store *store, const char *consumer, uint32_t limit, store_event_fn fn, void *ctx)
{
    static const char sql[] = "SELECT n, type, ref, at, body FROM event WHERE n > ? ORDER BY n LIMIT ?";
    uint64_t acked = 0;
    enum st_err err = read_acked(store, consumer, &acked);
    if (err != ST_OK)
        return err;
    struct query query;
    query_read(&query, store, sql);
    query_bind_u64(&query, acked);
    query_bind_i64(&query, limit);
    while (query_next(&query)) {
        struct store_event event;
        event.number = query_u64(&query);
        event.type = (enum store_event_type)query_u32(&query);
        event.ref = query_i64(&query);
        event.at_ms = query_i64(&query);
        event.body = query_view(&query);
        if (query.err == ST_OK)
            query_told(&query, fn(ctx, &event));
    }
    return query_close(&query);
}

static enum st_err set_acked(struct store *store, const char *consumer, uint64_t number)
{
    static const char sql[] = "INSERT OR REPLACE INTO consumer(name, acked) VALUES(?, ?)";
    struct query query;
    query_write(&query, store, sql);
    query_bind_text(&query, consumer);
    query_bind_u64(&query, number);
    return query_run(&query);
}

static enum st_err erase_acked(struct store *store)
{
    static const char sql[] = "DELETE FROM event WHERE n <= (SELECT min(acked) FROM consumer)";
    struct query query;
    query_write(&query, store, sql);
    return query_run(&query);
}

enum st_err store_event_ack(struct store *store, const char *consumer, uint64_t number)
{
    if (!store_sql_fits(consumer, STORE_CONSUMER_MAX + 1))
        return ST_ELIMIT;
    uint64_t acked = 0;
    enum st_err err = read_acked(store, consumer, &acked);
    if (err == ST_OK)
        err = set_acked(store, consumer, number > acked ? number : acked);
    return err == ST_OK ? erase_acked(store) : err;
}

enum st_err store_event_prune(struct store *store, int64_t before_ms, uint64_t keep, uint64_t *gone_r)
{
    static const char sql[] = "DELETE FROM event WHERE at < ?1"
                              " OR n <= (SELECT n FROM event ORDER BY n DESC LIMIT 1 OFFSET ?2)";
    *gone_r = 0;
    struct query query;
    query_write(&query, store, sql);
    query_bind_i64(&query, before_ms);
    query_bind_u64(&query, keep);
    enum st_err err = query_run(&query);
    if (err == ST_OK)
        *gone_r = store_sql_changes(store);
    return err;
}
