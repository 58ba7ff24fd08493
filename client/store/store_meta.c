#include "client/store/store_meta.h"

#include <string.h>

#include <sodium.h>

#include "client/store/store_sql.h"
#include "lib/st_hkdf.h"

enum { BIRTH_BYTES = 8, DEVICE_AND_GENERATION_BYTES = STORE_ACCT_BYTES + 4 + 8 };

/* Appends the first row's first column to `out`, and closes. */
static enum st_err append_value(struct query *query, struct st_buf *out)
{
    query_first(query);
    struct st_view value = query_view(query);
    if (query->err == ST_OK)
        query_told(query, st_buf_append(out, value.p, value.len));
    return query_close(query);
}

static void open_meta(struct query *query, struct store *store, enum store_meta key)
{
    static const char sql[] = "SELECT v FROM meta WHERE k = ?";
    query_read(query, store, sql);
    query_bind_i64(query, key);
}

enum st_err store_meta_get(struct store *store, enum store_meta key, struct st_buf *out)
{
    struct query query;
    open_meta(&query, store, key);
    return append_value(&query, out);
}

enum st_err store_meta_get_exact(struct store *store, enum store_meta key, void *out, size_t len)
{
    memset(out, 0, len);
    struct query query;
    open_meta(&query, store, key);
    query_first(&query);
    query_bytes(&query, out, len);
    return query_close(&query);
}

enum st_err store_meta_get_u64(struct store *store, enum store_meta key, uint64_t *value_r)
{
    *value_r = 0;
    struct query query;
    open_meta(&query, store, key);
    if (query_next(&query))
        *value_r = query_u64(&query);
    return query_close(&query);
}

static void open_put(struct query *query, struct store *store, enum store_meta key)
{
    static const char sql[] = "INSERT OR REPLACE INTO meta(k, v) VALUES(?, ?)";
    query_write(query, store, sql);
    query_bind_i64(query, key);
}

enum st_err store_meta_put(struct store *store, enum store_meta key, struct st_view value)
{
    if (value.len > STORE_META_VALUE_MAX)
        return ST_ELIMIT;
    struct query query;
    open_put(&query, store, key);
    query_bind_view(&query, value);
    return query_run(&query);
}

enum st_err store_meta_put_u64(struct store *store, enum store_meta key, uint64_t value)
{
    struct query query;
    open_put(&query, store, key);
    query_bind_u64(&query, value);
    return query_run(&query);
}

enum st_err store_meta_delete(struct store *store, enum store_meta key)
{
    static const char sql[] = "DELETE FROM meta WHERE k = ?";
    struct query query;
    query_write(&query, store, sql);
    query_bind_i64(&query, key);
    return query_run(&query);
}

static bool name_fits(const char *name)
{
    return store_sql_fits(name, STORE_SETTING_NAME_MAX + 1);
}

enum st_err store_setting_get(struct store *store, const char *name, struct st_buf *out)
{
    static const char sql[] = "SELECT v FROM setting WHERE name = ?";
    struct query query;
    query_read(&query, store, sql);
    query_bind_text(&query, name);
    return append_value(&query, out);
}

enum st_err store_setting_put(struct store *store, const char *name, struct st_view value)
{
    static const char sql[] = "INSERT OR REPLACE INTO setting(name, v) VALUES(?, ?)";
    if (!name_fits(name) || value.len > STORE_META_VALUE_MAX)
        return ST_ELIMIT;
    struct query query;
    query_write(&query, store, sql);
    query_bind_text(&query, name);
    query_bind_view(&query, value);
    return query_run(&query);
}

enum st_err store_setting_delete(struct store *store, const char *name)
{
    static const char sql[] = "DELETE FROM setting WHERE name = ?";
    struct query query;
    query_write(&query, store, sql);
    query_bind_text(&query, name);
    return query_run(&query);
}

enum st_err store_secret_get(struct store *store, enum store_secret which, uint8_t **secret_r)
{
    static const char sql[] = "SELECT v FROM secret WHERE k = ?";
    *secret_r = NULL;
    uint8_t *secret = sodium_malloc(STORE_SECRET_BYTES);
    if (secret == NULL)
        return ST_ENOMEM;
    struct query query;
    query_read(&query, store, sql);
    query_bind_i64(&query, which);
    query_first(&query);
    query_bytes(&query, secret, STORE_SECRET_BYTES);
    enum st_err err = query_close(&query);
    if (err == ST_OK)
        *secret_r = secret;
    else
        sodium_free(secret);
    return err;
}

enum st_err store_secret_put(struct store *store, enum store_secret which,
                             const uint8_t secret[static STORE_SECRET_BYTES])
{
    static const char sql[] = "INSERT OR REPLACE INTO secret(k, v) VALUES(?, ?)";
    struct query query;
    query_erase(&query, store, sql);
    query_bind_i64(&query, which);
    query_bind_bytes(&query, secret, STORE_SECRET_BYTES);
    return query_run(&query);
}

enum st_err store_secret_delete(struct store *store, enum store_secret which)
{
    static const char sql[] = "DELETE FROM secret WHERE k = ?";
    struct query query;
    query_erase(&query, store, sql);
    query_bind_i64(&query, which);
    return query_run(&query);
}

enum st_err store_generation_get(struct store *store, uint64_t *generation_r)
{
    return store_meta_get_u64(store, STORE_META_GENERATION, generation_r);
}

enum st_err store_generation_next(struct store *store, uint64_t *generation_r)
{
    uint64_t generation = 0;
    *generation_r = 0;
    enum st_err err = store_generation_get(store, &generation);
    if (err == ST_OK && !store->generation_raised)
        err = store_meta_put_u64(store, STORE_META_GENERATION, ++generation);
    if (err != ST_OK)
        return err;
    store->generation_raised = true;
    *generation_r = generation;
    return ST_OK;
}

void store_generation_tag(const struct store *store, const struct store_device *own, uint64_t generation,
                          uint8_t tag_r[static 32])
{
    uint8_t bytes[DEVICE_AND_GENERATION_BYTES];
    memcpy(bytes, own->acct, STORE_ACCT_BYTES);
    st_put_u32(bytes + STORE_ACCT_BYTES, own->dev);
    st_put_u64(bytes + STORE_ACCT_BYTES + 4, generation);
    struct st_view part = st_view(bytes, sizeof bytes);
    st_hmac_sha256(tag_r, st_view(store->generation_key, ST_SHA256_BYTES), &part, 1);
}

enum st_err store_meta_draw_birth(struct store *store)
{
    uint8_t birth[BIRTH_BYTES];
    st_put_u32(birth, (uint32_t)(st_env_wall_ms(&store->env) / 1000));
    st_env_random(&store->env, birth + 4, 4);
    enum st_err err = store_meta_put(store, STORE_META_BIRTH, st_view(birth, sizeof birth));
    return err == ST_OK ? store_meta_put_u64(store, STORE_META_KNOWN_COUNTER, 0) : err;
}

enum st_err store_wipe_ratchets(struct store *store)
{
    static const char *const deletes[] = {
        "DELETE FROM session", "DELETE FROM peer", "DELETE FROM spk",
        "DELETE FROM opk",     "DELETE FROM ek",   "DELETE FROM exposure",
    };
    enum st_err err = ST_OK;
    for (size_t i = 0; err == ST_OK && i < sizeof deletes / sizeof *deletes; i++) {
        struct query query;
        query_erase(&query, store, deletes[i]);
        err = query_run(&query);
    }
    return err == ST_OK ? store_meta_draw_birth(store) : err;
}
