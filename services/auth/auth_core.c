#include "services/auth/auth_core.h"

#include <stdlib.h>

#include "lib/st_wipe.h"
#include "services/auth/auth_internal.h"

enum { RETRY_MS = 1000 };

/* ---- who may say what ---- */

/* Where a frame may come from: a set. */
enum where { SERVICE = 1, ENROL = 2, ACTIVE = 4, PENDING = 8 };

struct row {
    uint8_t type;
    uint8_t where;
    auth_handler_fn handle;
};

/* The one table of types; a type without a row is refused. Which object a sender may name is each handler's to check:
 * those of ACTIVE work on the account and device of the hop frame, never on one named in the message, but for is_user,
 * start_chat and get_list, which anybody who is active may ask about anybody. */
static const struct row rows[] = {
    { ST_ENDPOINTS, ENROL, auth_endpoints },
    { ST_ADD_USER, ENROL, auth_add_user },
    { ST_ADD_USER_FINISH, ENROL, auth_add_user_finish },
    { ST_LOGIN, ENROL, auth_login },
    { ST_LOGIN_FINISH, ENROL, auth_login_finish },
    { ST_REMOVE_USER, ACTIVE, auth_remove_user },
    { ST_REMOVE_USER_FINISH, ACTIVE, auth_remove_user_finish },
    { ST_SET_PASSWORD, ACTIVE, auth_set_password },
    { ST_SET_PASSWORD_FINISH, ACTIVE, auth_set_password_finish },
    { ST_LOGOUT, ACTIVE | PENDING, auth_logout },
    { ST_IS_USER, ACTIVE, auth_is_user },
    { ST_CONFIRM_CHAT, ACTIVE, auth_confirm_chat },
    { ST_START_CHAT, ACTIVE, auth_start_chat },
    { ST_GET_LIST, ACTIVE | PENDING, auth_get_list },
    { ST_PUT_LIST, ACTIVE, auth_put_list },
    { ST_LINK_OFFER, PENDING, auth_link_offer },
    { ST_LINK_GET, ACTIVE, auth_link_get },
    { ST_SVC_PING, SERVICE, auth_svc_ping },
    { ST_TK_CHECK, SERVICE, auth_tk_check },
    { ST_PURGED, SERVICE, auth_purged },
};

/* Room for the struct of any type in the table. */
union any_message {
    struct st_msg_endpoints endpoints;
    struct st_msg_add_user add_user;
    struct st_msg_add_user_finish add_user_finish;
    struct st_msg_login login;
    struct st_msg_login_finish login_finish;
    struct st_msg_remove_user remove_user;
    struct st_msg_remove_user_finish remove_user_finish;
    struct st_msg_set_password set_password;
    struct st_msg_set_password_finish set_password_finish;
    struct st_msg_logout logout;
    struct st_msg_is_user is_user;
    struct st_msg_confirm_chat confirm_chat;
    struct st_msg_start_chat start_chat;
    struct st_msg_get_list get_list;
    struct st_msg_put_list put_list;
    struct st_msg_link_offer link_offer;
    struct st_msg_link_get link_get;
    struct st_int_svc_ping svc_ping;
    struct st_int_tk_check tk_check;
    struct st_int_purged purged;
};

static const struct row *find_row(uint8_t type)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].type == type)
            return &rows[i];
    return NULL;
}

/* ---- one packet ---- */

/* Reads who asks from the database. Refuses and returns 0 if nobody may ask as that; else where he stands. */
static unsigned look_up_device(struct auth_request *request)
{
    const struct auth_store *store = &request->core->store;
    const struct st_hop *hop = request->hop;
    enum st_err err = auth_store_account_by_id(store, hop->acct, false, &request->account);
    if (err == ST_OK)
        err = auth_store_device_get(store, hop->acct, hop->dev, &request->device);
    if (err == ST_ENOTFOUND) {
        auth_refuse(request, ST_CODE_DEVICE_REVOKED,
                    "This device or its account was removed. Link the device again, or make a new account.");
        return 0;
    }
    if (err != ST_OK) {
        auth_fail(request, err);
        return 0;
    }
    if (request->account.state != AUTH_ACCOUNT_ACTIVE) {
        auth_refuse(request, ST_CODE_ACCOUNT_DISABLED, "This account is disabled. Ask the server's operator.");
        return 0;
    }
    if (!request->device.has_tk) {
        auth_refuse(request, ST_CODE_NOT_ALLOWED, "This device is logged out. Log in again.");
        return 0;
    }
    return request->device.state == AUTH_DEVICE_ACTIVE ? ACTIVE : PENDING;
}

/* Where a sender of this kind may stand at best. */
static unsigned places_of(enum st_hop_kind kind)
{
    switch (kind) {
    case ST_HOP_SERVICE:
        return SERVICE;
    case ST_HOP_ENROL:
        return ENROL;
    case ST_HOP_DEVICE:
        break;
    }
    return ACTIVE | PENDING;
}

/* May he say it? Refuses and returns false if not. What no device may say costs no look into the database. */
static bool is_allowed(struct auth_request *request, const struct row *row)
{
    unsigned where = places_of(request->hop->kind);
    if (request->hop->kind == ST_HOP_DEVICE && (row->where & where) != 0) {
        where = look_up_device(request);
        if (where == 0)
            return false;
    }
    if ((row->where & where) != 0)
        return true;
    auth_refuse(request, ST_CODE_NOT_ALLOWED,
                "This request is not allowed here. Log in, or link this device, then try again.");
    return false;
}

static void dispatch_client(struct auth_request *request, const struct st_frame *frame)
{
    union any_message msg;
    const struct row *row = find_row(frame->type);
    if (row == NULL) {
        auth_refuse(request, ST_CODE_UNKNOWN_TYPE, "This server does not know this request. Update your client.");
        return;
    }
    if (!is_allowed(request, row))
        return;
    if (st_frame_read(frame, &msg) == ST_OK)
        row->handle(request, &msg);
    else
        auth_refuse(request, ST_CODE_MALFORMED, "The request breaks the protocol. Update your client.");
}

/* A gateway's own. What it should not say, or says wrongly, gets no answer: nobody waits for one. */
static void dispatch_service(struct auth_request *request, const struct st_frame *frame)
{
    union any_message msg;
    const struct row *row = find_row(frame->type);
    if (row != NULL && (row->where & SERVICE) != 0 && st_frame_read(frame, &msg) == ST_OK)
        row->handle(request, &msg);
    else
        request->core->stats.refused++;
}

/* A frame whose header cannot be read. If it has a request id it gets an answer. */
static void refuse_frame(struct auth_request *request, struct st_view bytes, enum st_err err)
{
    if (request->hop->kind == ST_HOP_SERVICE || bytes.len < ST_HEADER_LEN) {
        request->core->stats.refused++;
        return;
    }
    request->id = st_get_u64(bytes.p + 4);
    if (err == ST_EREFUSED)
        auth_refuse(request, ST_CODE_WRONG_VERSION,
                    "This server speaks version 1 of the protocol. Update your client.");
    else if (err == ST_ELIMIT)
        auth_refuse(request, ST_CODE_TOO_LARGE, "The request is too large for this endpoint. Update your client.");
    else
        auth_refuse(request, ST_CODE_MALFORMED, "The request breaks the protocol. Update your client.");
}

static void handle(struct auth_core *core, const struct auth_packet *packet)
{
    struct st_frame frame;
    struct auth_request request = { .core = core, .from = &packet->from, .hop = &packet->hop };
    struct st_view bytes = st_view(packet->frame, packet->len);
    size_t frame_max = packet->hop.kind == ST_HOP_ENROL ? (size_t)ST_ENROL_FRAME_MAX : (size_t)ST_FRAME_MAX;
    core->stats.frames++;
    request.now_ms = st_env_wall_ms(&core->env);
    enum st_err err = st_frame_open(bytes, frame_max, &frame);
    if (err != ST_OK) {
        refuse_frame(&request, bytes, err);
        return;
    }
    request.id = frame.request;
    if (core->batch_err != ST_OK && frame.type != ST_SVC_PING) {
        if (packet->hop.kind != ST_HOP_SERVICE) /* its replacement says why; the log says it once */
            auth_refuse(&request, ST_CODE_UNAVAILABLE, "The server cannot reach its database now. Try again.");
        return;
    }
    if (packet->hop.kind == ST_HOP_SERVICE)
        dispatch_service(&request, &frame);
    else
        dispatch_client(&request, &frame);
}

/* ---- batches ---- */

void auth_batch_begin(struct auth_core *core)
{
    core->batch_err = auth_store_begin(&core->store);
    core->stats.flushes++;
}

void auth_batch_end(struct auth_core *core)
{
    enum st_err err = core->batch_err == ST_OK ? auth_store_commit(&core->store) : core->batch_err;
    if (err != ST_OK) {
        core->stats.store_errors++;
        ST_LOG(core->log, ST_LOG_ERROR, "auth_batch_lost", st_log_err("error", err));
    }
    auth_removals_settle(core, err == ST_OK);
    auth_letters_send(core, err == ST_OK);
    core->batch_err = ST_OK;
}

enum st_err auth_end(const struct auth_core *core, enum st_err err)
{
    if (err == ST_OK)
        return auth_store_commit(&core->store);
    auth_store_rollback(&core->store);
    return err;
}

static void drop_packets(struct auth_core *core)
{
    for (size_t i = 0; i < core->packet_count; i++) {
        st_wipe(core->packets[i].frame, core->packets[i].len);
        free(core->packets[i].frame);
    }
    core->packet_count = 0;
    core->packet_bytes = 0;
}

void auth_core_input(struct auth_core *core, const struct service_peer *from, struct st_view hop, struct st_view frame)
{
    if (auth_core_wants_flush(core))
        auth_core_flush(core);
    struct auth_packet *packet = &core->packets[core->packet_count];
    if (st_hop_read(hop, &packet->hop) != ST_OK || frame.len > ST_FRAME_MAX) {
        core->stats.refused++;
        return;
    }
    packet->frame = malloc(frame.len + 1);
    if (packet->frame == NULL) {
        st_log_event(core->log, ST_LOG_ERROR, "auth_packet_dropped_no_memory");
        return;
    }
    if (frame.len > 0)
        memcpy(packet->frame, frame.p, frame.len);
    packet->len = frame.len;
    packet->from = *from;
    core->packet_count++;
    core->packet_bytes += frame.len;
}

bool auth_core_wants_flush(const struct auth_core *core)
{
    return core->packet_count == AUTH_BATCH_FRAMES || core->packet_bytes >= AUTH_BATCH_BYTES;
}

void auth_core_flush(struct auth_core *core)
{
    if (core->packet_count == 0)
        return;
    auth_batch_begin(core);
    for (size_t i = 0; i < core->packet_count; i++)
        handle(core, &core->packets[i]);
    drop_packets(core);
    auth_batch_end(core);
}

/* ---- timers ---- */

void auth_core_tick(struct auth_core *core)
{
    auth_core_flush(core);
    int64_t now_ms = st_env_mono_ms(&core->env);
    auth_ake_expire(&core->akes, now_ms);
    if (now_ms < auth_core_next_ms(core))
        return;
    auth_batch_begin(core);
    auth_removals_tick(core);
    if (core->batch_err == ST_OK) {
        auth_erase_tick(core);
        auth_sweep_tick(core);
    } else {
        core->erase_next_ms = now_ms + RETRY_MS;
        core->sweeper.next_ms = core->sweeper.next_ms > now_ms ? core->sweeper.next_ms : now_ms + RETRY_MS;
    }
    auth_batch_end(core);
}

int64_t auth_core_next_ms(const struct auth_core *core)
{
    int64_t next_ms = core->sweeper.next_ms < core->erase_next_ms ? core->sweeper.next_ms : core->erase_next_ms;
    for (size_t i = 0; i < core->removal_count; i++)
        if (core->removals[i].deadline_ms < next_ms)
            next_ms = core->removals[i].deadline_ms;
    return next_ms;
}

/* ---- birth and death ---- */

/* The store is this server's, or becomes it now. */
static enum st_err bind_setting(const struct auth_store *store, const char *key, struct st_view value)
{
    uint8_t there[AUTH_SETTING_MAX];
    size_t len;
    enum st_err err = auth_store_setting_get(store, key, there, &len);
    if (err == ST_ENOTFOUND)
        return auth_store_setting_put(store, key, value);
    if (err == ST_OK && !st_view_equal(st_view(there, len), value))
        return ST_EFOREIGN;
    return err;
}

static enum st_err bind_store(const struct auth_core *core)
{
    const struct auth_config *config = &core->config;
    enum st_err err = auth_store_begin(&core->store);
    if (err != ST_OK)
        return err;
    err = bind_setting(&core->store, "server_id", st_view(config->server_id, sizeof config->server_id));
    if (err == ST_OK)
        err = bind_setting(&core->store, "opaque_public_key",
                           st_view(config->keys.public_key, sizeof config->keys.public_key));
    if (err == ST_EFOREIGN)
        st_log_event(core->log, ST_LOG_ERROR, "auth_store_of_another_server");
    if (err == ST_OK)
        err = auth_make_decoys(core);
    return auth_end(core, err);
}

static void set_endpoints(struct auth_core *core)
{
    for (size_t i = 0; i < core->config.endpoint_count; i++) {
        const struct auth_endpoint *endpoint = &core->config.endpoints[i];
        core->endpoints[i] = (struct st_msg_endpoint) {
            .host = st_view_text(endpoint->host),
            .port = endpoint->port,
            .key = st_view(endpoint->key, sizeof endpoint->key),
        };
    }
}

static enum st_err init_core(struct auth_core *core, const struct auth_config *config, const struct auth_deps *deps)
{
    uint8_t boot[8];
    core->config = *config;
    core->env = deps->env;
    core->out = deps->out;
    core->store = deps->store;
    core->log = deps->log;
    st_env_random(&core->env, boot, sizeof boot);
    core->boot = st_get_u64(boot) & (ST_UINT_MAX - 1);
    set_endpoints(core);
    enum st_err err = auth_secrets_init(&core->secrets, &config->keys);
    if (err == ST_OK)
        err = auth_ake_init(&core->akes, config->limits.logins_pending_max, &core->env);
    if (err == ST_OK)
        err = bind_store(core);
    core->erase_next_ms = st_env_mono_ms(&core->env);
    auth_sweep_init(core);
    if (config->limits.off)
        st_log_event(core->log, ST_LOG_WARN, "auth_limits_off");
    return err;
}

enum st_err auth_core_new(struct auth_core **core_r, const struct auth_config *config, const struct auth_deps *deps)
{
    *core_r = NULL;
    enum st_err err = auth_config_check(config, NULL);
    if (err != ST_OK)
        return err;
    struct auth_core *core = calloc(1, sizeof *core);
    if (core == NULL)
        return ST_ENOMEM;
    err = init_core(core, config, deps);
    if (err != ST_OK)
        auth_core_free(&core);
    *core_r = core;
    return err;
}

void auth_core_free(struct auth_core **core)
{
    struct auth_core *dead = *core;
    *core = NULL;
    if (dead == NULL)
        return;
    drop_packets(dead);
    auth_letters_free(dead);
    free(dead->letters);
    auth_ake_deinit(&dead->akes);
    auth_secrets_deinit(&dead->secrets);
    auth_config_deinit(&dead->config);
    free(dead);
}

void auth_core_drain(struct auth_core *core)
{
    core->draining = true;
}

enum st_err auth_core_reload(struct auth_core *core, const struct auth_config *config)
{
    enum st_err err = auth_config_check(config, NULL);
    if (err != ST_OK)
        return err;
    uint32_t logins_max = core->config.limits.logins_pending_max;
    core->config.limits = config->limits;
    core->config.limits.logins_pending_max = logins_max; /* that table has its size for life */
    core->config.registration = config->registration;
    core->config.unseen_days = config->unseen_days;
    if (config->limits.off)
        st_log_event(core->log, ST_LOG_WARN, "auth_limits_off");
    return ST_OK;
}

void auth_core_stats(const struct auth_core *core, struct auth_stats *stats_r)
{
    *stats_r = core->stats;
    stats_r->queued = core->packet_count;
    stats_r->logins_pending = st_map_count(core->akes.map);
    stats_r->gateways = core->gateway_count;
    stats_r->removals_waiting = core->removal_count;
}

struct auth_throttle auth_throttle_of(const struct auth_request *request)
{
    return (struct auth_throttle) {
        .store = &request->core->store,
        .limits = &request->core->config.limits,
        .secrets = &request->core->secrets,
        .now_ms = request->now_ms,
    };
}

void auth_set_text(struct auth_text *text, struct st_view from)
{
    memset(text, 0, sizeof *text);
    text->len = (uint8_t)(from.len < sizeof text->bytes ? from.len : sizeof text->bytes);
    if (text->len > 0)
        memcpy(text->bytes, from.p, text->len);
}
