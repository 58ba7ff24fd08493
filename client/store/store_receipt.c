#include "client/store/store_receipt.h"

#include "client/store/store_sql.h"

static void bind_receipt(struct query *query, const struct store_receipt *receipt)
{
    query_bind_device(query, &receipt->to);
    query_bind_bytes(query, receipt->msg_id, STORE_MSG_ID_BYTES);
    query_bind_i64(query, receipt->kind);
}

enum st_err store_receipt_owe(struct store *store, const struct store_receipt *receipt)
{
    static const char insert[] = "INSERT INTO receipt(acct, dev, msg_id, kind, carrier) VALUES(?, ?, ?, ?, NULL)";
    static const char release[] = "UPDATE receipt SET carrier = NULL WHERE acct = ? AND dev = ? AND msg_id = ?"
                                  " AND kind = ? AND carrier IS NOT NULL";
    struct query query;
    query_write(&query, store, insert);
    bind_receipt(&query, receipt);
    enum st_err err = query_run(&query);
    if (err != ST_EEXISTS)
        return err;
    query_write(&query, store, release);
    bind_receipt(&query, receipt);
    return query_run(&query);
}

enum st_err store_receipt_each(struct store *store, const struct store_device *to, uint32_t limit, store_receipt_fn fn,
                               void *ctx)
{
    static const char sql[] = "SELECT msg_id, kind FROM receipt WHERE acct = ? AND dev = ? AND carrier IS NULL"
                              " ORDER BY n LIMIT ?";
    struct query query;
    query_read(&query, store, sql);
    query_bind_device(&query, to);
    query_bind_i64(&query, limit);
    while (query_next(&query)) {
        struct store_receipt receipt = { .to = *to };
        query_bytes(&query, receipt.msg_id, STORE_MSG_ID_BYTES);
        receipt.kind = (enum store_receipt_kind)query_u32(&query);
        if (query.err == ST_OK)
            query_told(&query, fn(ctx, &receipt));
    }
    return query_close(&query);
}

enum st_err store_receipt_each_peer(struct store *store, store_receipt_peer_fn fn, void *ctx)
{
    static const char sql[] = "SELECT acct, dev, count(*) FROM receipt WHERE carrier IS NULL GROUP BY acct, dev"
                              " ORDER BY acct, dev";
    struct query query;
    query_read(&query, store, sql);
    while (query_next(&query)) {
        struct store_device to;
        query_device(&query, &to);
        uint32_t count = query_u32(&query);
        if (query.err == ST_OK)
            query_told(&query, fn(ctx, &to, count));
    }
    return query_close(&query);
}

enum st_err store_receipt_bind(struct store *store, const struct store_receipt *receipt,
                               const uint8_t carrier[static STORE_MSG_ID_BYTES])
{
    static const char sql[] = "UPDATE receipt SET carrier = ? WHERE acct = ? AND dev = ? AND msg_id = ? AND kind = ?"
                              " AND carrier IS NULL";
    struct query query;
    query_write(&query, store, sql);
    query_bind_bytes(&query, carrier, STORE_MSG_ID_BYTES);
    bind_receipt(&query, receipt);
    return query_run_changed(&query);
}

/* Runs a statement whose one parameter is a carrier. */
static enum st_err run_for_carrier(struct store *store, const char *sql,
                                   const uint8_t carrier[static STORE_MSG_ID_BYTES])
{
    struct query query;
    query_write(&query, store, sql);
    query_bind_bytes(&query, carrier, STORE_MSG_ID_BYTES);
    return query_run(&query);
}

enum st_err store_receipt_accepted(struct store *store, const uint8_t carrier[static STORE_MSG_ID_BYTES])
{
    static const char sql[] = "DELETE FROM receipt WHERE carrier = ?";
    return run_for_carrier(store, sql, carrier);
}

enum st_err store_receipt_free(struct store *store, const uint8_t carrier[static STORE_MSG_ID_BYTES])
{
    static const char sql[] = "UPDATE receipt SET carrier = NULL WHERE carrier = ?";
    return run_for_carrier(store, sql, carrier);
}

enum st_err store_receipt_drop_device(struct store *store, const struct store_device *to)
{
    static const char sql[] = "DELETE FROM receipt WHERE acct = ? AND dev = ?";
    struct query query;
    query_write(&query, store, sql);
    query_bind_device(&query, to);
    return query_run(&query);
}
