#include "client/core/core.h"

#include <stdlib.h>

#include "lib/st_wipe.h"

enum {
    OPK_TARGET = 100, /* at the server after a refill */
    OPK_REFILL_BELOW = 40,
    OPK_HELD_MAX = 1000, /* whatever the server says of how many it has left */
    SPK_LIFE_MS = 7 * 86400 * 1000
};
#define SPK_KEPT_MS (INT64_C(37) * 86400 * 1000) /* after the server confirmed its replacement */

struct prekeys {
    bool uploading;
    uint32_t uploading_opk; /* highest id in the running upload */
    uint32_t uploading_spk; /* 0: none in it */
};

enum st_err prekeys_new(struct client *client)
{
    client->prekeys = calloc(1, sizeof *client->prekeys);
    return client->prekeys == NULL ? ST_ENOMEM : ST_OK;
}

void prekeys_free(struct client *client)
{
    free(client->prekeys);
    client->prekeys = NULL;
}

static enum st_err make_spk(struct client *client)
{
    struct e2e_pair pair;
    struct store_spk spk = { .created_s = core_wall(client) / 1000 };
    enum st_err err = store_spk_take_ids(client->store, 1, &spk.id);
    if (err == ST_OK)
        err = e2e_identity_pair(client->env, &pair);
    if (err == ST_OK) {
        struct st_spk published = { .spk_id = spk.id, .created = (uint64_t)spk.created_s };
        memcpy(published.pub, pair.pub, sizeof published.pub);
        err = st_prekey_sign(&published, client->self.dsk->secret, client->self.acct, client->self.dev);
        memcpy(spk.priv, pair.secret, sizeof spk.priv);
        memcpy(spk.pub, pair.pub, sizeof spk.pub);
        memcpy(spk.sig, published.sig, sizeof spk.sig);
    }
    if (err == ST_OK)
        err = store_spk_put(client->store, &spk);
    ST_WIPE(pair);
    ST_WIPE(spk);
    return err;
}

enum st_err prekeys_create_first(struct client *client)
{
    return make_spk(client);
}

static enum st_err make_opks(struct client *client, uint32_t count, uint32_t spk_id)
{
    uint32_t first;
    enum st_err err = store_opk_take_ids(client->store, count, &first);
    for (uint32_t i = 0; i < count && err == ST_OK; i++) {
        struct e2e_pair pair;
        struct store_opk opk = { .id = first + i, .spk_id = spk_id };
        err = e2e_identity_pair(client->env, &pair);
        if (err == ST_OK) {
            memcpy(opk.priv, pair.secret, sizeof opk.priv);
            memcpy(opk.pub, pair.pub, sizeof opk.pub);
            err = store_opk_put(client->store, &opk);
        }
        ST_WIPE(pair);
        ST_WIPE(opk);
    }
    return err;
}

static void on_confirm_chat(struct client *client, void *ctx, const struct st_frame *reply,
                            const struct client_result *failure)
{
    (void)ctx;
    struct prekeys *prekeys = client->prekeys;
    prekeys->uploading = false;
    struct st_msg_confirm_chat_r msg;
    if (failure != NULL || reply->type != ST_CONFIRM_CHAT_R || st_frame_read(reply, &msg) != ST_OK)
        return; /* the next welcome or pong tells what the server has, and it is tried again */
    enum st_err err = tx_begin(client);
    if (err != ST_OK)
        return;
    err = store_opk_uploaded(client->store, prekeys->uploading_opk);
    if (err == ST_OK && prekeys->uploading_spk != 0 && msg.spk_id == prekeys->uploading_spk)
        err = store_spk_confirm(client->store, prekeys->uploading_spk, core_wall(client));
    if (tx_end(client, err) != ST_OK)
        core_warn(client, "the server's confirmation of prekeys could not be stored");
    account_prekeys_uploaded(client);
}

struct upload {
    struct st_msg_opk opks[ST_OPK_UPLOAD_MAX];
    uint8_t pubs[ST_OPK_UPLOAD_MAX][ST_KEY_LEN];
    size_t count;
};

static enum st_err add_opk(void *ctx, const struct store_opk *opk)
{
    struct upload *upload = ctx;
    if (upload->count == ST_OPK_UPLOAD_MAX)
        return ST_OK;
    memcpy(upload->pubs[upload->count], opk->pub, ST_KEY_LEN);
    upload->opks[upload->count] =
        (struct st_msg_opk) { .id = opk->id, .pub = st_view(upload->pubs[upload->count], ST_KEY_LEN) };
    upload->count++;
    return ST_OK;
}

/* Uploads what the server has not confirmed yet. */
static enum st_err upload(struct client *client, const struct store_spk *spk)
{
    struct prekeys *prekeys = client->prekeys;
    struct upload *upload = calloc(1, sizeof *upload);
    if (upload == NULL)
        return ST_ENOMEM;
    enum st_err err = store_opk_each_new(client->store, ST_OPK_UPLOAD_MAX, add_opk, upload);
    struct st_msg_spk published = { .id = spk->id,
                                    .created_s = (uint64_t)spk->created_s,
                                    .pub = st_view(spk->pub, sizeof spk->pub),
                                    .sig = st_view(spk->sig, sizeof spk->sig) };
    struct st_msg_confirm_chat msg = { .spk = { .count = 1, .items = &published },
                                       .opks = { .count = upload->count, .items = upload->opks } };
    prekeys->uploading_spk = spk->confirmed_at_ms == 0 ? spk->id : 0;
    prekeys->uploading_opk = upload->count > 0 ? (uint32_t)upload->opks[upload->count - 1].id : 0;
    if (prekeys->uploading_spk != 0)
        ST_SET(&msg, 1);
    if (upload->count > 0)
        ST_SET(&msg, 2);
    if (err == ST_OK && msg.has != 0)
        err = link_request(client, CLIENT_DEVICE, ST_CONFIRM_CHAT, &msg, on_confirm_chat, NULL);
    prekeys->uploading = err == ST_OK && msg.has != 0;
    free(upload);
    return err;
}

/* Makes what is missing: a signed prekey each week, one-time prekeys below 40. */
static enum st_err make_missing(struct client *client, uint64_t opk_left, struct store_spk *spk)
{
    enum st_err err = store_spk_newest(client->store, spk);
    bool rotate = err == ST_ENOTFOUND || (err == ST_OK && core_wall(client) - spk->created_s * 1000 > SPK_LIFE_MS &&
                                          spk->confirmed_at_ms != 0);
    if (err != ST_OK && err != ST_ENOTFOUND)
        return err;
    struct upload *waiting = calloc(1, sizeof *waiting);
    if (waiting == NULL)
        return ST_ENOMEM;
    err = store_opk_each_new(client->store, ST_OPK_UPLOAD_MAX, add_opk, waiting);
    uint64_t have = opk_left + waiting->count;
    free(waiting);
    uint32_t held = 0;
    if (err == ST_OK)
        err = store_opk_count(client->store, &held);
    bool refill = opk_left < OPK_REFILL_BELOW && have < OPK_TARGET && held < OPK_HELD_MAX;
    if (err != ST_OK || (!rotate && !refill))
        return err;
    err = tx_begin(client);
    if (err != ST_OK)
        return err;
    if (rotate)
        err = make_spk(client);
    if (err == ST_OK && rotate)
        err = store_spk_newest(client->store, spk);
    if (err == ST_OK && refill)
        err = make_opks(client, (uint32_t)(OPK_TARGET - have), spk->id);
    return tx_end(client, err);
}

void prekeys_refill(struct client *client, uint64_t opk_left)
{
    if (client->prekeys->uploading)
        return;
    struct store_spk spk;
    memset(&spk, 0, sizeof spk);
    enum st_err err = make_missing(client, opk_left, &spk);
    if (err == ST_OK && (spk.confirmed_at_ms == 0 || opk_left < OPK_REFILL_BELOW))
        err = upload(client, &spk);
    if (err != ST_OK && err != ST_EUNAVAILABLE)
        core_warn(client, "prekeys could not be made or uploaded");
    ST_WIPE(spk);
}

/* ---- sweeping ---- */

struct sweep {
    struct client *client;
    uint32_t spk_id; /* just erased */
};

static enum st_err close_sessions_on(void *ctx, const struct store_device *id, int64_t updated_at_ms)
{
    (void)updated_at_ms;
    const struct sweep *sweep = ctx;
    struct peer *peer;
    enum st_err err = peers_get(sweep->client, id, &peer);
    if (err == ST_OK && e2e_set_spk_erased(&peer->set, sweep->spk_id))
        peer->dirty = true;
    return err;
}

static enum st_err on_spk_expired(void *ctx, uint32_t id)
{
    struct sweep sweep = { ctx, id };
    return store_session_each(sweep.client->store, NULL, close_sessions_on, &sweep);
}

enum st_err prekeys_expire(struct client *client)
{
    return store_spk_expire(client->store, core_wall(client) - SPK_KEPT_MS, on_spk_expired, client);
}

/* ---- for e2e_decrypt ---- */

static enum st_err get_spk(void *ctx, uint32_t id, struct e2e_pair *pair_r)
{
    struct client *client = ctx;
    struct store_spk spk;
    enum st_err err = store_spk_get(client->store, id, &spk);
    if (err == ST_OK) {
        memcpy(pair_r->secret, spk.priv, sizeof pair_r->secret);
        memcpy(pair_r->pub, spk.pub, sizeof pair_r->pub);
    }
    ST_WIPE(spk);
    return err;
}

static enum st_err get_opk(void *ctx, uint32_t id, struct e2e_pair *pair_r)
{
    struct client *client = ctx;
    struct store_opk opk;
    enum st_err err = store_opk_get(client->store, id, &opk);
    if (err == ST_OK) {
        memcpy(pair_r->secret, opk.priv, sizeof pair_r->secret);
        memcpy(pair_r->pub, opk.pub, sizeof pair_r->pub);
    }
    ST_WIPE(opk);
    return err;
}

static enum st_err ek_seen(void *ctx, const uint8_t hash[static E2E_HASH_BYTES])
{
    struct client *client = ctx;
    bool seen = false;
    enum st_err err = store_ek_seen(client->store, hash, &seen);
    if (err != ST_OK)
        return err;
    return seen ? ST_OK : ST_ENOTFOUND;
}

struct e2e_prekeys prekeys_access(struct client *client)
{
    struct e2e_prekeys access = { client, get_spk, get_opk, ek_seen };
    return access;
}
