#include "client/store/store_wire.h"

#include "client/store/store_outbox.h"
#include "client/store/store_sql.h"

enum st_err store_wire_add(struct store *store, const struct store_wire *wire)
{
    static const char sql[] = "INSERT INTO wire(message, acct, dev, incoming, hash, th, mac_key, envelope, payload)"
                              " VALUES(?, ?, ?, ?, ?, ?, NULL, ?, ?)";
    if (wire->envelope.len > STORE_ENVELOPE_MAX || wire->payload.len > STORE_PAYLOAD_MAX)
        return ST_ELIMIT;
    struct query query;
    query_write(&query, store, sql);
    query_bind_i64(&query, wire->message);
    query_bind_device(&query, &wire->peer);
    query_bind_i64(&query, wire->incoming);
    query_bind_bytes(&query, wire->hash, STORE_HASH_BYTES);
    query_bind_bytes(&query, wire->th, sizeof wire->th);
    query_bind_view(&query, wire->envelope);
    query_bind_view(&query, wire->payload);
    return query_run(&query);
}

enum st_err store_wire_set_key(struct store *store, const uint8_t hash[static STORE_HASH_BYTES],
                               const uint8_t mac_key[static 32])
{
    static const char sql[] = "UPDATE wire SET mac_key = ? WHERE hash = ? AND incoming = 0";
    struct query query;
    query_write(&query, store, sql);
    query_bind_bytes(&query, mac_key, 32);
    query_bind_bytes(&query, hash, STORE_HASH_BYTES);
    return query_run_changed(&query);
}

enum st_err store_wire_each(struct store *store, int64_t chat, store_wire_fn fn, void *ctx)
{
    static const char sql[] = "SELECT w.message, w.acct, w.dev, w.incoming, w.hash, w.th, w.mac_key, w.envelope,"
                              " w.payload FROM message m JOIN wire w ON w.message = m.row"
                              " WHERE m.shown = 1 AND m.chat = ? ORDER BY m.place, w.n";
    struct query query;
    query_read(&query, store, sql);
    query_bind_i64(&query, chat);
    while (query_next(&query)) {
        struct store_wire wire;
        wire.message = query_i64(&query);
        query_device(&query, &wire.peer);
        wire.incoming = query_bool(&query);
        query_bytes(&query, wire.hash, STORE_HASH_BYTES);
        query_bytes(&query, wire.th, sizeof wire.th);
        wire.exposed = query_optional_bytes(&query, wire.mac_key, sizeof wire.mac_key);
        wire.envelope = query_view(&query);
        wire.payload = query_view(&query);
        if (query.err == ST_OK)
            query_told(&query, fn(ctx, &wire));
    }
    return query_close(&query);
}

/* The newest row that no longer fits into `keep_bytes`; ST_ENOTFOUND: all fit. */
static enum st_err find_last_to_go(struct store *store, uint64_t keep_bytes, int64_t *n_r)
{
    static const char sql[] = "SELECT n, length(envelope) + length(payload) FROM wire ORDER BY n DESC";
    uint64_t left = keep_bytes;
    enum st_err found = ST_ENOTFOUND;
    struct query query;
    query_read(&query, store, sql);
    while (found == ST_ENOTFOUND && query_next(&query)) {
        *n_r = query_i64(&query);
        uint64_t size = query_u64(&query);
        if (size > left)
            found = ST_OK;
        else
            left -= size;
    }
    enum st_err err = query_close(&query);
    return err != ST_OK ? err : found;
}

enum st_err store_wire_prune(struct store *store, uint64_t keep_bytes)
{
    static const char sql[] = "DELETE FROM wire WHERE n <= ?";
    int64_t n = 0;
    enum st_err err = find_last_to_go(store, keep_bytes, &n);
    if (err != ST_OK)
        return err == ST_ENOTFOUND ? ST_OK : err;
    struct query query;
    query_erase(&query, store, sql);
    query_bind_i64(&query, n);
    return query_run(&query);
}
