#include "client/core/core.h"

#include <stdlib.h>

#include <sodium.h>

#include "lib/devlist/st_bind.h"
#include "lib/st_wipe.h"

/* One account operation at a time, a chain of steps each begun by an answer. */
enum flow_kind { FLOW_NONE, FLOW_REGISTER, FLOW_LOGIN, FLOW_SET_PASSWORD, FLOW_DELETE, FLOW_LOGOUT };

enum {
    PASSWORD_MAX = 1024,
    FIRST_PREKEYS_MS = 5000 /* a new account waits so long for its prekeys to be taken; it is registered even so */
};

struct account_flow {
    enum flow_kind kind;
    client_done_fn done;
    void *ctx;
    bool begun;         /* its first message was sent */
    bool everywhere;    /* logout */
    bool ending;        /* the last message of a deletion or logout was sent: to be revoked is its success */
    int64_t prekeys_ms; /* registered: until when the first prekeys are waited for; TIMER_NEVER: not registered yet */
    char invite[ST_INVITE_LEN + 1];
    uint8_t *password; /* PASSWORD_MAX bytes of locked memory */
    size_t password_len;
    struct opaque_client_registration registration;
    struct opaque_client_login login;
    struct opaque_client_registered registered;
    struct e2e_pair new_tk; /* login */
    uint8_t server_id[ST_SERVER_ID_LEN];
};

enum st_err account_new(struct client *client)
{
    struct account_flow *flow = calloc(1, sizeof *flow);
    if (flow == NULL)
        return ST_ENOMEM;
    flow->password = sodium_malloc(PASSWORD_MAX);
    client->account = flow;
    return flow->password == NULL ? ST_ENOMEM : ST_OK;
}

static void wipe_flow(struct account_flow *flow)
{
    uint8_t *password = flow->password;
    opaque_client_registration_deinit(&flow->registration);
    opaque_client_login_deinit(&flow->login);
    opaque_client_registered_deinit(&flow->registered);
    if (password != NULL)
        sodium_memzero(password, PASSWORD_MAX);
    sodium_memzero(flow, sizeof *flow);
    flow->password = password;
}

void account_free(struct client *client)
{
    struct account_flow *flow = client->account;
    if (flow == NULL)
        return;
    wipe_flow(flow);
    sodium_free(flow->password);
    free(flow);
    client->account = NULL;
}

static bool uses_enrol(enum flow_kind kind)
{
    return kind == FLOW_REGISTER || kind == FLOW_LOGIN;
}

static void finish(struct client *client, const struct client_result *result)
{
    struct account_flow *flow = client->account;
    client_done_fn done = flow->done;
    void *ctx = flow->ctx;
    struct client_result copy = *result;
    if (uses_enrol(flow->kind))
        link_close(client, CLIENT_ENROL);
    wipe_flow(flow);
    if (done != NULL)
        done(ctx, &copy);
}

static void finish_reason(struct client *client, enum client_reason reason)
{
    struct client_result result = core_result(reason);
    finish(client, &result);
}

static void finish_store(struct client *client, enum st_err err)
{
    struct client_result result = core_store_result(err);
    finish(client, &result);
}

/* Begins an operation; false (and `done` was called) if one runs, or the password is too long. */
static bool begin(struct client *client, enum flow_kind kind, struct st_view password, client_done_fn done, void *ctx)
{
    struct account_flow *flow = client->account;
    if (flow->kind != FLOW_NONE || password.len > PASSWORD_MAX) {
        struct client_result result = core_result(flow->kind != FLOW_NONE ? CLIENT_BUSY : CLIENT_TOO_LARGE);
        done(ctx, &result);
        return false;
    }
    flow->kind = kind;
    flow->done = done;
    flow->ctx = ctx;
    if (password.len > 0)
        memcpy(flow->password, password.p, password.len);
    flow->password_len = password.len;
    return true;
}

static struct st_view flow_password(const struct account_flow *flow)
{
    return st_view(flow->password, flow->password_len);
}

static struct opaque_client_setup setup_of(struct client *client, struct st_view context)
{
    struct account_flow *flow = client->account;
    struct opaque_client_setup setup = {
        .parties = { .client_identity = st_view_text(client->self.name),
                     .server_identity = st_view(flow->server_id, sizeof flow->server_id),
                     .context = context },
        .ksf = client->config.opaque.ksf,
    };
    return setup;
}

/* The answer of a step: true if it is a frame of that type that reads into `msg`; else the operation has ended. */
static bool take_answer(struct client *client, const struct st_frame *reply, const struct client_result *failure,
                        enum st_type type, void *msg)
{
    if (failure != NULL) {
        finish(client, failure);
        return false;
    }
    if (reply->type != type || st_frame_read(reply, msg) != ST_OK) {
        finish_reason(client, CLIENT_PROTOCOL);
        return false;
    }
    return true;
}

/* Sends a step of the operation; ends the operation if that fails. */
static void step(struct client *client, enum client_link link, enum st_type type, const void *msg, reply_fn fn)
{
    if (link_request(client, link, type, msg, fn, NULL) != ST_OK)
        finish_reason(client, CLIENT_UNREACHABLE);
}

/* ---- registration ---- */

static void on_add_user_done(struct client *client, void *ctx, const struct st_frame *reply,
                             const struct client_result *failure)
{
    (void)ctx;
    struct st_msg_add_user_done msg;
    if (!take_answer(client, reply, failure, ST_ADD_USER_DONE, &msg))
        return;
    if (memcmp(msg.acct.p, client->self.acct, ST_ACCT_LEN) != 0 || msg.dev != client->self.dev) {
        finish_reason(client, CLIENT_PROTOCOL);
        return;
    }
    struct account_flow *flow = client->account;
    struct store_spk spk;
    enum st_err err = tx_begin(client);
    if (err == ST_OK)
        err = store_meta_put(client->store, STORE_META_ACCT_ID, msg.acct);
    if (err == ST_OK)
        err = store_meta_put(client->store, STORE_META_SERVER_ID, st_view(flow->server_id, sizeof flow->server_id));
    if (err == ST_OK)
        err = identity_store_endpoints(client, msg.endpoints);
    if (err == ST_OK)
        err = store_spk_newest(client->store, &spk);
    if (err == ST_OK)
        err = store_spk_confirm(client->store, spk.id, core_wall(client));
    ST_WIPE(spk);
    err = tx_end(client, err);
    if (err == ST_OK)
        err = identity_load(client);
    if (err != ST_OK) {
        finish_store(client, err);
        return;
    }
    /* Whoever writes to a new account at once shall find one-time prekeys. */
    flow->prekeys_ms = core_mono(client) + FIRST_PREKEYS_MS;
    link_close(client, CLIENT_ENROL);
    client_go_online(client);
}

void account_prekeys_uploaded(struct client *client)
{
    struct account_flow *flow = client->account;
    if (flow->kind == FLOW_REGISTER && flow->prekeys_ms != TIMER_NEVER)
        finish_reason(client, CLIENT_OK);
}

void account_tick(struct client *client)
{
    struct account_flow *flow = client->account;
    if (flow->prekeys_ms != TIMER_NEVER && flow->prekeys_ms <= core_mono(client))
        finish_reason(client, CLIENT_OK);
}

int64_t account_next_ms(const struct client *client)
{
    return client->account->prekeys_ms;
}

/* Our first list: this device alone. Made once and kept, so that a repeated registration sends the same bytes. */
static enum st_err make_first_list(struct client *client)
{
    struct identity *self = &client->self;
    struct store_list kept;
    enum st_err err = store_list_get(client->store, self->acct, &kept);
    if (err != ST_ENOTFOUND)
        return err;
    uint64_t now_s = (uint64_t)(core_wall(client) / 1000);
    struct st_devlist list = { .seq = 1, .issued = now_s, .expires = now_s + ST_DEVLIST_LIFE_MAX_S, .count = 1 };
    memcpy(list.acct_id, self->acct, sizeof list.acct_id);
    list.devices[0].dev_id = self->dev;
    list.devices[0].added = now_s;
    memcpy(list.devices[0].dsk, self->dsk->pub, ST_SIGN_PUB_BYTES);
    memcpy(list.devices[0].dik, self->dik, ST_X25519_BYTES);
    err = st_devlist_accept_sign(list.accept[0], self->dsk->secret, self->ak, &list.devices[0]);
    if (err == ST_OK)
        err = st_devlist_sign(&list, self->manager_ak->secret);
    return err == ST_OK ? lists_store(client, self->acct, &list) : err;
}

/* Everything that a new account needs, made once, in one transaction. */
static enum st_err make_account(struct client *client)
{
    enum st_err err = tx_begin(client);
    if (err != ST_OK)
        return err;
    struct store_spk spk;
    err = store_spk_newest(client->store, &spk);
    ST_WIPE(spk);
    if (err == ST_ENOTFOUND)
        err = prekeys_create_first(client);
    if (err == ST_OK)
        err = make_first_list(client);
    return tx_end(client, err);
}

static void send_add_user_finish(struct client *client)
{
    struct account_flow *flow = client->account;
    struct identity *self = &client->self;
    struct store_list list;
    struct store_spk spk;
    char device_name[ST_DEVICE_NAME_MAX + 1] = "";
    struct st_buf name;
    st_buf_init(&name, ST_DEVICE_NAME_MAX);
    enum st_err err = store_list_get(client->store, self->acct, &list);
    if (err == ST_OK)
        err = store_spk_newest(client->store, &spk);
    if (err == ST_OK)
        err = store_meta_get(client->store, STORE_META_DEVICE_NAME, &name);
    if (err != ST_OK) {
        st_buf_free(&name);
        finish_store(client, err);
        return;
    }
    memcpy(device_name, name.p, name.len);
    st_buf_free(&name);
    struct st_msg_spk public_spk = { .id = spk.id,
                                     .created_s = (uint64_t)spk.created_s,
                                     .pub = st_view(spk.pub, sizeof spk.pub),
                                     .sig = st_view(spk.sig, sizeof spk.sig) };
    struct st_msg_add_user_finish msg = { .name = st_view_text(self->name),
                                          .record = st_view(&flow->registered.record, ST_OPAQUE_RECORD_LEN),
                                          .ak = st_view(self->ak, sizeof self->ak),
                                          .list = st_view(list.bytes, list.len),
                                          .spk = { .count = 1, .items = &public_spk },
                                          .device_name = st_view_text(device_name),
                                          .invite = st_view_text(flow->invite) };
    if (flow->invite[0] != '\0')
        ST_SET(&msg, 7);
    step(client, CLIENT_ENROL, ST_ADD_USER_FINISH, &msg, on_add_user_done);
    ST_WIPE(spk);
}

static void on_add_user_r(struct client *client, void *ctx, const struct st_frame *reply,
                          const struct client_result *failure)
{
    (void)ctx;
    struct st_msg_add_user_r msg;
    if (!take_answer(client, reply, failure, ST_ADD_USER_R, &msg))
        return;
    struct account_flow *flow = client->account;
    memcpy(flow->server_id, msg.server_id.p, sizeof flow->server_id);
    struct opaque_client_setup setup = setup_of(client, st_view(NULL, 0));
    enum st_err err = client->config.opaque.register_finish(&flow->registered, &flow->registration, msg.response,
                                                            flow_password(flow), &setup, client->env);
    if (err == ST_OK)
        err = make_account(client);
    if (err == ST_EMALFORMED || err == ST_EREFUSED)
        finish_reason(client, CLIENT_PROTOCOL);
    else if (err != ST_OK)
        finish_store(client, err);
    else
        send_add_user_finish(client);
}

static void begin_add_user(struct client *client)
{
    struct account_flow *flow = client->account;
    struct st_opaque_request request;
    if (opaque_client_register_start(&flow->registration, &request, flow_password(flow), client->env) != ST_OK) {
        finish_reason(client, CLIENT_TOO_LARGE);
        return;
    }
    struct st_msg_add_user msg = { .name = st_view_text(client->self.name),
                                   .request = st_view(&request, sizeof request),
                                   .invite = st_view_text(flow->invite) };
    if (flow->invite[0] != '\0')
        ST_SET(&msg, 3);
    step(client, CLIENT_ENROL, ST_ADD_USER, &msg, on_add_user_r);
}

/* Makes the keys, or finds those of a registration that was cut short. */
static enum st_err prepare_identity(struct client *client, const struct client_registration *registration)
{
    enum st_err err = identity_load(client);
    if (err != ST_ENOTFOUND)
        return err;
    err = tx_begin(client);
    if (err == ST_OK)
        err = tx_end(client, identity_create(client, registration));
    return err == ST_OK ? identity_load(client) : err;
}

void client_register(struct client *client, const struct client_registration *registration, client_done_fn done,
                     void *ctx)
{
    if (!begin(client, FLOW_REGISTER, registration->password, done, ctx))
        return;
    struct account_flow *flow = client->account;
    if (registration->invite != NULL && strlen(registration->invite) == ST_INVITE_LEN)
        memcpy(flow->invite, registration->invite, ST_INVITE_LEN + 1);
    enum st_err err = prepare_identity(client, registration);
    if (err == ST_OK && client->self.loaded)
        err = ST_EEXISTS; /* registered already */
    bool same = err == ST_OK && strcmp(client->self.name, registration->name) == 0 &&
                st_address_equal(&client->self.address, &registration->address);
    if (err == ST_OK && !same)
        err = ST_EEXISTS;
    if (err != ST_OK) {
        finish_store(client, err);
        return;
    }
    sync_release_enrol(client);
    link_open_enrol(client, client->self.tk_public, client->self.tk_secret);
}

/* ---- login ---- */

static void on_login_done(struct client *client, void *ctx, const struct st_frame *reply,
                          const struct client_result *failure)
{
    (void)ctx;
    struct st_msg_login_done msg;
    if (!take_answer(client, reply, failure, ST_LOGIN_DONE, &msg))
        return;
    if (memcmp(msg.acct.p, client->self.acct, ST_ACCT_LEN) != 0 || msg.dev != client->self.dev || msg.state != 1) {
        finish_reason(client, CLIENT_DEVICE_REVOKED);
        return;
    }
    struct account_flow *flow = client->account;
    enum st_err err = tx_begin(client);
    if (err == ST_OK)
        err = identity_store_tk(client, flow->new_tk.pub, flow->new_tk.secret);
    if (err == ST_OK)
        err = identity_store_endpoints(client, msg.endpoints);
    err = tx_end(client, err);
    if (err == ST_OK)
        err = identity_load(client);
    finish_store(client, err);
}

/* KE2 → KE3. False: the operation has ended. `keys` = TK ‖ gateway's key, as the context wants them. */
static bool answer_ke2(struct client *client, struct st_view ke2, const uint8_t *tk, const uint8_t *gateway_key,
                       struct opaque_client_logged_in *out)
{
    struct account_flow *flow = client->account;
    uint8_t context[ST_OPAQUE_LOGIN_CONTEXT_BYTES];
    enum st_err err = st_opaque_login_context(context, tk, gateway_key, &client->config.opaque.ksf);
    struct opaque_client_setup setup = setup_of(client, st_view(context, sizeof context));
    if (err == ST_OK)
        err = client->config.opaque.login_finish(out, &flow->login, ke2, flow_password(flow), &setup);
    if (err == ST_OK)
        return true;
    if (err == ST_EINTEGRITY)
        finish_reason(client, CLIENT_WRONG_PASSWORD);
    else if (err == ST_EMALFORMED)
        finish_reason(client, CLIENT_PROTOCOL);
    else
        finish_store(client, err);
    return false;
}

static void on_login_r(struct client *client, void *ctx, const struct st_frame *reply,
                       const struct client_result *failure)
{
    (void)ctx;
    struct st_msg_login_r msg;
    if (!take_answer(client, reply, failure, ST_LOGIN_R, &msg))
        return;
    struct account_flow *flow = client->account;
    struct identity *self = &client->self;
    struct opaque_client_logged_in logged_in;
    if (!answer_ke2(client, msg.ke2, flow->new_tk.pub, self->address.key, &logged_in))
        return;
    uint8_t keys[2 * ST_CURVE_KEY_BYTES], sig[ST_SIG_BYTES];
    memcpy(keys, flow->new_tk.pub, ST_CURVE_KEY_BYTES);
    memcpy(keys + ST_CURVE_KEY_BYTES, self->address.key, ST_CURVE_KEY_BYTES);
    enum st_err err = st_bind_tk_sign(sig, self->dsk->secret, self->acct, self->dev, keys);
    if (err != ST_OK) {
        opaque_client_logged_in_deinit(&logged_in);
        finish_store(client, err);
        return;
    }
    struct st_msg_login_finish finish_msg = { .ke3 = st_view(&logged_in.ke3, ST_KE3_LEN),
                                              .dev = self->dev,
                                              .sig = st_view(sig, sizeof sig) };
    ST_SET(&finish_msg, 2);
    ST_SET(&finish_msg, 3);
    step(client, CLIENT_ENROL, ST_LOGIN_FINISH, &finish_msg, on_login_done);
    opaque_client_logged_in_deinit(&logged_in);
}

static void begin_login(struct client *client)
{
    struct account_flow *flow = client->account;
    memcpy(flow->server_id, client->self.server_id, sizeof flow->server_id);
    struct st_opaque_ke1 ke1;
    if (opaque_client_login_start(&flow->login, &ke1, flow_password(flow), client->env) != ST_OK) {
        finish_reason(client, CLIENT_TOO_LARGE);
        return;
    }
    struct st_msg_login msg = { .name = st_view_text(client->self.name), .ke1 = st_view(&ke1, sizeof ke1) };
    step(client, CLIENT_ENROL, ST_LOGIN, &msg, on_login_r);
}

void client_login(struct client *client, struct st_view password, client_done_fn done, void *ctx)
{
    if (!begin(client, FLOW_LOGIN, password, done, ctx))
        return;
    struct account_flow *flow = client->account;
    client_go_offline(client);
    enum st_err err = client->self.loaded ? e2e_identity_pair(client->env, &flow->new_tk) : ST_ENOTFOUND;
    if (err != ST_OK) {
        finish_store(client, err);
        return;
    }
    sync_release_enrol(client);
    link_open_enrol(client, flow->new_tk.pub, flow->new_tk.secret);
}

/* ---- on the device link ---- */

static void on_set_password_done(struct client *client, void *ctx, const struct st_frame *reply,
                                 const struct client_result *failure)
{
    (void)ctx;
    struct st_msg_set_password_done msg;
    if (take_answer(client, reply, failure, ST_SET_PASSWORD_DONE, &msg))
        finish_reason(client, CLIENT_OK);
}

static void on_set_password_r(struct client *client, void *ctx, const struct st_frame *reply,
                              const struct client_result *failure)
{
    (void)ctx;
    struct st_msg_set_password_r msg;
    if (!take_answer(client, reply, failure, ST_SET_PASSWORD_R, &msg))
        return;
    struct account_flow *flow = client->account;
    memcpy(flow->server_id, client->self.server_id, sizeof flow->server_id);
    struct opaque_client_setup setup = setup_of(client, st_view(NULL, 0));
    enum st_err err = client->config.opaque.register_finish(&flow->registered, &flow->registration, msg.response,
                                                            flow_password(flow), &setup, client->env);
    if (err == ST_EMALFORMED || err == ST_EREFUSED) {
        finish_reason(client, CLIENT_PROTOCOL);
        return;
    }
    if (err != ST_OK) {
        finish_store(client, err);
        return;
    }
    struct st_msg_set_password_finish finish_msg = { .record =
                                                         st_view(&flow->registered.record, ST_OPAQUE_RECORD_LEN) };
    step(client, CLIENT_DEVICE, ST_SET_PASSWORD_FINISH, &finish_msg, on_set_password_done);
}

static void begin_set_password(struct client *client)
{
    struct account_flow *flow = client->account;
    struct st_opaque_request request;
    if (opaque_client_register_start(&flow->registration, &request, flow_password(flow), client->env) != ST_OK) {
        finish_reason(client, CLIENT_TOO_LARGE);
        return;
    }
    struct st_msg_set_password msg = { .request = st_view(&request, sizeof request) };
    step(client, CLIENT_DEVICE, ST_SET_PASSWORD, &msg, on_set_password_r);
}

static void on_remove_user_done(struct client *client, void *ctx, const struct st_frame *reply,
                                const struct client_result *failure)
{
    (void)ctx;
    struct st_msg_remove_user_done msg;
    if (take_answer(client, reply, failure, ST_REMOVE_USER_DONE, &msg))
        finish_reason(client, CLIENT_OK);
}

static void on_remove_user_r(struct client *client, void *ctx, const struct st_frame *reply,
                             const struct client_result *failure)
{
    (void)ctx;
    struct st_msg_remove_user_r msg;
    if (!take_answer(client, reply, failure, ST_REMOVE_USER_R, &msg))
        return;
    struct identity *self = &client->self;
    struct opaque_client_logged_in logged_in;
    memcpy(client->account->server_id, self->server_id, sizeof self->server_id);
    if (!answer_ke2(client, msg.ke2, self->tk_public, self->address.key, &logged_in))
        return;
    struct st_msg_remove_user_finish finish_msg = { .ke3 = st_view(&logged_in.ke3, ST_KE3_LEN) };
    client->account->ending = true;
    step(client, CLIENT_DEVICE, ST_REMOVE_USER_FINISH, &finish_msg, on_remove_user_done);
    opaque_client_logged_in_deinit(&logged_in);
}

static void begin_remove_user(struct client *client)
{
    struct account_flow *flow = client->account;
    struct st_opaque_ke1 ke1;
    if (opaque_client_login_start(&flow->login, &ke1, flow_password(flow), client->env) != ST_OK) {
        finish_reason(client, CLIENT_TOO_LARGE);
        return;
    }
    struct st_msg_remove_user msg = { .ke1 = st_view(&ke1, sizeof ke1) };
    step(client, CLIENT_DEVICE, ST_REMOVE_USER, &msg, on_remove_user_r);
}

static void on_logout_r(struct client *client, void *ctx, const struct st_frame *reply,
                        const struct client_result *failure)
{
    (void)ctx;
    struct st_msg_logout_r msg;
    if (!take_answer(client, reply, failure, ST_LOGOUT_R, &msg))
        return;
    client_go_offline(client);
    finish_reason(client, CLIENT_OK);
}

static void begin_logout(struct client *client)
{
    struct st_msg_logout msg = { .everywhere = client->account->everywhere ? 1 : 0 };
    client->account->ending = true;
    step(client, CLIENT_DEVICE, ST_LOGOUT, &msg, on_logout_r);
}

/* The first step of each operation, once its link is up. */
static void (*const first_steps[])(struct client *client) = {
    [FLOW_REGISTER] = begin_add_user,  [FLOW_LOGIN] = begin_login,   [FLOW_SET_PASSWORD] = begin_set_password,
    [FLOW_DELETE] = begin_remove_user, [FLOW_LOGOUT] = begin_logout,
};

static void go(struct client *client)
{
    struct account_flow *flow = client->account;
    if (flow->begun)
        return;
    flow->begun = true;
    first_steps[flow->kind](client);
}

static void begin_on_device(struct client *client)
{
    if (client_is_online(client))
        go(client);
    else
        client_go_online(client);
}

void client_set_password(struct client *client, struct st_view password, client_done_fn done, void *ctx)
{
    if (begin(client, FLOW_SET_PASSWORD, password, done, ctx))
        begin_on_device(client);
}

void client_delete_account(struct client *client, struct st_view password, client_done_fn done, void *ctx)
{
    if (begin(client, FLOW_DELETE, password, done, ctx))
        begin_on_device(client);
}

void client_logout(struct client *client, bool everywhere, client_done_fn done, void *ctx)
{
    if (!begin(client, FLOW_LOGOUT, st_view(NULL, 0), done, ctx))
        return;
    client->account->everywhere = everywhere;
    begin_on_device(client);
}

/* ---- what becomes of the links ---- */

void account_link_event(struct client *client, enum client_link_state state)
{
    struct account_flow *flow = client->account;
    if (!uses_enrol(flow->kind) || flow->prekeys_ms != TIMER_NEVER)
        return;
    if (state == CLIENT_LINK_UP)
        go(client);
    else if (state == CLIENT_LINK_BAD_HANDSHAKE)
        finish_reason(client, CLIENT_WRONG_SERVER_KEY);
}

void account_online(struct client *client)
{
    enum flow_kind kind = client->account->kind;
    if (kind != FLOW_NONE && !uses_enrol(kind))
        go(client);
}

void account_offline(struct client *client, enum client_reason reason)
{
    struct account_flow *flow = client->account;
    if (flow->prekeys_ms != TIMER_NEVER || (flow->ending && reason == CLIENT_DEVICE_REVOKED))
        finish_reason(client, CLIENT_OK);
    else if (flow->kind != FLOW_NONE && !uses_enrol(flow->kind))
        finish_reason(client, reason);
}
