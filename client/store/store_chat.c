#include "client/store/store_chat.h"

#include <string.h>

#include "client/store/store_sql.h"

#define LAST_ROW "(SELECT m.row FROM message m WHERE m.shown = 1 AND m.chat = c.id ORDER BY m.place DESC LIMIT 1)"
#define UNREAD                                                                                                         \
    "(SELECT count(*) FROM message u WHERE u.shown = 1 AND u.direction = 0 AND u.state < 4 AND u.deleted = 0"          \
    " AND u.chat = c.id)"
#define CHAT_SELECT                                                                                                    \
    "SELECT c.id, c.kind, c.peer, c.name, c.next_seq, " UNREAD " AS unread, l.id,"                                     \
    " CASE WHEN l.row IS NULL THEN c.began_at WHEN l.direction = 0 THEN l.received_at ELSE l.sent_at END AS last_at"   \
    " FROM chat c LEFT JOIN message l ON l.row = " LAST_ROW

static void read_chat(struct query *query, struct store_chat *out)
{
    out->id = query_i64(query);
    out->kind = (enum store_chat_kind)query_u32(query);
    query_bytes(query, out->peer, STORE_ACCT_BYTES);
    query_text(query, out->name, sizeof out->name);
    out->next_seq = query_u64(query);
    out->unread = query_u32(query);
    out->has_last = query_optional_bytes(query, out->last_id, STORE_MSG_ID_BYTES);
    out->last_at_ms = query_i64(query);
}

static enum st_err read_one(struct query *query, struct store_chat *out)
{
    memset(out, 0, sizeof *out);
    query_first(query);
    read_chat(query, out);
    return query_close(query);
}

enum st_err store_chat_get(struct store *store, int64_t chat, struct store_chat *out)
{
    static const char sql[] = CHAT_SELECT " WHERE c.id = ?";
    struct query query;
    query_read(&query, store, sql);
    query_bind_i64(&query, chat);
    return read_one(&query, out);
}

enum st_err store_chat_find(struct store *store, enum store_chat_kind kind, const uint8_t peer[static STORE_ACCT_BYTES],
                            struct store_chat *out)
{
    static const char sql[] = CHAT_SELECT " WHERE c.kind = ? AND c.peer = ?";
    struct query query;
    query_read(&query, store, sql);
    query_bind_i64(&query, kind);
    query_bind_bytes(&query, peer, STORE_ACCT_BYTES);
    return read_one(&query, out);
}

enum st_err store_chat_find_name(struct store *store, enum store_chat_kind kind, const char *name,
                                 struct store_chat *out)
{
    static const char sql[] = CHAT_SELECT " WHERE c.kind = ? AND c.name = ? ORDER BY c.id DESC LIMIT 1";
    struct query query;
    query_read(&query, store, sql);
    query_bind_i64(&query, kind);
    query_bind_text(&query, name);
    return read_one(&query, out);
}

enum st_err store_chat_each(struct store *store, bool unread_only, store_chat_fn fn, void *ctx)
{
    static const char all[] = CHAT_SELECT " WHERE l.row IS NOT NULL ORDER BY last_at DESC, c.id DESC";
    static const char unread[] = CHAT_SELECT " WHERE unread > 0 ORDER BY last_at DESC, c.id DESC";
    struct query query;
    query_read(&query, store, unread_only ? unread : all);
    while (query_next(&query)) {
        struct store_chat chat;
        read_chat(&query, &chat);
        if (query.err == ST_OK)
            query_told(&query, fn(ctx, &chat));
    }
    return query_close(&query);
}

static enum st_err set_name(struct store *store, int64_t chat, const char *name)
{
    static const char sql[] = "UPDATE chat SET name = ? WHERE id = ? AND name <> ?";
    struct query query;
    query_write(&query, store, sql);
    query_bind_text(&query, name);
    query_bind_i64(&query, chat);
    query_bind_text(&query, name);
    return query_run(&query);
}

/* ST_ENOTFOUND: there is none. */
static enum st_err find_id(struct store *store, enum store_chat_kind kind, const uint8_t peer[static STORE_ACCT_BYTES],
                           int64_t *chat_r)
{
    static const char sql[] = "SELECT id FROM chat WHERE kind = ? AND peer = ?";
    struct query query;
    query_read(&query, store, sql);
    query_bind_i64(&query, kind);
    query_bind_bytes(&query, peer, STORE_ACCT_BYTES);
    query_first(&query);
    *chat_r = query_i64(&query);
    return query_close(&query);
}

enum st_err store_chat_open(struct store *store, enum store_chat_kind kind, const uint8_t peer[static STORE_ACCT_BYTES],
                            const char *name, int64_t now_ms, int64_t *chat_r)
{
    static const char sql[] = "INSERT INTO chat(kind, peer, name, next_seq, began_at) VALUES(?, ?, ?, 1, ?)";
    *chat_r = 0;
    if (!store_sql_fits(name, STORE_NAME_MAX + 1))
        return ST_ELIMIT;
    enum st_err err = find_id(store, kind, peer, chat_r);
    if (err == ST_OK)
        return set_name(store, *chat_r, name);
    if (err != ST_ENOTFOUND)
        return err;
    struct query query;
    query_write(&query, store, sql);
    query_bind_i64(&query, kind);
    query_bind_bytes(&query, peer, STORE_ACCT_BYTES);
    query_bind_text(&query, name);
    query_bind_i64(&query, now_ms);
    err = query_run(&query);
    if (err == ST_OK)
        *chat_r = store_sql_last_row(store);
    return err;
}

enum st_err store_chat_take_seq(struct store *store, int64_t chat, uint64_t *seq_r)
{
    static const char raise[] = "UPDATE chat SET next_seq = next_seq + 1 WHERE id = ?";
    static const char look[] = "SELECT next_seq - 1 FROM chat WHERE id = ?";
    *seq_r = 0;
    struct query query;
    query_write(&query, store, raise);
    query_bind_i64(&query, chat);
    enum st_err err = query_run_changed(&query);
    if (err != ST_OK)
        return err;
    query_read(&query, store, look);
    query_bind_i64(&query, chat);
    query_first(&query);
    *seq_r = query_u64(&query);
    return query_close(&query);
}

enum st_err store_chat_get_shown(struct store *store, int64_t chat, const struct store_device *sender, uint64_t *seq_r)
{
    static const char sql[] = "SELECT seq FROM shown_seq WHERE chat = ? AND acct = ? AND dev = ?";
    *seq_r = 0;
    struct query query;
    query_read(&query, store, sql);
    query_bind_i64(&query, chat);
    query_bind_device(&query, sender);
    if (query_next(&query))
        *seq_r = query_u64(&query);
    return query_close(&query);
}

enum st_err store_chat_set_shown(struct store *store, int64_t chat, const struct store_device *sender, uint64_t seq)
{
    static const char sql[] = "INSERT OR REPLACE INTO shown_seq(chat, acct, dev, seq) VALUES(?, ?, ?, ?)";
    uint64_t shown = 0;
    enum st_err err = store_chat_get_shown(store, chat, sender, &shown);
    if (err != ST_OK || seq <= shown)
        return err;
    struct query query;
    query_write(&query, store, sql);
    query_bind_i64(&query, chat);
    query_bind_device(&query, sender);
    query_bind_u64(&query, seq);
    return query_run(&query);
}

enum st_err store_chat_clear(struct store *store, int64_t chat)
{
    static const char *const deletes[] = {
        "DELETE FROM attachment WHERE message IN (SELECT row FROM message WHERE chat = ?1)",
        "DELETE FROM wire WHERE message IN (SELECT row FROM message WHERE chat = ?1)",
        "DELETE FROM event WHERE type IN (1, 2) AND ref IN (SELECT row FROM message WHERE chat = ?1)",
        "DELETE FROM event WHERE type = 3 AND ref IN (SELECT id FROM gap WHERE chat = ?1)",
        "DELETE FROM event WHERE type = 4 AND ref = ?1",
        "DELETE FROM message WHERE chat = ?1",
        "DELETE FROM gap WHERE chat = ?1",
    };
    enum st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < sizeof deletes / sizeof *deletes; i++) {
        struct query query;
        query_erase(&query, store, deletes[i]);
        query_bind_i64(&query, chat);
        err = query_run(&query);
    }
    return err;
}
