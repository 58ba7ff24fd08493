#include "client/store/store_message.h"

#include <string.h>

#include "client/store/store_sql.h"

enum { ID_HEX_CHARS = 2 * STORE_MSG_ID_BYTES };

#define MESSAGE_COLUMNS                                                                                                \
    "row, id, chat, acct, dev, direction, kind, seq, sent_at, received_at, state, shown, deleted, place,"              \
    " (SELECT count(*) FROM attachment a WHERE a.message = m.row), reason, text"
#define MESSAGE_SELECT "SELECT " MESSAGE_COLUMNS " FROM message m"

/* `out->text` is borrowed from the row. */
static void read_message(struct query *query, struct store_message *out)
{
    out->row = query_i64(query);
    query_bytes(query, out->id, STORE_MSG_ID_BYTES);
    out->chat = query_i64(query);
    query_device(query, &out->sender);
    out->direction = query_bool(query) ? STORE_OUT : STORE_IN;
    out->kind = (enum store_message_kind)query_u32(query);
    out->seq = query_u64(query);
    out->sent_at_ms = query_i64(query);
    out->received_at_ms = query_i64(query);
    out->state = (enum store_state)query_u32(query);
    out->shown = query_bool(query);
    out->deleted = query_bool(query);
    out->order = query_u64(query);
    out->attachments = query_u32(query);
    query_text(query, out->reason, sizeof out->reason);
    out->text = query_view(query);
}

/* Tells fn every row of an open query, and closes. */
static enum st_err tell_rows(struct query *query, store_message_fn fn, void *ctx)
{
    while (query_next(query)) {
        struct store_message message;
        read_message(query, &message);
        if (query->err == ST_OK)
            query_told(query, fn(ctx, &message));
    }
    return query_close(query);
}

static enum st_err take_place(struct store *store, uint64_t *place_r)
{
    return store_sql_count_up(store, STORE_COUNTER_ORDER, 1, INT64_MAX, place_r);
}

/* The event of an incoming message that is shown now. */
static enum st_err add_event(struct store *store, int64_t row)
{
    static const char sql[] = "INSERT INTO event(type, ref, at, body) SELECT 1, row, received_at, x'' FROM message"
                              " WHERE row = ? AND direction = 0";
    struct query query;
    query_write(&query, store, sql);
    query_bind_i64(&query, row);
    return query_run(&query);
}

static enum st_err chat_exists(struct store *store, int64_t chat)
{
    static const char sql[] = "SELECT 1 FROM chat WHERE id = ?";
    struct query query;
    query_read(&query, store, sql);
    query_bind_i64(&query, chat);
    query_first(&query);
    return query_close(&query);
}

static enum st_err insert(struct store *store, const struct store_message *message, uint64_t place)
{
    static const char sql[] = "INSERT INTO message(id, chat, acct, dev, direction, kind, seq, sent_at, received_at,"
                              " state, shown, deleted, place, reason, text)"
                              " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    struct query query;
    query_write(&query, store, sql);
    query_bind_bytes(&query, message->id, STORE_MSG_ID_BYTES);
    query_bind_i64(&query, message->chat);
    query_bind_device(&query, &message->sender);
    query_bind_i64(&query, message->direction);
    query_bind_i64(&query, message->kind);
    query_bind_u64(&query, message->seq);
    query_bind_i64(&query, message->sent_at_ms);
    query_bind_i64(&query, message->received_at_ms);
    query_bind_i64(&query, message->state);
    query_bind_i64(&query, message->shown);
    query_bind_i64(&query, message->deleted);
    query_bind_u64(&query, place);
    query_bind_text(&query, message->reason);
    query_bind_text_view(&query, message->text);
    return query_run(&query);
}

enum st_err store_message_add(struct store *store, const struct store_message *message, int64_t *row_r)
{
    *row_r = 0;
    if (message->text.len > STORE_TEXT_MAX || !store_sql_fits(message->reason, sizeof message->reason))
        return ST_ELIMIT;
    enum st_err err = store_message_find(store, message->chat, message->sender.acct, message->id, row_r);
    if (err != ST_ENOTFOUND)
        return err == ST_OK ? ST_EEXISTS : err;
    uint64_t place = 0;
    err = chat_exists(store, message->chat);
    if (err == ST_OK && message->shown)
        err = take_place(store, &place);
    if (err == ST_OK)
        err = insert(store, message, place);
    if (err != ST_OK)
        return err;
    *row_r = store_sql_last_row(store);
    return message->shown ? add_event(store, *row_r) : ST_OK;
}

enum st_err store_message_show(struct store *store, int64_t row)
{
    static const char look[] = "SELECT shown FROM message WHERE row = ?";
    static const char show[] = "UPDATE message SET shown = 1, place = ? WHERE row = ?";
    struct query query;
    query_read(&query, store, look);
    query_bind_i64(&query, row);
    query_first(&query);
    bool shown = query_bool(&query);
    enum st_err err = query_close(&query);
    if (err != ST_OK || shown)
        return err;
    uint64_t place = 0;
    err = take_place(store, &place);
    if (err != ST_OK)
        return err;
    query_write(&query, store, show);
    query_bind_u64(&query, place);
    query_bind_i64(&query, row);
    err = query_run(&query);
    return err == ST_OK ? add_event(store, row) : err;
}

enum st_err store_message_get(struct store *store, int64_t row, struct store_message *out, struct st_buf *text)
{
    static const char sql[] = MESSAGE_SELECT " WHERE row = ?";
    memset(out, 0, sizeof *out);
    struct query query;
    query_read(&query, store, sql);
    query_bind_i64(&query, row);
    query_first(&query);
    read_message(&query, out);
    struct st_view borrowed = out->text;
    out->text = st_view(NULL, 0);
    size_t at = text->len;
    if (query.err == ST_OK)
        query_told(&query, st_buf_append(text, borrowed.p, borrowed.len));
    if (query.err == ST_OK && borrowed.len > 0)
        out->text = st_view(text->p + at, borrowed.len);
    return query_close(&query);
}

/* Reads the one row number of an open query, and closes. */
static enum st_err read_row(struct query *query, int64_t *row_r)
{
    query_first(query);
    *row_r = query_i64(query);
    return query_close(query);
}

enum st_err store_message_find(struct store *store, int64_t chat, const uint8_t sender[static STORE_ACCT_BYTES],
                               const uint8_t id[static STORE_MSG_ID_BYTES], int64_t *row_r)
{
    static const char sql[] = "SELECT row FROM message WHERE id = ? AND chat = ? AND acct = ?";
    struct query query;
    query_read(&query, store, sql);
    query_bind_bytes(&query, id, STORE_MSG_ID_BYTES);
    query_bind_i64(&query, chat);
    query_bind_bytes(&query, sender, STORE_ACCT_BYTES);
    return read_row(&query, row_r);
}

enum st_err store_message_find_own(struct store *store, const uint8_t id[static STORE_MSG_ID_BYTES], int64_t *row_r)
{
    static const char sql[] = "SELECT row FROM message WHERE id = ? AND direction = 1 ORDER BY row LIMIT 1";
    struct query query;
    query_read(&query, store, sql);
    query_bind_bytes(&query, id, STORE_MSG_ID_BYTES);
    return read_row(&query, row_r);
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The lowest and the highest id that begin with these digits. */
static enum st_err prefix_range(struct st_view hex, uint8_t low[static STORE_MSG_ID_BYTES],
                                uint8_t high[static STORE_MSG_ID_BYTES])
{
    memset(low, 0x00, STORE_MSG_ID_BYTES);
    memset(high, 0xff, STORE_MSG_ID_BYTES);
    if (hex.len < STORE_PREFIX_HEX_MIN || hex.len > ID_HEX_CHARS)
        return ST_EMALFORMED;
    for (size_t i = 0; i < hex.len; i++) {
        int digit = hex_digit(hex.p[i]);
        if (digit < 0)
            return ST_EMALFORMED;
        unsigned shift = i % 2 == 0 ? 4 : 0;
        unsigned keep = 0xfu << (4 - shift);
        low[i / 2] = (uint8_t)((low[i / 2] & keep) | ((unsigned)digit << shift));
        high[i / 2] = (uint8_t)((high[i / 2] & keep) | ((unsigned)digit << shift));
    }
    return ST_OK;
}

enum st_err store_message_find_prefix(struct store *store, struct st_view hex, uint32_t limit, store_message_fn fn,
                                      void *ctx)
{
    static const char sql[] = MESSAGE_SELECT " WHERE id BETWEEN ? AND ? AND shown = 1 ORDER BY place DESC LIMIT ?";
    uint8_t low[STORE_MSG_ID_BYTES];
    uint8_t high[STORE_MSG_ID_BYTES];
    enum st_err err = prefix_range(hex, low, high);
    if (err != ST_OK)
        return err;
    struct query query;
    query_read(&query, store, sql);
    query_bind_bytes(&query, low, sizeof low);
    query_bind_bytes(&query, high, sizeof high);
    query_bind_i64(&query, limit);
    return tell_rows(&query, fn, ctx);
}

/* The statements of store_message_each: [unread only][of one chat][the last so many]. */
#define AT                "CASE direction WHEN 0 THEN received_at ELSE sent_at END"
#define IN_TIME           " AND (?1 = 0 OR " AT " >= ?1) AND (?2 = 0 OR " AT " < ?2)"
#define OF_CHAT           " AND chat = ?3"
#define OF_ALL            " AND ?3 = 0"
#define IS_UNREAD         " AND direction = 0 AND state < 4 AND deleted = 0"
#define FIRST(conditions) MESSAGE_SELECT " WHERE shown = 1" conditions IN_TIME " AND ?4 = 0 ORDER BY place"
#define LAST(conditions)                                                                                               \
    "SELECT * FROM (" MESSAGE_SELECT " WHERE shown = 1" conditions IN_TIME                                             \
    " ORDER BY place DESC LIMIT ?4) ORDER BY place"
static const char *const each_sql[2][2][2] = {
    { { FIRST(OF_ALL), LAST(OF_ALL) }, { FIRST(OF_CHAT), LAST(OF_CHAT) } },
    { { FIRST(OF_ALL IS_UNREAD), LAST(OF_ALL IS_UNREAD) }, { FIRST(OF_CHAT IS_UNREAD), LAST(OF_CHAT IS_UNREAD) } },
};

enum st_err store_message_each(struct store *store, const struct store_message_query *which, store_message_fn fn,
                               void *ctx)
{
    struct query query;
    query_read(&query, store, each_sql[which->unread_only][which->chat != 0][which->last != 0]);
    query_bind_i64(&query, which->since_ms);
    query_bind_i64(&query, which->before_ms);
    query_bind_i64(&query, which->chat);
    query_bind_i64(&query, which->last);
    return tell_rows(&query, fn, ctx);
}

enum st_err store_message_each_held(struct store *store, int64_t chat, const struct store_device *sender,
                                    store_message_fn fn, void *ctx)
{
    static const char of_all[] = MESSAGE_SELECT " WHERE shown = 0 ORDER BY chat, acct, dev, seq";
    static const char of_chat[] = MESSAGE_SELECT " WHERE shown = 0 AND chat = ? ORDER BY acct, dev, seq";
    static const char of_sender[] =
        MESSAGE_SELECT " WHERE shown = 0 AND chat = ? AND acct = ? AND dev = ? ORDER BY seq";
    struct query query;
    query_read(&query, store, chat == 0 ? of_all : sender == NULL ? of_chat : of_sender);
    if (chat != 0)
        query_bind_i64(&query, chat);
    if (chat != 0 && sender != NULL)
        query_bind_device(&query, sender);
    return tell_rows(&query, fn, ctx);
}

static enum st_err read_state(struct store *store, int64_t row, enum store_state *state_r)
{
    static const char sql[] = "SELECT state FROM message WHERE row = ?";
    struct query query;
    query_read(&query, store, sql);
    query_bind_i64(&query, row);
    query_first(&query);
    *state_r = (enum store_state)query_u32(&query);
    return query_close(&query);
}

static enum st_err write_state(struct store *store, int64_t row, enum store_state state, const char *reason)
{
    static const char sql[] = "UPDATE message SET state = ?, reason = ? WHERE row = ?";
    struct query query;
    query_write(&query, store, sql);
    query_bind_i64(&query, state);
    query_bind_text(&query, reason);
    query_bind_i64(&query, row);
    return query_run(&query);
}

enum st_err store_message_set_state(struct store *store, int64_t row, enum store_state state, const char *reason,
                                    bool *changed_r)
{
    bool ignored;
    bool *changed = changed_r == NULL ? &ignored : changed_r;
    *changed = false;
    if (reason != NULL && !store_sql_fits(reason, STORE_REASON_MAX + 1))
        return ST_ELIMIT;
    enum store_state now = STORE_STATE_QUEUED;
    enum st_err err = read_state(store, row, &now);
    if (err != ST_OK || state <= now)
        return err;
    err = write_state(store, row, state, state == STORE_STATE_FAILED && reason != NULL ? reason : "");
    *changed = err == ST_OK;
    return err;
}

enum st_err store_message_requeue(struct store *store, int64_t row)
{
    enum store_state now = STORE_STATE_QUEUED;
    enum st_err err = read_state(store, row, &now);
    if (err != ST_OK)
        return err;
    return now == STORE_STATE_FAILED ? write_state(store, row, STORE_STATE_QUEUED, "") : ST_EREFUSED;
}

/* Marks the first unread message behind place `*after` as read and tells fn; ST_ENOTFOUND at the end. */
static enum st_err read_next(struct store *store, int64_t chat, uint64_t *after, uint64_t up_to, store_message_fn fn,
                             void *ctx)
{
    static const char sql[] =
        MESSAGE_SELECT " WHERE shown = 1 AND chat = ? AND place > ? AND place <= ?" IS_UNREAD " ORDER BY place LIMIT 1";
    struct query query;
    query_read(&query, store, sql);
    query_bind_i64(&query, chat);
    query_bind_u64(&query, *after);
    query_bind_u64(&query, up_to);
    query_first(&query);
    struct store_message message;
    read_message(&query, &message);
    if (query.err == ST_OK)
        query_told(&query, write_state(store, message.row, STORE_STATE_READ, ""));
    if (query.err == ST_OK && fn != NULL)
        query_told(&query, fn(ctx, &message));
    *after = message.order;
    return query_close(&query);
}

enum st_err store_message_mark_read(struct store *store, int64_t chat, uint64_t order, store_message_fn fn, void *ctx)
{
    uint64_t up_to = order > INT64_MAX ? INT64_MAX : order;
    uint64_t after = 0;
    enum st_err err = ST_OK;
    while (err == ST_OK)
        err = read_next(store, chat, &after, up_to, fn, ctx);
    return err == ST_ENOTFOUND ? ST_OK : err;
}

enum st_err store_message_delete(struct store *store, int64_t row)
{
    static const char *const statements[] = {
        "UPDATE message SET deleted = 1, text = '', reason = '' WHERE row = ?",
        "DELETE FROM attachment WHERE message = ?",
        "DELETE FROM wire WHERE message = ?",
    };
    enum st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < sizeof statements / sizeof *statements; i++) {
        struct query query;
        query_erase(&query, store, statements[i]);
        query_bind_i64(&query, row);
        err = i == 0 ? query_run_changed(&query) : query_run(&query);
    }
    return err;
}

enum st_err store_message_count_unread(struct store *store, uint64_t *count_r)
{
    static const char sql[] = "SELECT count(*) FROM message WHERE shown = 1" IS_UNREAD;
    struct query query;
    query_read(&query, store, sql);
    query_first(&query);
    *count_r = query_u64(&query);
    return query_close(&query);
}
