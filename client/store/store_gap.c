#include "client/store/store_gap.h"

#include <string.h>

#include "client/store/store_sql.h"

#define NEAR(relation, direction)                                                                                      \
    "(SELECT m.id FROM message m WHERE m.shown = 1 AND m.chat = g.chat AND m.place " relation " g.place"               \
    " ORDER BY m.place " direction " LIMIT 1)"
#define GAP_SELECT                                                                                                     \
    "SELECT g.id, g.chat, g.acct, g.dev, g.first_seq, g.last_seq, g.place, g.asked_at, " NEAR("<", "DESC") ", " NEAR(  \
        ">", "ASC") " FROM gap g"

static void read_gap(struct query *query, struct store_gap *out)
{
    out->id = query_i64(query);
    out->chat = query_i64(query);
    query_device(query, &out->sender);
    out->first_seq = query_u64(query);
    out->last_seq = query_u64(query);
    out->order = query_u64(query);
    out->asked_at_ms = query_i64(query);
    out->has_after = query_optional_bytes(query, out->after_id, STORE_MSG_ID_BYTES);
    out->has_before = query_optional_bytes(query, out->before_id, STORE_MSG_ID_BYTES);
}

static enum st_err insert(struct store *store, const struct store_gap *gap, uint64_t place)
{
    static const char sql[] = "INSERT INTO gap(chat, acct, dev, first_seq, last_seq, place, asked_at)"
                              " VALUES(?, ?, ?, ?, ?, ?, ?)";
    struct query query;
    query_write(&query, store, sql);
    query_bind_i64(&query, gap->chat);
    query_bind_device(&query, &gap->sender);
    query_bind_u64(&query, gap->first_seq);
    query_bind_u64(&query, gap->last_seq);
    query_bind_u64(&query, place);
    query_bind_i64(&query, gap->asked_at_ms);
    return query_run(&query);
}

static enum st_err add_event(struct store *store, int64_t id, int64_t now_ms)
{
    static const char sql[] = "INSERT INTO event(type, ref, at, body) VALUES(3, ?, ?, x'')";
    struct query query;
    query_write(&query, store, sql);
    query_bind_i64(&query, id);
    query_bind_i64(&query, now_ms);
    return query_run(&query);
}

enum st_err store_gap_add(struct store *store, const struct store_gap *gap, int64_t now_ms, int64_t *id_r)
{
    *id_r = 0;
    if (gap->last_seq < gap->first_seq)
        return ST_EMALFORMED;
    uint64_t place = 0;
    enum st_err err = store_sql_count_up(store, STORE_COUNTER_ORDER, 1, INT64_MAX, &place);
    if (err == ST_OK)
        err = insert(store, gap, place);
    if (err != ST_OK)
        return err;
    *id_r = store_sql_last_row(store);
    return add_event(store, *id_r, now_ms);
}

enum st_err store_gap_asked(struct store *store, int64_t id, int64_t at_ms)
{
    static const char sql[] = "UPDATE gap SET asked_at = ? WHERE id = ?";
    struct query query;
    query_write(&query, store, sql);
    query_bind_i64(&query, at_ms);
    query_bind_i64(&query, id);
    return query_run_changed(&query);
}

static enum st_err find_around(struct store *store, int64_t chat, const struct store_device *sender, uint64_t seq,
                               struct store_gap *out)
{
    static const char sql[] = GAP_SELECT " WHERE g.chat = ?1 AND g.acct = ?2 AND g.dev = ?3 AND g.first_seq <= ?4"
                                         " AND g.last_seq >= ?4 LIMIT 1";
    struct query query;
    query_read(&query, store, sql);
    query_bind_i64(&query, chat);
    query_bind_device(&query, sender);
    query_bind_u64(&query, seq);
    query_first(&query);
    read_gap(&query, out);
    return query_close(&query);
}

static enum st_err set_range(struct store *store, int64_t id, uint64_t first_seq, uint64_t last_seq)
{
    static const char sql[] = "UPDATE gap SET first_seq = ?, last_seq = ? WHERE id = ?";
    struct query query;
    query_write(&query, store, sql);
    query_bind_u64(&query, first_seq);
    query_bind_u64(&query, last_seq);
    query_bind_i64(&query, id);
    return query_run(&query);
}

static enum st_err erase(struct store *store, int64_t id)
{
    static const char sql[] = "DELETE FROM gap WHERE id = ?";
    struct query query;
    query_write(&query, store, sql);
    query_bind_i64(&query, id);
    return query_run(&query);
}

/* `seq` lies inside, at neither end. */
static enum st_err split(struct store *store, const struct store_gap *gap, uint64_t seq)
{
    enum st_err err = set_range(store, gap->id, gap->first_seq, seq - 1);
    if (err != ST_OK)
        return err;
    struct store_gap rest = *gap;
    rest.first_seq = seq + 1;
    return insert(store, &rest, gap->order);
}

enum st_err store_gap_fill(struct store *store, int64_t chat, const struct store_device *sender, uint64_t seq,
                           bool *was_gap_r)
{
    *was_gap_r = false;
    struct store_gap gap;
    enum st_err err = find_around(store, chat, sender, seq, &gap);
    if (err != ST_OK)
        return err == ST_ENOTFOUND ? ST_OK : err;
    if (gap.first_seq == gap.last_seq)
        err = erase(store, gap.id);
    else if (seq == gap.first_seq)
        err = set_range(store, gap.id, seq + 1, gap.last_seq);
    else if (seq == gap.last_seq)
        err = set_range(store, gap.id, gap.first_seq, seq - 1);
    else
        err = split(store, &gap, seq);
    *was_gap_r = err == ST_OK;
    return err;
}

enum st_err store_gap_get(struct store *store, int64_t id, struct store_gap *out)
{
    static const char sql[] = GAP_SELECT " WHERE g.id = ?";
    memset(out, 0, sizeof *out);
    struct query query;
    query_read(&query, store, sql);
    query_bind_i64(&query, id);
    query_first(&query);
    read_gap(&query, out);
    return query_close(&query);
}

enum st_err store_gap_each(struct store *store, int64_t chat, store_gap_fn fn, void *ctx)
{
    static const char of_all[] = GAP_SELECT " ORDER BY g.place, g.first_seq";
    static const char of_chat[] = GAP_SELECT " WHERE g.chat = ? ORDER BY g.place, g.first_seq";
    struct query query;
    query_read(&query, store, chat == 0 ? of_all : of_chat);
    if (chat != 0)
        query_bind_i64(&query, chat);
    while (query_next(&query)) {
        struct store_gap gap;
        read_gap(&query, &gap);
        if (query.err == ST_OK)
            query_told(&query, fn(ctx, &gap));
    }
    return query_close(&query);
}
