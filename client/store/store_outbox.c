#include "client/store/store_outbox.h"

#include <string.h>

#include "client/store/store_sql.h"

#define NO_EPOCH "zeroblob(8)"
#define NO_TOKEN "zeroblob(24)"

enum st_err store_outbox_add(struct store *store, const struct store_copy *copy, int64_t *row_r)
{
    static const char sql[] = "INSERT INTO outbox(msg_id, acct, dev, kind, state, sid, epoch, token, own_epoch,"
                              " attempts, next_try_at, queued_at, reason, envelope)"
                              " VALUES(?, ?, ?, ?, 0, ?, " NO_EPOCH ", " NO_TOKEN ", ?, 0, ?, ?, '', ?)";
    *row_r = 0;
    if (copy->envelope.len > STORE_ENVELOPE_MAX)
        return ST_ELIMIT;
    struct query query;
    query_write(&query, store, sql);
    query_bind_bytes(&query, copy->msg_id, STORE_MSG_ID_BYTES);
    query_bind_device(&query, &copy->to);
    query_bind_i64(&query, copy->kind);
    query_bind_bytes(&query, copy->sid, STORE_SID_BYTES);
    query_bind_bytes(&query, copy->own_epoch, STORE_EPOCH_BYTES);
    query_bind_i64(&query, copy->next_try_at_ms);
    query_bind_i64(&query, copy->queued_at_ms);
    query_bind_view(&query, copy->envelope);
    enum st_err err = query_run(&query);
    if (err == ST_OK)
        *row_r = store_sql_last_row(store);
    return err;
}

enum st_err store_outbox_stored(struct store *store, const uint8_t msg_id[static STORE_MSG_ID_BYTES],
                                const struct store_device *to, const uint8_t epoch[static STORE_EPOCH_BYTES],
                                const uint8_t token[static STORE_TOKEN_BYTES])
{
    static const char sql[] = "UPDATE outbox SET state = 1, epoch = ?, token = ?, reason = ''"
                              " WHERE msg_id = ? AND acct = ? AND dev = ?";
    struct query query;
    query_write(&query, store, sql);
    query_bind_bytes(&query, epoch, STORE_EPOCH_BYTES);
    query_bind_bytes(&query, token, STORE_TOKEN_BYTES);
    query_bind_bytes(&query, msg_id, STORE_MSG_ID_BYTES);
    query_bind_device(&query, to);
    return query_run_changed(&query);
}

enum st_err store_outbox_tried(struct store *store, int64_t row, int64_t next_try_at_ms, const char *reason)
{
    static const char sql[] = "UPDATE outbox SET attempts = attempts + 1, next_try_at = ?, reason = ? WHERE row = ?";
    if (reason != NULL && !store_sql_fits(reason, sizeof((struct store_copy *)0)->reason))
        return ST_ELIMIT;
    struct query query;
    query_write(&query, store, sql);
    query_bind_i64(&query, next_try_at_ms);
    query_bind_text(&query, reason == NULL ? "" : reason);
    query_bind_i64(&query, row);
    return query_run_changed(&query);
}

enum st_err store_outbox_again(struct store *store, int64_t row, int64_t now_ms, const uint8_t *own_epoch)
{
    static const char sql[] = "UPDATE outbox SET state = 0, next_try_at = ?, own_epoch = ifnull(?, own_epoch)"
                              " WHERE row = ?";
    struct query query;
    query_write(&query, store, sql);
    query_bind_i64(&query, now_ms);
    if (own_epoch != NULL)
        query_bind_bytes(&query, own_epoch, STORE_EPOCH_BYTES);
    else
        query_bind_null(&query);
    query_bind_i64(&query, row);
    return query_run_changed(&query);
}

static enum st_err count_copies(struct store *store, const uint8_t msg_id[static STORE_MSG_ID_BYTES], uint32_t *left_r)
{
    static const char sql[] = "SELECT count(*) FROM outbox WHERE msg_id = ?";
    struct query query;
    query_read(&query, store, sql);
    query_bind_bytes(&query, msg_id, STORE_MSG_ID_BYTES);
    query_first(&query);
    *left_r = query_u32(&query);
    return query_close(&query);
}

enum st_err store_outbox_drop(struct store *store, const uint8_t msg_id[static STORE_MSG_ID_BYTES],
                              const struct store_device *to, uint32_t *left_r)
{
    static const char sql[] = "DELETE FROM outbox WHERE msg_id = ? AND acct = ? AND dev = ?";
    if (left_r != NULL)
        *left_r = 0;
    struct query query;
    query_write(&query, store, sql);
    query_bind_bytes(&query, msg_id, STORE_MSG_ID_BYTES);
    query_bind_device(&query, to);
    enum st_err dropped = query_run_changed(&query);
    if (left_r == NULL || (dropped != ST_OK && dropped != ST_ENOTFOUND))
        return dropped;
    enum st_err counted = count_copies(store, msg_id, left_r);
    return counted != ST_OK ? counted : dropped;
}

enum st_err store_outbox_drop_device(struct store *store, const struct store_device *to, uint32_t *count_r)
{
    static const char sql[] = "DELETE FROM outbox WHERE acct = ? AND dev = ?";
    *count_r = 0;
    struct query query;
    query_write(&query, store, sql);
    query_bind_device(&query, to);
    enum st_err err = query_run(&query);
    if (err == ST_OK)
        *count_r = store_sql_changes(store);
    return err;
}

/* The statements of store_outbox_each differ in the condition that an index serves; the others filter. All have the
 * same parameters. */
#define COPY_SELECT(hint, condition)                                                                                   \
    "SELECT row, msg_id, acct, dev, kind, state, sid, epoch, token, own_epoch, attempts, next_try_at, queued_at,"      \
    " reason, envelope FROM outbox " hint " WHERE " condition                                                          \
    " AND (?1 IS NULL OR acct = ?1) AND (?2 IS NULL OR dev = ?2)"                                                      \
    " AND (?3 IS NULL OR msg_id = ?3) AND (?4 IS NULL OR sid = ?4)"                                                    \
    " AND (?5 IS NULL OR (state = 1 AND epoch <> ?5)) AND (?6 IS NULL OR own_epoch <> ?6)"                             \
    " AND (?7 IS NULL OR (state = 0 AND next_try_at <= ?7)) AND (?8 IS NULL OR kind = ?8)"                             \
    " AND (?9 IS NULL OR state = ?9) AND row > ?10 ORDER BY row LIMIT ?11"
#define DUE "INDEXED BY outbox_new" /* or the planner would rather walk over all that is stored */
static const char by_message[] = COPY_SELECT("", "msg_id = ?3");
static const char by_session[] = COPY_SELECT("", "sid = ?4");
static const char by_device[] = COPY_SELECT("", "acct = ?1 AND dev = ?2");
static const char by_account[] = COPY_SELECT("", "acct = ?1");
static const char by_time[] = COPY_SELECT(DUE, "state = 0 AND next_try_at <= ?7");
static const char by_order[] = COPY_SELECT("", "1");

static const char *choose(const struct store_outbox_query *which)
{
    if (which->msg_id != NULL)
        return by_message;
    if (which->to != NULL)
        return by_device;
    if (which->sid != NULL)
        return by_session;
    if (which->acct != NULL)
        return by_account;
    return which->due_ms != 0 ? by_time : by_order;
}

static void bind_optional_bytes(struct query *query, const uint8_t *p, size_t len)
{
    if (p != NULL)
        query_bind_bytes(query, p, len);
    else
        query_bind_null(query);
}

static void bind_optional_number(struct query *query, bool is_there, int64_t value)
{
    if (is_there)
        query_bind_i64(query, value);
    else
        query_bind_null(query);
}

static void bind_which(struct query *query, const struct store_outbox_query *which)
{
    bind_optional_bytes(query, which->to != NULL ? which->to->acct : which->acct, STORE_ACCT_BYTES);
    bind_optional_number(query, which->to != NULL, which->to != NULL ? which->to->dev : 0);
    bind_optional_bytes(query, which->msg_id, STORE_MSG_ID_BYTES);
    bind_optional_bytes(query, which->sid, STORE_SID_BYTES);
    bind_optional_bytes(query, which->not_epoch, STORE_EPOCH_BYTES);
    bind_optional_bytes(query, which->not_own_epoch, STORE_EPOCH_BYTES);
    bind_optional_number(query, which->due_ms != 0, which->due_ms);
    bind_optional_number(query, which->kind != 0, which->kind - 1);
    bind_optional_number(query, which->state != 0, which->state - 1);
    query_bind_u64(query, which->after_order);
    query_bind_i64(query, which->limit == 0 ? -1 : (int64_t)which->limit);
}

static void read_copy(struct query *query, struct store_copy *out)
{
    out->row = query_i64(query);
    out->order = (uint64_t)out->row;
    query_bytes(query, out->msg_id, STORE_MSG_ID_BYTES);
    query_device(query, &out->to);
    out->kind = (enum store_copy_kind)query_u32(query);
    out->state = query_bool(query) ? STORE_COPY_STORED : STORE_COPY_NEW;
    query_bytes(query, out->sid, STORE_SID_BYTES);
    query_bytes(query, out->epoch, STORE_EPOCH_BYTES);
    query_bytes(query, out->token, STORE_TOKEN_BYTES);
    query_bytes(query, out->own_epoch, STORE_EPOCH_BYTES);
    out->attempts = query_u32(query);
    out->next_try_at_ms = query_i64(query);
    out->queued_at_ms = query_i64(query);
    query_text(query, out->reason, sizeof out->reason);
    out->envelope = query_view(query);
}

enum st_err store_outbox_each(struct store *store, const struct store_outbox_query *which, store_copy_fn fn, void *ctx)
{
    struct query query;
    query_read(&query, store, choose(which));
    bind_which(&query, which);
    while (query_next(&query)) {
        struct store_copy copy;
        read_copy(&query, &copy);
        if (query.err == ST_OK)
            query_told(&query, fn(ctx, &copy));
    }
    return query_close(&query);
}

enum st_err store_outbox_each_due_peer(struct store *store, int64_t now_ms, store_outbox_peer_fn fn, void *ctx)
{
    static const char sql[] =
        "SELECT acct, dev FROM outbox " DUE " WHERE state = 0 AND next_try_at <= ? GROUP BY acct, dev"
        " ORDER BY min(row)";
    struct query query;
    query_read(&query, store, sql);
    query_bind_i64(&query, now_ms);
    while (query_next(&query)) {
        struct store_device to;
        query_device(&query, &to);
        if (query.err == ST_OK)
            query_told(&query, fn(ctx, &to));
    }
    return query_close(&query);
}

enum st_err store_outbox_next_try(struct store *store, int64_t *at_ms_r)
{
    static const char sql[] = "SELECT next_try_at FROM outbox WHERE state = 0 ORDER BY next_try_at LIMIT 1";
    struct query query;
    query_read(&query, store, sql);
    query_first(&query);
    *at_ms_r = query_i64(&query);
    return query_close(&query);
}

enum st_err store_outbox_count(struct store *store, struct store_outbox_counts *out)
{
    static const char sql[] = "SELECT count(*), count(DISTINCT CASE kind WHEN 0 THEN msg_id END),"
                              " ifnull(sum(state = 0), 0), ifnull(sum(state = 1), 0) FROM outbox";
    struct query query;
    query_read(&query, store, sql);
    query_first(&query);
    out->copies = query_u32(&query);
    out->messages = query_u32(&query);
    out->fresh = query_u32(&query);
    out->stored = query_u32(&query);
    return query_close(&query);
}

enum st_err store_outbox_count_session(struct store *store, const uint8_t sid[static STORE_SID_BYTES],
                                       uint32_t *count_r)
{
    static const char sql[] = "SELECT count(*) FROM outbox WHERE kind = 0 AND sid = ?";
    struct query query;
    query_read(&query, store, sql);
    query_bind_bytes(&query, sid, STORE_SID_BYTES);
    query_first(&query);
    *count_r = query_u32(&query);
    return query_close(&query);
}

enum st_err store_outbox_each_item(struct store *store, store_outbox_item_fn fn, void *ctx)
{
    static const char sql[] = "SELECT msg_id, acct, count(*), sum(state = 1), max(attempts), min(queued_at),"
                              " ifnull(min(CASE state WHEN 0 THEN next_try_at END), 0), max(reason) FROM outbox"
                              " WHERE kind = 0 GROUP BY msg_id, acct ORDER BY min(row)";
    struct query query;
    query_read(&query, store, sql);
    while (query_next(&query)) {
        struct store_outbox_item item;
        query_bytes(&query, item.msg_id, STORE_MSG_ID_BYTES);
        query_bytes(&query, item.acct, STORE_ACCT_BYTES);
        item.copies = query_u32(&query);
        item.stored = query_u32(&query);
        item.attempts = query_u32(&query);
        item.queued_at_ms = query_i64(&query);
        item.next_try_at_ms = query_i64(&query);
        query_text(&query, item.reason, sizeof item.reason);
        if (query.err == ST_OK)
            query_told(&query, fn(ctx, &item));
    }
    return query_close(&query);
}
