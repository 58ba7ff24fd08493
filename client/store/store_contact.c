#include "client/store/store_contact.h"

#include <string.h>

#include "client/store/store_sql.h"

static bool texts_fit(const struct store_contact *contact)
{
    return store_sql_fits(contact->name, sizeof contact->name) &&
           store_sql_fits(contact->nickname, sizeof contact->nickname) &&
           store_sql_fits(contact->note, sizeof contact->note);
}

enum st_err store_contact_put(struct store *store, const struct store_contact *contact)
{
    static const char update[] = "UPDATE contact SET name = ?, ak = ?, trust = ?, relation = ?, nickname = ?, note = ?,"
                                 " first_at = ?, requests = ? WHERE acct = ?";
    static const char insert[] = "INSERT INTO contact(name, ak, trust, relation, nickname, note, first_at, requests,"
                                 " acct) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)";
    static const char *const ways[] = { update, insert };
    if (!texts_fit(contact))
        return ST_ELIMIT;
    enum st_err err = ST_ENOTFOUND;
    for (size_t i = 0; err == ST_ENOTFOUND && i < sizeof ways / sizeof *ways; i++) {
        struct query query;
        query_write(&query, store, ways[i]);
        query_bind_text(&query, contact->name);
        query_bind_bytes(&query, contact->ak, sizeof contact->ak);
        query_bind_i64(&query, contact->trust);
        query_bind_i64(&query, contact->relation);
        query_bind_text(&query, contact->nickname);
        query_bind_text(&query, contact->note);
        query_bind_i64(&query, contact->first_at_ms);
        query_bind_i64(&query, contact->request_count);
        query_bind_bytes(&query, contact->acct, STORE_ACCT_BYTES);
        err = query_run_changed(&query);
    }
    return err;
}

#define CONTACT_COLUMNS "acct, name, ak, trust, relation, nickname, note, first_at, requests"

static void read_contact(struct query *query, struct store_contact *out)
{
    query_bytes(query, out->acct, STORE_ACCT_BYTES);
    query_text(query, out->name, sizeof out->name);
    query_bytes(query, out->ak, sizeof out->ak);
    out->trust = (enum store_trust)query_u32(query);
    out->relation = (enum store_relation)query_u32(query);
    query_text(query, out->nickname, sizeof out->nickname);
    query_text(query, out->note, sizeof out->note);
    out->first_at_ms = query_i64(query);
    out->request_count = query_u32(query);
}

enum st_err store_contact_get(struct store *store, const uint8_t acct[static STORE_ACCT_BYTES],
                              struct store_contact *out)
{
    static const char sql[] = "SELECT " CONTACT_COLUMNS " FROM contact WHERE acct = ?";
    struct query query;
    query_read(&query, store, sql);
    query_bind_bytes(&query, acct, STORE_ACCT_BYTES);
    query_first(&query);
    read_contact(&query, out);
    return query_close(&query);
}

enum st_err store_contact_find(struct store *store, const char *name, struct store_contact *out)
{
    static const char sql[] = "SELECT " CONTACT_COLUMNS " FROM contact WHERE name = ?";
    struct query query;
    query_read(&query, store, sql);
    query_bind_text(&query, name);
    query_first(&query);
    read_contact(&query, out);
    return query_close(&query);
}

enum st_err store_contact_each(struct store *store, store_contact_fn fn, void *ctx)
{
    static const char sql[] = "SELECT " CONTACT_COLUMNS " FROM contact ORDER BY name";
    struct query query;
    query_read(&query, store, sql);
    while (query_next(&query)) {
        struct store_contact contact;
        read_contact(&query, &contact);
        if (query.err == ST_OK)
            query_told(&query, fn(ctx, &contact));
    }
    return query_close(&query);
}

/* Sets one number of one contact. */
static enum st_err set_number(struct store *store, const char *sql, int64_t value,
                              const uint8_t acct[static STORE_ACCT_BYTES])
{
    struct query query;
    query_write(&query, store, sql);
    query_bind_i64(&query, value);
    query_bind_bytes(&query, acct, STORE_ACCT_BYTES);
    return query_run_changed(&query);
}

enum st_err store_contact_set_trust(struct store *store, const uint8_t acct[static STORE_ACCT_BYTES],
                                    enum store_trust trust)
{
    static const char sql[] = "UPDATE contact SET trust = ? WHERE acct = ?";
    return set_number(store, sql, trust, acct);
}

enum st_err store_contact_set_relation(struct store *store, const uint8_t acct[static STORE_ACCT_BYTES],
                                       enum store_relation relation)
{
    static const char sql[] = "UPDATE contact SET relation = ? WHERE acct = ?";
    return set_number(store, sql, relation, acct);
}

/* Runs statements whose one parameter is an account. */
static enum st_err run_for_acct(struct store *store, const char *const *statements, size_t count,
                                const uint8_t acct[static STORE_ACCT_BYTES])
{
    enum st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < count; i++) {
        struct query query;
        query_erase(&query, store, statements[i]);
        query_bind_bytes(&query, acct, STORE_ACCT_BYTES);
        err = query_run(&query);
    }
    return err;
}

enum st_err store_contact_delete(struct store *store, const uint8_t acct[static STORE_ACCT_BYTES])
{
    static const char *const deletes[] = {
        "DELETE FROM contact WHERE acct = ?",
        "DELETE FROM pending_key WHERE owner = ?",
        "DELETE FROM device_list WHERE acct = ?",
        "DELETE FROM seen_device WHERE acct = ?",
    };
    return run_for_acct(store, deletes, sizeof deletes / sizeof *deletes, acct);
}

enum st_err store_contact_set_pending(struct store *store, const uint8_t acct[static STORE_ACCT_BYTES],
                                      const struct store_pending_key *pending)
{
    static const char sql[] =
        "INSERT OR REPLACE INTO pending_key(owner, acct, ak, seen_at, list) VALUES(?, ?, ?, ?, ?)";
    if (pending->list_len > sizeof pending->list)
        return ST_ELIMIT;
    enum st_err err = store_contact_set_trust(store, acct, STORE_CHANGED);
    if (err != ST_OK)
        return err;
    struct query query;
    query_write(&query, store, sql);
    query_bind_bytes(&query, acct, STORE_ACCT_BYTES);
    query_bind_bytes(&query, pending->acct, STORE_ACCT_BYTES);
    query_bind_bytes(&query, pending->ak, sizeof pending->ak);
    query_bind_i64(&query, pending->seen_at_ms);
    query_bind_bytes(&query, pending->list, pending->list_len);
    return query_run(&query);
}

enum st_err store_contact_get_pending(struct store *store, const uint8_t acct[static STORE_ACCT_BYTES],
                                      struct store_pending_key *out)
{
    static const char sql[] = "SELECT acct, ak, seen_at, list FROM pending_key WHERE owner = ?";
    memset(out, 0, sizeof *out);
    struct query query;
    query_read(&query, store, sql);
    query_bind_bytes(&query, acct, STORE_ACCT_BYTES);
    query_first(&query);
    query_bytes(&query, out->acct, STORE_ACCT_BYTES);
    query_bytes(&query, out->ak, sizeof out->ak);
    out->seen_at_ms = query_i64(&query);
    struct st_view list = query_view(&query);
    if (query.err == ST_OK && list.len > sizeof out->list)
        query_told(&query, ST_EFOREIGN);
    if (query.err == ST_OK && list.len > 0) {
        memcpy(out->list, list.p, list.len);
        out->list_len = list.len;
    }
    return query_close(&query);
}

enum st_err store_contact_drop_pending(struct store *store, const uint8_t acct[static STORE_ACCT_BYTES])
{
    static const char *const deletes[] = { "DELETE FROM pending_key WHERE owner = ?" };
    return run_for_acct(store, deletes, 1, acct);
}

/* What may already lie under the new account joins the chat of the old one; ?1 is the old, ?2 the new account. */
static enum st_err move_chat(struct store *store, const uint8_t from[static STORE_ACCT_BYTES],
                             const uint8_t to[static STORE_ACCT_BYTES])
{
#define OLD_CHAT "(SELECT id FROM chat WHERE kind = 1 AND peer = ?1)"
#define NEW_CHAT "(SELECT id FROM chat WHERE kind = 1 AND peer = ?2)"
#define BOTH     " AND EXISTS " OLD_CHAT
    static const char *const moves[] = {
        "UPDATE OR IGNORE message SET chat = " OLD_CHAT " WHERE chat = " NEW_CHAT BOTH,
        "UPDATE OR IGNORE shown_seq SET chat = " OLD_CHAT " WHERE chat = " NEW_CHAT BOTH,
        "UPDATE gap SET chat = " OLD_CHAT " WHERE chat = " NEW_CHAT BOTH,
        "UPDATE event SET ref = " OLD_CHAT " WHERE type = 4 AND ref = " NEW_CHAT BOTH,
        "DELETE FROM chat WHERE id = " NEW_CHAT BOTH,
        "UPDATE chat SET peer = ?2 WHERE kind = 1 AND peer = ?1",
    };
    enum st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < sizeof moves / sizeof *moves; i++) {
        struct query query;
        query_write(&query, store, moves[i]);
        query_bind_bytes(&query, from, STORE_ACCT_BYTES);
        query_bind_bytes(&query, to, STORE_ACCT_BYTES);
        err = query_run(&query);
    }
    return err;
}

static enum st_err give_key(struct store *store, const uint8_t acct[static STORE_ACCT_BYTES],
                            const struct store_pending_key *pending, enum store_trust trust)
{
    static const char sql[] = "UPDATE contact SET acct = ?, ak = ?, trust = ? WHERE acct = ?";
    struct query query;
    query_write(&query, store, sql);
    query_bind_bytes(&query, pending->acct, STORE_ACCT_BYTES);
    query_bind_bytes(&query, pending->ak, sizeof pending->ak);
    query_bind_i64(&query, trust);
    query_bind_bytes(&query, acct, STORE_ACCT_BYTES);
    return query_run_changed(&query);
}

enum st_err store_contact_adopt(struct store *store, const uint8_t acct[static STORE_ACCT_BYTES],
                                enum store_trust trust)
{
    static const char *const new_account[] = { "DELETE FROM contact WHERE acct = ?" };
    static const char *const old_account[] = {
        "DELETE FROM pending_key WHERE owner = ?", "DELETE FROM device_list WHERE acct = ?",
        "DELETE FROM session WHERE acct = ?",      "DELETE FROM peer WHERE acct = ?",
        "DELETE FROM outbox WHERE acct = ?",       "DELETE FROM receipt WHERE acct = ?",
    };
    struct store_pending_key pending;
    enum st_err err = store_contact_get_pending(store, acct, &pending);
    if (err == ST_OK)
        err = run_for_acct(store, new_account, 1, pending.acct);
    if (err == ST_OK)
        err = give_key(store, acct, &pending, trust);
    if (err == ST_OK)
        err = move_chat(store, acct, pending.acct);
    if (err == ST_OK)
        err = run_for_acct(store, old_account, sizeof old_account / sizeof *old_account, acct);
    return err;
}
