#include "services/auth/auth_internal.h"

#include <stdlib.h>

enum { TOUCH_MS = 24 * 60 * 60 * 1000 }; /* last_seen is kept to within a day */

/* ---- gateways ---- */

static bool is_live(const struct auth_core *core, const struct auth_gateway *gateway)
{
    return st_env_mono_ms(&core->env) - gateway->seen_ms <= AUTH_GATEWAY_SILENT_MS;
}

/* The row of this gateway; if all are taken, that of the one that has been silent for longest. */
static struct auth_gateway *gateway_row(struct auth_core *core, const struct service_peer *peer)
{
    struct auth_gateway *row = &core->gateways[0];
    for (size_t i = 0; i < core->gateway_count; i++) {
        struct auth_gateway *gateway = &core->gateways[i];
        if (strcmp(gateway->peer.name, peer->name) == 0)
            return gateway;
        if (gateway->seen_ms < row->seen_ms)
            row = gateway;
    }
    if (core->gateway_count < AUTH_GATEWAYS_MAX)
        row = &core->gateways[core->gateway_count++];
    row->peer = *peer;
    return row;
}

void auth_svc_ping(struct auth_request *request, const void *msg)
{
    (void)msg; /* a gateway that started anew has another name */
    struct auth_core *core = request->core;
    gateway_row(core, request->from)->seen_ms = st_env_mono_ms(&core->env);
    struct st_int_svc_pong pong = { .boot = core->boot,
                                    .draining = core->draining,
                                    .registration = core->config.registration };
    ST_SET(&pong, 3);
    auth_answer_always(request, ST_SVC_PONG, &pong);
}

const struct service_peer *auth_any_gateway(const struct auth_core *core, uint32_t turn)
{
    size_t live[AUTH_GATEWAYS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < core->gateway_count; i++)
        if (is_live(core, &core->gateways[i]))
            live[count++] = i;
    return count == 0 ? NULL : &core->gateways[live[turn % count]].peer;
}

void auth_revoke_at(struct auth_core *core, const struct service_peer *gateway, const uint8_t acct[static ST_ACCT_LEN],
                    uint32_t dev)
{
    const struct st_int_revoke revoke = { .acct = st_view(acct, ST_ACCT_LEN), .dev = dev, .reason = ST_BYE_REVOKED };
    auth_tell(core, gateway, ST_REVOKE, &revoke);
}

void auth_revoke(struct auth_core *core, const uint8_t acct[static ST_ACCT_LEN], uint32_t dev,
                 const struct service_peer *except)
{
    for (size_t i = 0; i < core->gateway_count; i++) {
        const struct auth_gateway *gateway = &core->gateways[i];
        if (is_live(core, gateway) && (except == NULL || strcmp(except->name, gateway->peer.name) != 0))
            auth_revoke_at(core, &gateway->peer, acct, dev);
    }
}

/* ---- tk_check ---- */

static enum st_tk_state state_of(const struct auth_session *session)
{
    if (session->account_state != AUTH_ACCOUNT_ACTIVE)
        return ST_TK_DISABLED;
    return session->device_state == AUTH_DEVICE_ACTIVE ? ST_TK_ACTIVE : ST_TK_PENDING;
}

/* Room for what the items of one answer point to. */
struct tk_room {
    struct auth_session session;
    uint8_t devs[ST_DEVICES_MAX * 4];
};

static enum st_err check_one(struct auth_request *request, struct st_view tk, struct st_int_tk_item *item,
                             struct tk_room *room)
{
    struct st_devlist list;
    struct auth_session *session = &room->session;
    *item = (struct st_int_tk_item) { .tk = tk, .state = ST_TK_NONE };
    enum st_err err = auth_store_session_get(&request->core->store, tk.p, session);
    if (err == ST_ENOTFOUND)
        return ST_OK;
    if (err == ST_OK)
        err = st_devlist_parse(st_view(session->list.wire, session->list.len), &list) == ST_OK ? ST_OK : ST_EFOREIGN;
    if (err != ST_OK)
        return err;
    item->state = state_of(session);
    if (item->state == ST_TK_DISABLED)
        return ST_OK;
    item->acct = st_view(session->acct, sizeof session->acct);
    item->dev = session->dev;
    item->list_seq = session->list.seq;
    item->devs.count = auth_list_devs(&list, room->devs);
    item->devs.items = room->devs;
    item->opk_left = session->opk_left;
    for (unsigned key = 3; key <= 7; key++)
        ST_SET(item, key);
    if (request->now_ms - session->last_seen_ms < TOUCH_MS)
        return ST_OK;
    return auth_store_session_touch(&request->core->store, session->acct, session->dev, request->now_ms);
}

void auth_tk_check(struct auth_request *request, const void *msg)
{
    const struct st_int_tk_check *check = msg;
    struct st_records tks = check->tks;
    struct st_view tk;
    struct st_int_tk_item *items = calloc(check->tks.count, sizeof *items);
    struct tk_room *rooms = calloc(check->tks.count, sizeof *rooms);
    enum st_err err = items == NULL || rooms == NULL ? ST_ENOMEM : ST_OK;
    size_t count = 0;
    for (; err == ST_OK && st_bytes_list_next(&tks, &tk); count++)
        err = check_one(request, tk, &items[count], &rooms[count]);
    /* Without an answer the gateway asks another auth, and tells the client nothing meanwhile: "not there" must never
     * come from a store that could not say. */
    if (err == ST_OK) {
        const struct st_int_tk_check_r answer = { .items = { .count = count, .items = items } };
        auth_answer(request, ST_TK_CHECK_R, &answer);
    } else {
        ST_LOG(request->core->log, ST_LOG_ERROR, "auth_tk_check_failed", st_log_err("error", err));
    }
    free(items);
    free(rooms);
}
