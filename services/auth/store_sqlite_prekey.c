#include "services/auth/store_sqlite_db.h"

static enum st_err opk_put(void *ctx, const uint8_t *acct, uint32_t dev, const struct auth_opk *opk)
{
    struct auth_query query;
    auth_query_open(&query, ctx, AUTH_SQL_OPK_PUT);
    auth_query_bytes(&query, acct, ST_ACCT_LEN);
    auth_query_uint(&query, dev);
    auth_query_uint(&query, opk->id);
    auth_query_bytes(&query, opk->pub, sizeof opk->pub);
    return auth_query_run(&query, NULL);
}

static enum st_err opk_count(void *ctx, const uint8_t *acct, uint32_t dev, uint64_t *count_r)
{
    struct auth_query query;
    *count_r = 0;
    auth_query_open(&query, ctx, AUTH_SQL_OPK_COUNT);
    auth_query_bytes(&query, acct, ST_ACCT_LEN);
    auth_query_uint(&query, dev);
    if (auth_query_step(&query))
        *count_r = auth_query_get_uint(&query, INT64_MAX);
    return auth_query_finish(&query);
}

static enum st_err opk_first(void *ctx, const uint8_t *acct, uint32_t dev, struct auth_opk *opk_r)
{
    struct auth_query query;
    auth_query_open(&query, ctx, AUTH_SQL_OPK_FIRST);
    auth_query_bytes(&query, acct, ST_ACCT_LEN);
    auth_query_uint(&query, dev);
    bool found = auth_query_step(&query);
    if (found) {
        opk_r->id = (uint32_t)auth_query_get_uint(&query, UINT32_MAX);
        auth_query_get_bytes(&query, opk_r->pub, sizeof opk_r->pub);
    }
    enum st_err err = auth_query_finish(&query);
    return err == ST_OK && !found ? ST_ENOTFOUND : err;
}

static enum st_err opk_take(void *ctx, const uint8_t *acct, uint32_t dev, struct auth_opk *opk_r)
{
    struct auth_query query;
    bool own;
    memset(opk_r, 0, sizeof *opk_r);
    enum st_err err = auth_sqlite_enter(ctx, &own);
    if (err != ST_OK)
        return err;
    err = opk_first(ctx, acct, dev, opk_r);
    if (err == ST_OK) {
        auth_query_open(&query, ctx, AUTH_SQL_OPK_DELETE);
        auth_query_bytes(&query, acct, ST_ACCT_LEN);
        auth_query_uint(&query, dev);
        auth_query_uint(&query, opk_r->id);
        err = auth_query_run(&query, NULL);
    }
    err = auth_sqlite_leave(ctx, own, err);
    if (err != ST_OK)
        memset(opk_r, 0, sizeof *opk_r);
    return err;
}

static enum st_err grant_insert(void *ctx, const struct auth_grant *grant)
{
    struct auth_query query;
    auth_query_open(&query, ctx, AUTH_SQL_GRANT_INSERT);
    auth_query_bytes(&query, grant->target, sizeof grant->target);
    auth_query_uint(&query, grant->dev);
    auth_query_bytes(&query, grant->requester, sizeof grant->requester);
    auth_query_uint(&query, grant->day);
    auth_query_bytes(&query, grant->nonce, sizeof grant->nonce);
    auth_query_uint(&query, grant->opk.id);
    auth_query_bytes(&query, grant->opk.pub, sizeof grant->opk.pub);
    return auth_query_run(&query, NULL);
}

static enum st_err grant_get(void *ctx, struct auth_grant *grant)
{
    struct auth_query query;
    memset(grant->nonce, 0, sizeof grant->nonce);
    memset(&grant->opk, 0, sizeof grant->opk);
    auth_query_open(&query, ctx, AUTH_SQL_GRANT_GET);
    auth_query_bytes(&query, grant->target, sizeof grant->target);
    auth_query_uint(&query, grant->dev);
    auth_query_bytes(&query, grant->requester, sizeof grant->requester);
    auth_query_uint(&query, grant->day);
    bool found = auth_query_step(&query);
    if (found) {
        auth_query_get_bytes(&query, grant->nonce, sizeof grant->nonce);
        grant->opk.id = (uint32_t)auth_query_get_uint(&query, UINT32_MAX);
        auth_query_get_bytes(&query, grant->opk.pub, sizeof grant->opk.pub);
    }
    enum st_err err = auth_query_finish(&query);
    return err == ST_OK && !found ? ST_ENOTFOUND : err;
}

static enum st_err grant_targets(void *ctx, const struct auth_grant *grant, bool *known_r, uint64_t *others_r)
{
    struct auth_query query;
    *known_r = false;
    *others_r = 0;
    auth_query_open(&query, ctx, AUTH_SQL_GRANT_TARGETS);
    auth_query_bytes(&query, grant->target, sizeof grant->target);
    auth_query_bytes(&query, grant->requester, sizeof grant->requester);
    auth_query_uint(&query, grant->day);
    if (auth_query_step(&query)) {
        *others_r = auth_query_get_uint(&query, INT64_MAX);
        *known_r = auth_query_get_uint(&query, INT64_MAX) > 0;
    }
    return auth_query_finish(&query);
}

static enum st_err offer_put(void *ctx, const struct auth_offer *offer)
{
    struct auth_query query;
    auth_query_open(&query, ctx, AUTH_SQL_OFFER_PUT);
    auth_query_bytes(&query, offer->acct, sizeof offer->acct);
    auth_query_uint(&query, offer->dev);
    auth_query_bytes(&query, offer->dsk, sizeof offer->dsk);
    auth_query_bytes(&query, offer->dik, sizeof offer->dik);
    auth_query_bytes(&query, offer->accept, sizeof offer->accept);
    auth_query_bytes(&query, offer->tag, sizeof offer->tag);
    auth_query_text(&query, auth_text_view(&offer->name));
    auth_query_int(&query, offer->expires_ms);
    return auth_query_run(&query, NULL);
}

static void get_offer(struct auth_query *query, struct auth_offer *offer)
{
    memset(offer, 0, sizeof *offer);
    auth_query_get_bytes(query, offer->acct, sizeof offer->acct);
    offer->dev = (uint32_t)auth_query_get_uint(query, UINT32_MAX);
    auth_query_get_bytes(query, offer->dsk, sizeof offer->dsk);
    auth_query_get_bytes(query, offer->dik, sizeof offer->dik);
    auth_query_get_bytes(query, offer->accept, sizeof offer->accept);
    auth_query_get_bytes(query, offer->tag, sizeof offer->tag);
    auth_query_get_text(query, &offer->name);
    offer->expires_ms = auth_query_get_int(query);
}

static enum st_err offer_all(void *ctx, const uint8_t *acct, int64_t now_ms, struct auth_offer *offers_r,
                             size_t *count_r)
{
    struct auth_query query;
    size_t count = 0;
    *count_r = 0;
    auth_query_open(&query, ctx, AUTH_SQL_OFFER_ALL);
    auth_query_bytes(&query, acct, ST_ACCT_LEN);
    auth_query_int(&query, now_ms);
    auth_query_int(&query, ST_DEVICES_MAX);
    while (count < ST_DEVICES_MAX && auth_query_step(&query))
        get_offer(&query, &offers_r[count++]);
    enum st_err err = auth_query_finish(&query);
    *count_r = err == ST_OK ? count : 0;
    return err;
}

static enum st_err offer_delete(void *ctx, const uint8_t *acct, uint32_t dev)
{
    struct auth_query query;
    auth_query_open(&query, ctx, AUTH_SQL_OFFER_DELETE);
    auth_query_bytes(&query, acct, ST_ACCT_LEN);
    auth_query_uint(&query, dev);
    return auth_query_run(&query, NULL);
}

void auth_sqlite_prekey_ops(struct auth_store_ops *ops)
{
    ops->opk_put = opk_put;
    ops->opk_count = opk_count;
    ops->opk_take = opk_take;
    ops->grant_insert = grant_insert;
    ops->grant_get = grant_get;
    ops->grant_targets = grant_targets;
    ops->offer_put = offer_put;
    ops->offer_all = offer_all;
    ops->offer_delete = offer_delete;
}
