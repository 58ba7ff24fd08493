#include "client/store/store_prekey.h"

#include "client/store/store_sql.h"
#include "lib/st_wipe.h"

static enum st_err take_ids(struct store *store, enum store_counter counter, uint32_t count, uint32_t *first_r)
{
    *first_r = 0;
    if (count == 0)
        return ST_ELIMIT;
    uint64_t last = 0;
    enum st_err err = store_sql_count_up(store, counter, count, UINT32_MAX, &last);
    if (err == ST_OK)
        *first_r = (uint32_t)(last - count + 1);
    return err;
}

static enum st_err skip_ids(struct store *store, enum store_counter counter, uint32_t id)
{
    uint64_t last = 0;
    enum st_err err = store_sql_count_up(store, counter, 0, UINT32_MAX, &last);
    if (err != ST_OK || last >= id)
        return err;
    return store_sql_count_up(store, counter, id - last, UINT32_MAX, &last);
}

enum st_err store_spk_take_ids(struct store *store, uint32_t count, uint32_t *first_r)
{
    return take_ids(store, STORE_COUNTER_SPK, count, first_r);
}

enum st_err store_opk_take_ids(struct store *store, uint32_t count, uint32_t *first_r)
{
    return take_ids(store, STORE_COUNTER_OPK, count, first_r);
}

enum st_err store_spk_skip_ids(struct store *store, uint32_t id)
{
    return skip_ids(store, STORE_COUNTER_SPK, id);
}

enum st_err store_opk_skip_ids(struct store *store, uint32_t id)
{
    return skip_ids(store, STORE_COUNTER_OPK, id);
}

enum st_err store_spk_put(struct store *store, const struct store_spk *spk)
{
    static const char sql[] = "INSERT INTO spk(id, priv, pub, sig, created_s, confirmed_at, replaced_at)"
                              " VALUES(?, ?, ?, ?, ?, ?, ?)";
    struct query query;
    query_write(&query, store, sql);
    query_bind_i64(&query, spk->id);
    query_bind_bytes(&query, spk->priv, sizeof spk->priv);
    query_bind_bytes(&query, spk->pub, sizeof spk->pub);
    query_bind_bytes(&query, spk->sig, sizeof spk->sig);
    query_bind_i64(&query, spk->created_s);
    query_bind_i64(&query, spk->confirmed_at_ms);
    query_bind_i64(&query, spk->replaced_at_ms);
    return query_run(&query);
}

/* Reads the one row of an open query, and closes. */
static enum st_err read_spk(struct query *query, struct store_spk *out)
{
    query_first(query);
    out->id = query_u32(query);
    query_bytes(query, out->priv, sizeof out->priv);
    query_bytes(query, out->pub, sizeof out->pub);
    query_bytes(query, out->sig, sizeof out->sig);
    out->created_s = query_i64(query);
    out->confirmed_at_ms = query_i64(query);
    out->replaced_at_ms = query_i64(query);
    enum st_err err = query_close(query);
    if (err != ST_OK)
        ST_WIPE(*out);
    return err;
}

enum st_err store_spk_get(struct store *store, uint32_t id, struct store_spk *out)
{
    static const char sql[] = "SELECT id, priv, pub, sig, created_s, confirmed_at, replaced_at FROM spk WHERE id = ?";
    struct query query;
    query_read(&query, store, sql);
    query_bind_i64(&query, id);
    return read_spk(&query, out);
}

enum st_err store_spk_newest(struct store *store, struct store_spk *out)
{
    static const char sql[] = "SELECT id, priv, pub, sig, created_s, confirmed_at, replaced_at FROM spk"
                              " ORDER BY id DESC LIMIT 1";
    struct query query;
    query_read(&query, store, sql);
    return read_spk(&query, out);
}

enum st_err store_spk_confirm(struct store *store, uint32_t id, int64_t now_ms)
{
    static const char confirm[] = "UPDATE spk SET confirmed_at = ? WHERE id = ?";
    static const char replace[] = "UPDATE spk SET replaced_at = ? WHERE id < ? AND replaced_at = 0";
    struct query query;
    query_write(&query, store, confirm);
    query_bind_i64(&query, now_ms);
    query_bind_i64(&query, id);
    enum st_err err = query_run_changed(&query);
    if (err != ST_OK)
        return err;
    query_write(&query, store, replace);
    query_bind_i64(&query, now_ms);
    query_bind_i64(&query, id);
    return query_run(&query);
}

/* The SPK with everything that hangs on it. */
static enum st_err erase_spk(struct store *store, uint32_t id)
{
    static const char opks[] = "DELETE FROM opk WHERE spk = ?";
    static const char eks[] = "DELETE FROM ek WHERE spk = ?";
    static const char spks[] = "DELETE FROM spk WHERE id = ?";
    static const char *const deletes[] = { opks, eks, spks };
    enum st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < sizeof deletes / sizeof *deletes; i++) {
        struct query query;
        query_erase(&query, store, deletes[i]);
        query_bind_i64(&query, id);
        err = query_run(&query);
    }
    return err;
}

enum st_err store_spk_expire(struct store *store, int64_t before_ms, store_spk_fn fn, void *ctx)
{
    static const char sql[] = "SELECT id FROM spk WHERE replaced_at > 0 AND replaced_at < ? ORDER BY id LIMIT 1";
    enum st_err err = ST_OK;
    while (err == ST_OK) {
        struct query query;
        query_read(&query, store, sql);
        query_bind_i64(&query, before_ms);
        query_first(&query);
        uint32_t id = query_u32(&query);
        err = query_close(&query);
        if (err == ST_OK && fn != NULL)
            err = fn(ctx, id);
        if (err == ST_OK)
            err = erase_spk(store, id);
    }
    return err == ST_ENOTFOUND ? ST_OK : err;
}

static enum st_err count_rows(struct store *store, const char *sql, uint32_t *count_r)
{
    struct query query;
    query_read(&query, store, sql);
    query_first(&query);
    *count_r = query_u32(&query);
    return query_close(&query);
}

enum st_err store_spk_count(struct store *store, uint32_t *count_r)
{
    static const char sql[] = "SELECT count(*) FROM spk";
    return count_rows(store, sql, count_r);
}

enum st_err store_opk_put(struct store *store, const struct store_opk *opk)
{
    static const char sql[] = "INSERT INTO opk(id, spk, priv, pub, uploaded) VALUES(?, ?, ?, ?, ?)";
    struct query query;
    query_write(&query, store, sql);
    query_bind_i64(&query, opk->id);
    query_bind_i64(&query, opk->spk_id);
    query_bind_bytes(&query, opk->priv, sizeof opk->priv);
    query_bind_bytes(&query, opk->pub, sizeof opk->pub);
    query_bind_i64(&query, opk->uploaded);
    return query_run(&query);
}

static void read_opk(struct query *query, struct store_opk *out)
{
    out->id = query_u32(query);
    out->spk_id = query_u32(query);
    query_bytes(query, out->priv, sizeof out->priv);
    query_bytes(query, out->pub, sizeof out->pub);
    out->uploaded = query_bool(query);
}

enum st_err store_opk_get(struct store *store, uint32_t id, struct store_opk *out)
{
    static const char sql[] = "SELECT id, spk, priv, pub, uploaded FROM opk WHERE id = ?";
    struct query query;
    query_read(&query, store, sql);
    query_bind_i64(&query, id);
    query_first(&query);
    read_opk(&query, out);
    enum st_err err = query_close(&query);
    if (err != ST_OK)
        ST_WIPE(*out);
    return err;
}

enum st_err store_opk_delete(struct store *store, uint32_t id)
{
    static const char sql[] = "DELETE FROM opk WHERE id = ?";
    struct query query;
    query_erase(&query, store, sql);
    query_bind_i64(&query, id);
    return query_run_changed(&query);
}

enum st_err store_opk_uploaded(struct store *store, uint32_t up_to_id)
{
    static const char sql[] = "UPDATE opk SET uploaded = 1 WHERE id <= ? AND uploaded = 0";
    struct query query;
    query_write(&query, store, sql);
    query_bind_i64(&query, up_to_id);
    return query_run(&query);
}

enum st_err store_opk_count(struct store *store, uint32_t *count_r)
{
    static const char sql[] = "SELECT count(*) FROM opk";
    return count_rows(store, sql, count_r);
}

enum st_err store_opk_each_new(struct store *store, uint32_t limit, store_opk_fn fn, void *ctx)
{
    static const char sql[] = "SELECT id, spk, priv, pub, uploaded FROM opk WHERE uploaded = 0 ORDER BY id LIMIT ?";
    struct query query;
    query_read(&query, store, sql);
    query_bind_i64(&query, limit);
    struct store_opk opk;
    while (query_next(&query)) {
        read_opk(&query, &opk);
        if (query.err == ST_OK)
            query_told(&query, fn(ctx, &opk));
    }
    ST_WIPE(opk);
    return query_close(&query);
}

enum st_err store_ek_add(struct store *store, uint32_t spk_id, const uint8_t hash[static STORE_HASH_BYTES])
{
    static const char sql[] = "INSERT INTO ek(hash, spk) VALUES(?, ?)";
    struct query query;
    query_write(&query, store, sql);
    query_bind_bytes(&query, hash, STORE_HASH_BYTES);
    query_bind_i64(&query, spk_id);
    return query_run(&query);
}

enum st_err store_ek_seen(struct store *store, const uint8_t hash[static STORE_HASH_BYTES], bool *seen_r)
{
    static const char sql[] = "SELECT 1 FROM ek WHERE hash = ?";
    struct query query;
    query_read(&query, store, sql);
    query_bind_bytes(&query, hash, STORE_HASH_BYTES);
    *seen_r = query_next(&query);
    return query_close(&query);
}
