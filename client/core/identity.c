#include "client/core/core.h"

#include <sodium.h>

#include "lib/st_wipe.h"

/* Our own form of the endpoint list: count(1), then for each port(2) ‖ key(32) ‖ host length(1) ‖ host. */
enum { ENDPOINT_FORM_MAX = 1 + ENDPOINTS_MAX * (2 + 32 + 1 + ST_HOST_MAX) };

static enum st_err draw_sign_seed(struct client *client, enum store_secret which)
{
    struct e2e_sign_pair pair;
    enum st_err err = e2e_identity_sign_pair(client->env, &pair);
    if (err == ST_OK)
        err = store_secret_put(client->store, which, pair.secret); /* the seed is its first half */
    if (err == ST_OK && which == STORE_SECRET_AK_SEED)
        err = store_meta_put(client->store, STORE_META_AK_PUBLIC, st_view(pair.pub, sizeof pair.pub));
    ST_WIPE(pair);
    return err;
}

static enum st_err draw_x25519(struct client *client, enum store_secret which)
{
    struct e2e_pair pair;
    enum st_err err = e2e_identity_pair(client->env, &pair);
    if (err == ST_OK)
        err = store_secret_put(client->store, which, pair.secret);
    if (err == ST_OK && which == STORE_SECRET_TK)
        err = store_meta_put(client->store, STORE_META_TK_PUBLIC, st_view(pair.pub, sizeof pair.pub));
    ST_WIPE(pair);
    return err;
}

enum st_err identity_create(struct client *client, const struct client_registration *registration)
{
    char address[ST_ADDRESS_TEXT_BYTES];
    st_address_format(address, &registration->address);
    enum st_err err = store_meta_put(client->store, STORE_META_NAME, st_view_text(registration->name));
    if (err == ST_OK)
        err = store_meta_put(client->store, STORE_META_SERVER, st_view_text(address));
    if (err == ST_OK)
        err = store_meta_put(client->store, STORE_META_DEVICE_NAME, st_view_text(registration->device_name));
    if (err == ST_OK)
        err = draw_sign_seed(client, STORE_SECRET_AK_SEED);
    if (err == ST_OK)
        err = draw_sign_seed(client, STORE_SECRET_DSK_SEED);
    if (err == ST_OK)
        err = draw_x25519(client, STORE_SECRET_DIK);
    if (err == ST_OK)
        err = draw_x25519(client, STORE_SECRET_TK);
    if (err == ST_OK)
        err = store_meta_put_u64(client->store, STORE_META_TK_CREATED_MS, (uint64_t)core_wall(client));
    if (err == ST_OK)
        err = store_meta_put_u64(client->store, STORE_META_DEV_ID, 1); /* the first device of a new account */
    return err;
}

static enum st_err load_text(struct client *client, enum store_meta key, char *out, size_t room)
{
    struct st_buf buf;
    st_buf_init(&buf, room - 1);
    enum st_err err = store_meta_get(client->store, key, &buf);
    if (err == ST_OK) {
        memcpy(out, buf.p, buf.len);
        out[buf.len] = '\0';
    }
    st_buf_free(&buf);
    return err == ST_ELIMIT ? ST_EFOREIGN : err;
}

/* Loads an Ed25519 seed as a pair in locked memory. Returns new; NULL where there is none. */
static enum st_err load_sign_pair(struct client *client, enum store_secret which, struct e2e_sign_pair **pair_r)
{
    uint8_t *seed = NULL;
    enum st_err err = store_secret_get(client->store, which, &seed);
    if (err != ST_OK)
        return err;
    struct e2e_sign_pair *pair = sodium_malloc(sizeof *pair);
    err = pair == NULL ? ST_ENOMEM : e2e_identity_sign_pair_of(seed, pair);
    sodium_free(seed);
    if (err != ST_OK) {
        sodium_free(pair);
        pair = NULL;
    }
    *pair_r = pair;
    return err;
}

static enum st_err load_endpoints(struct client *client)
{
    struct identity *self = &client->self;
    struct st_buf buf;
    st_buf_init(&buf, ENDPOINT_FORM_MAX);
    enum st_err err = store_meta_get(client->store, STORE_META_ENDPOINTS, &buf);
    struct st_view in = st_buf_view(&buf);
    size_t count = 0;
    if (err == ST_OK && (in.len == 0 || in.p[0] == 0 || in.p[0] > ENDPOINTS_MAX))
        err = ST_EFOREIGN;
    if (err == ST_OK) {
        count = in.p[0];
        in = st_view(in.p + 1, in.len - 1);
    }
    for (size_t i = 0; i < count && err == ST_OK; i++) {
        struct endpoint *endpoint = &self->endpoints[i];
        size_t host_len = in.len >= 35 ? in.p[34] : 0;
        if (host_len == 0 || in.len - 35 < host_len) {
            err = ST_EFOREIGN;
            break;
        }
        endpoint->port = st_get_u16(in.p);
        memcpy(endpoint->key, in.p + 2, ST_KEY_LEN);
        memcpy(endpoint->host, in.p + 35, host_len);
        endpoint->host[host_len] = '\0';
        in = st_view(in.p + 35 + host_len, in.len - 35 - host_len);
    }
    self->endpoint_count = err == ST_OK ? count : 0;
    st_buf_free(&buf);
    return err;
}

enum st_err identity_store_endpoints(struct client *client, struct st_records endpoints)
{
    struct st_buf buf;
    st_buf_init(&buf, ENDPOINT_FORM_MAX);
    uint8_t head[35] = { (uint8_t)endpoints.count };
    enum st_err err = st_buf_append(&buf, head, 1);
    struct st_msg_endpoint endpoint;
    while (err == ST_OK && st_records_next(&st_schema_endpoint, &endpoints, &endpoint)) {
        st_put_u16(head, (uint16_t)endpoint.port);
        memcpy(head + 2, endpoint.key.p, ST_KEY_LEN);
        head[34] = (uint8_t)endpoint.host.len;
        err = st_buf_append(&buf, head, sizeof head);
        if (err == ST_OK)
            err = st_buf_append(&buf, endpoint.host.p, endpoint.host.len);
    }
    if (err == ST_OK)
        err = store_meta_put(client->store, STORE_META_ENDPOINTS, st_buf_view(&buf));
    st_buf_free(&buf);
    return err;
}

enum st_err identity_store_tk(struct client *client, const uint8_t tk_public[static ST_KEY_LEN],
                              const uint8_t tk_secret[static ST_KEY_LEN])
{
    enum st_err err = store_secret_put(client->store, STORE_SECRET_TK, tk_secret);
    if (err == ST_OK)
        err = store_meta_put(client->store, STORE_META_TK_PUBLIC, st_view(tk_public, ST_KEY_LEN));
    if (err == ST_OK)
        err = store_meta_put_u64(client->store, STORE_META_TK_CREATED_MS, (uint64_t)core_wall(client));
    return err;
}

static enum st_err load_keys(struct client *client)
{
    struct identity *self = &client->self;
    enum st_err err = store_meta_get_exact(client->store, STORE_META_AK_PUBLIC, self->ak, sizeof self->ak);
    if (err == ST_OK)
        err = store_meta_get_exact(client->store, STORE_META_TK_PUBLIC, self->tk_public, sizeof self->tk_public);
    if (err == ST_OK)
        err = store_secret_get(client->store, STORE_SECRET_TK, &self->tk_secret);
    if (err == ST_OK)
        err = store_secret_get(client->store, STORE_SECRET_DIK, &self->dik_secret);
    if (err == ST_OK)
        err = load_sign_pair(client, STORE_SECRET_DSK_SEED, &self->dsk);
    if (err == ST_OK) {
        err = load_sign_pair(client, STORE_SECRET_AK_SEED, &self->manager_ak);
        if (err == ST_ENOTFOUND)
            err = ST_OK; /* a linked device does not manage the list */
    }
    struct e2e_pair dik;
    if (err == ST_OK)
        err = e2e_identity_pair_of(self->dik_secret, &dik);
    if (err == ST_OK)
        memcpy(self->dik, dik.pub, sizeof self->dik);
    ST_WIPE(dik);
    return err;
}

static void fill_self(struct identity *self)
{
    st_devlist_acct_id(self->acct, self->ak);
    struct e2e_ident *ident = &self->self.ident;
    memcpy(ident->acct_id, self->acct, sizeof ident->acct_id);
    ident->dev_id = self->dev;
    memcpy(ident->ak, self->ak, sizeof ident->ak);
    memcpy(ident->dsk, self->dsk->pub, sizeof ident->dsk);
    memcpy(ident->dik, self->dik, sizeof ident->dik);
    self->self.dik_secret = self->dik_secret;
}

enum st_err identity_load(struct client *client)
{
    struct identity *self = &client->self;
    identity_wipe(client);
    char address[ST_ADDRESS_TEXT_BYTES];
    enum st_err err = load_text(client, STORE_META_NAME, self->name, sizeof self->name);
    if (err == ST_OK)
        err = load_text(client, STORE_META_SERVER, address, sizeof address);
    if (err == ST_OK && st_address_parse(&self->address, st_view_text(address), NULL) != ST_OK)
        err = ST_EFOREIGN;
    uint64_t dev = 0;
    if (err == ST_OK)
        err = store_meta_get_u64(client->store, STORE_META_DEV_ID, &dev);
    self->dev = (uint32_t)dev;
    if (err == ST_OK)
        err = load_keys(client);
    if (err != ST_OK)
        return err;
    fill_self(self);
    err = load_endpoints(client);
    if (err == ST_ENOTFOUND)
        return ST_OK; /* keys are made, the server has not confirmed them yet */
    if (err == ST_OK)
        err = store_meta_get_exact(client->store, STORE_META_SERVER_ID, self->server_id, sizeof self->server_id);
    self->loaded = err == ST_OK;
    return err;
}

void identity_wipe(struct client *client)
{
    struct identity *self = &client->self;
    sodium_free(self->tk_secret);
    sodium_free(self->dik_secret);
    sodium_free(self->dsk);
    sodium_free(self->manager_ak);
    memset(self, 0, sizeof *self);
}
