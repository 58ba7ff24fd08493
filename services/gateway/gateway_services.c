#include "services/gateway/gateway_services.h"

#include "proto/st_messages.h"
#include "services/gateway/gateway_attach.h"
#include "services/gateway/gateway_enrols.h"
#include "services/gateway/gateway_holds.h"
#include "services/gateway/gateway_keys.h"
#include "services/gateway/gateway_policy.h"
#include "services/gateway/gateway_route.h"
#include "services/gateway/gateway_send.h"
#include "services/gateway/gateway_sessions.h"

union internal_message {
    struct st_int_svc_pong pong;
    struct st_int_tk_check_r tk_check_r;
    struct st_int_revoke revoke;
    struct st_int_purge_req purge_req;
    struct st_int_boxes_set_r boxes_set_r;
    struct st_int_purge_r purge_r;
    struct st_int_attach_r attach_r;
    struct st_int_alive_r alive_r;
    struct st_int_wake wake;
    struct st_int_drop drop;
    struct st_int_notify notify;
    uint8_t room[256];
};

/* One packet of a service. */
struct packet {
    unsigned peer;
    struct st_hop hop;
    struct st_frame frame;
    struct st_view bytes, boxes;
    union internal_message msg;
};

static void on_pong(struct gateway_core *core, const struct packet *in)
{
    gateway_route_pong(core, in->peer, &in->msg.pong);
}

static void on_tk_check_r(struct gateway_core *core, const struct packet *in)
{
    gateway_keys_answer(core, in->frame.request, in->msg.tk_check_r.items);
}

static void on_revoke(struct gateway_core *core, const struct packet *in)
{
    const struct st_int_revoke *revoke = &in->msg.revoke;
    gateway_keys_revoke(core, revoke->acct.p, (uint32_t)revoke->dev, (enum st_bye_reason)revoke->reason);
}

static void on_purge_req(struct gateway_core *core, const struct packet *in)
{
    gateway_holds_purge(core, in->peer, &in->msg.purge_req);
}

static void on_purge_r(struct gateway_core *core, const struct packet *in)
{
    gateway_holds_done(core, in->frame.request, GATEWAY_HOLD_PURGE, in->msg.purge_r.acct);
}

static void on_boxes_set_r(struct gateway_core *core, const struct packet *in)
{
    gateway_holds_done(core, in->frame.request, GATEWAY_HOLD_ANSWER, in->msg.boxes_set_r.acct);
}

static void on_attach_r(struct gateway_core *core, const struct packet *in)
{
    gateway_attach_answer(core, in->peer, &in->hop, in->frame.request, &in->msg.attach_r);
}

static void on_alive_r(struct gateway_core *core, const struct packet *in)
{
    gateway_attach_alive(core, in->peer, in->msg.alive_r.items);
}

static void on_wake(struct gateway_core *core, const struct packet *in)
{
    gateway_attach_wake(core, &in->msg.wake);
}

static void on_drop(struct gateway_core *core, const struct packet *in)
{
    gateway_attach_drop(core, &in->msg.drop);
}

/* From auth: on to the relay, which knows where the device is attached and sends it chat_started. */
static void on_notify(struct gateway_core *core, const struct packet *in)
{
    const struct st_int_notify *notify = &in->msg.notify;
    gateway_send_note(core, gateway_route_relay(core, notify->acct.p), NULL, ST_NOTIFY, notify);
}

static void (*handler_of(uint8_t type))(struct gateway_core *core, const struct packet *in)
{
    static const struct {
        uint8_t type;
        void (*handle)(struct gateway_core *core, const struct packet *in);
    } rows[] = {
        { ST_SVC_PONG, on_pong },       { ST_TK_CHECK_R, on_tk_check_r },   { ST_REVOKE, on_revoke },
        { ST_PURGE_REQ, on_purge_req }, { ST_BOXES_SET_R, on_boxes_set_r }, { ST_PURGE_R, on_purge_r },
        { ST_ATTACH_R, on_attach_r },   { ST_ALIVE_R, on_alive_r },         { ST_WAKE, on_wake },
        { ST_DROP, on_drop },           { ST_NOTIFY, on_notify },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].type == type)
            return rows[i].handle;
    return NULL;
}

/* ---- for clients ---- */

/* What an answer tells in passing: how many one-time prekeys the device has left. */
static void overhear(struct gateway_session *session, const struct st_frame *frame)
{
    struct st_msg_confirm_chat_r confirmed;
    struct st_msg_chat_started started;
    if (frame->type == ST_CONFIRM_CHAT_R && st_frame_read(frame, &confirmed) == ST_OK)
        session->key->opk_left = confirmed.opk_left;
    else if (frame->type == ST_CHAT_STARTED && st_frame_read(frame, &started) == ST_OK && ST_HAS(&started, 1))
        session->key->opk_left = started.opk_left;
}

static struct gateway_link *device_link(struct gateway_core *core, const struct packet *in, enum gateway_where *where_r)
{
    struct gateway_session *session = gateway_sessions_by_sid(core, in->hop.sid);
    struct st_hop own;
    if (session == NULL || !session->welcomed)
        return NULL;
    own = gateway_sessions_hop(session);
    if (own.dev != in->hop.dev || memcmp(own.acct, in->hop.acct, ST_ACCT_LEN) != 0)
        return NULL;
    *where_r = session->state == GATEWAY_LIMITED ? GATEWAY_WHERE_PENDING : GATEWAY_WHERE_ACTIVE;
    overhear(session, &in->frame);
    return &session->link;
}

static struct gateway_link *enrol_link(struct gateway_core *core, const struct packet *in, enum gateway_where *where_r)
{
    struct gateway_enrol *enrol = gateway_enrols_by_sid(core, in->hop.sid);
    *where_r = GATEWAY_WHERE_ENROL;
    return enrol != NULL && memcmp(enrol->tk, in->hop.tk, ST_KEY_LEN) == 0 ? &enrol->link : NULL;
}

/* Hands an answer to its client, behind the barrier if it carries a device list. False if it may not. */
static bool for_client(struct gateway_core *core, const struct packet *in)
{
    enum gateway_where where = GATEWAY_WHERE_ENROL;
    struct gateway_link *link =
        in->hop.kind == ST_HOP_ENROL ? enrol_link(core, in, &where) : device_link(core, in, &where);
    enum gateway_role role = core->peers[in->peer].role;
    if (link == NULL)
        return true; /* the client has left meanwhile */
    if (!gateway_policy_answer(in->frame.type, role, where))
        return false;
    if (in->boxes.len == 0) {
        gateway_send_client(core, link, in->bytes);
        return true;
    }
    struct st_frame boxes;
    struct st_int_boxes_set order;
    if (role != GATEWAY_AUTH || st_frame_open(in->boxes, ST_FRAME_MAX, &boxes) != ST_OK || boxes.type != ST_BOXES_SET ||
        st_frame_read(&boxes, &order) != ST_OK)
        return false;
    if (in->hop.kind == ST_HOP_DEVICE && memcmp(order.acct.p, in->hop.acct, ST_ACCT_LEN) == 0)
        gateway_keys_list(gateway_sessions_by_sid(core, in->hop.sid)->key, order.seq, order.devs);
    gateway_holds_answer(core, &in->hop, in->bytes, in->boxes, order.acct.p);
    return true;
}

/* attach_r names the device in its hop frame; all other internal messages come from the service itself. */
static bool for_gateway(struct gateway_core *core, struct packet *in)
{
    void (*handle)(struct gateway_core *, const struct packet *) = handler_of(in->frame.type);
    const struct st_message_type *type = st_message_type(in->frame.type);
    bool fits = type != NULL && type->schema->struct_size <= sizeof in->msg;
    if (handle == NULL || !fits || !gateway_policy_internal(in->frame.type, core->peers[in->peer].role) ||
        st_frame_read(&in->frame, &in->msg) != ST_OK)
        return false;
    handle(core, in);
    return true;
}

void gateway_services_input(struct gateway_core *core, unsigned peer, struct st_view hop, struct st_view frame,
                            struct st_view boxes)
{
    struct packet in = { .peer = peer, .bytes = frame, .boxes = boxes };
    core->stats.from_services++;
    if (peer >= GATEWAY_PEERS_MAX || !core->peers[peer].used)
        return;
    bool sound = st_hop_read(hop, &in.hop) == ST_OK && st_frame_open(frame, ST_FRAME_MAX, &in.frame) == ST_OK;
    if (sound && in.frame.type < 128)
        sound = in.hop.kind != ST_HOP_SERVICE && for_client(core, &in);
    else if (sound)
        sound = for_gateway(core, &in);
    if (!sound)
        ST_LOG(core->log, ST_LOG_WARN, "service_packet_refused", st_log_uint("service", peer),
               st_log_uint("type", in.frame.type));
}
