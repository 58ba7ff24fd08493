#include "client/store/store_epoch.h"

#include "client/store/store_sql.h"

enum st_err store_epoch_get(struct store *store, const uint8_t acct[static STORE_ACCT_BYTES],
                            uint8_t epoch_r[static STORE_EPOCH_BYTES])
{
    static const char sql[] = "SELECT epoch FROM epoch WHERE acct = ?";
    struct query query;
    query_read(&query, store, sql);
    query_bind_bytes(&query, acct, STORE_ACCT_BYTES);
    query_first(&query);
    query_bytes(&query, epoch_r, STORE_EPOCH_BYTES);
    return query_close(&query);
}

enum st_err store_epoch_put(struct store *store, const uint8_t acct[static STORE_ACCT_BYTES],
                            const uint8_t epoch[static STORE_EPOCH_BYTES])
{
    static const char sql[] = "INSERT OR REPLACE INTO epoch(acct, epoch) VALUES(?, ?)";
    struct query query;
    query_write(&query, store, sql);
    query_bind_bytes(&query, acct, STORE_ACCT_BYTES);
    query_bind_bytes(&query, epoch, STORE_EPOCH_BYTES);
    return query_run(&query);
}

enum st_err store_epoch_each_waiting(struct store *store, uint32_t limit, store_epoch_fn fn, void *ctx)
{
    static const char sql[] = "SELECT DISTINCT acct FROM outbox WHERE kind = 0 AND state = 1 ORDER BY acct LIMIT ?";
    struct query query;
    query_read(&query, store, sql);
    query_bind_i64(&query, limit);
    while (query_next(&query)) {
        uint8_t acct[STORE_ACCT_BYTES];
        query_bytes(&query, acct, sizeof acct);
        if (query.err == ST_OK)
            query_told(&query, fn(ctx, acct));
    }
    return query_close(&query);
}
