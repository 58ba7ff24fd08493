#include "services/gateway/gateway_clients.h"

#include "proto/st_messages.h"
#include "services/gateway/gateway_attach.h"
#include "services/gateway/gateway_conns.h"
#include "services/gateway/gateway_enrols.h"
#include "services/gateway/gateway_keys.h"
#include "services/gateway/gateway_policy.h"
#include "services/gateway/gateway_route.h"
#include "services/gateway/gateway_send.h"
#include "services/gateway/gateway_sessions.h"
#include "services/gateway/gateway_z85.h"

/* Room for the struct of any message that a client may send; checked against the table by a test and at each read. */
union client_message {
    struct st_msg_hello hello;
    struct st_msg_ping ping;
    struct st_msg_message message;
    struct st_msg_add_user_finish add_user_finish;
    struct st_msg_link_offer link_offer;
    uint8_t room[512];
};

/* One message on its way through the gateway. */
struct passage {
    struct gateway_core *core;
    const struct gateway_client *from;
    struct st_view bytes; /* the frame as it came */
    struct st_frame frame;
    const struct gateway_request_row *row;
    union client_message body;

    struct gateway_link *link;       /* the speaker's, or `stranger` */
    struct gateway_link stranger;    /* where an answer goes if there is no session */
    struct gateway_key *key;         /* device only */
    struct gateway_session *session; /* device only; NULL before the hello */
    struct gateway_enrol *enrol;     /* enrol only */
    struct gateway_strikes *strikes;
    struct st_hop hop;
};

static void answer_error(struct passage *p, enum st_code code, int64_t retry_ms)
{
    uint64_t retry_s = retry_ms <= 0 ? 0 : (uint64_t)(retry_ms / 1000) + 1;
    gateway_send_error(p->core, p->link, p->frame.request, code, retry_s);
}

static void ignore(struct gateway_core *core, uint64_t conn)
{
    core->stats.ignored++;
    gateway_conns_cut(core, conn);
}

/* ---- strikes ---- */

/* A malformed frame. At the fifth within a minute the sender is not listened to for a minute; at the second such time
 * a device is ended and not let in for ten. */
static void strike(struct passage *p)
{
    struct gateway_core *core = p->core;
    struct gateway_strikes *strikes = p->strikes;
    int64_t now = gateway_now(core);
    core->stats.strikes++;
    if (now - strikes->since_ms >= GATEWAY_STRIKE_MS) {
        strikes->since_ms = now;
        strikes->count = 0;
    }
    if (++strikes->count < GATEWAY_STRIKES) {
        answer_error(p, ST_CODE_MALFORMED, 0);
        return;
    }
    strikes->count = 0;
    strikes->ignore_until_ms = now + GATEWAY_IGNORE_MS;
    strikes->rounds++;
    ST_LOG(core->log, ST_LOG_WARN, "strikes", st_log_address("from", p->from->address),
           st_log_text("endpoint", p->from->socket == GATEWAY_ENROL ? "enrol" : "device"),
           st_log_uint("round", strikes->rounds));
    if (p->key == NULL || strikes->rounds < 2)
        return;
    p->key->banned_until_ms = now + GATEWAY_BAN_MS;
    if (p->session != NULL)
        gateway_sessions_end(core, p->session, ST_BYE_STRIKES);
    else
        gateway_conns_cut(core, p->from->conn);
}

/* ---- who ---- */

static void as_stranger(struct passage *p)
{
    p->stranger = (struct gateway_link) {
        .socket = p->from->socket, .rid_len = p->from->rid.len, .conn = p->from->conn, .pin = GATEWAY_NO_PEER
    };
    memcpy(p->stranger.rid, p->from->rid.p, p->from->rid.len);
    p->link = &p->stranger;
}

static bool find_device(struct passage *p, const uint8_t *tk)
{
    p->key = gateway_keys_find(p->core, tk);
    if (p->key == NULL || p->key->state == ST_TK_NONE)
        return false;
    p->strikes = &p->key->strikes;
    p->key->used_ms = gateway_now(p->core);
    p->session = p->key->session;
    if (p->session != NULL && !gateway_sessions_is_from(p->session, p->from->rid))
        p->session = NULL;
    if (p->session == NULL) {
        as_stranger(p);
        return true;
    }
    p->link = &p->session->link;
    p->link->seen_ms = p->key->used_ms;
    p->hop = gateway_sessions_hop(p->session);
    return true;
}

static bool find_enrol(struct passage *p, const uint8_t *tk)
{
    p->enrol = gateway_enrols_bind(p->core, tk, p->from);
    if (p->enrol == NULL)
        return false;
    p->strikes = &p->enrol->strikes;
    p->link = &p->enrol->link;
    p->hop = (struct st_hop) { .kind = ST_HOP_ENROL, .sid = p->link->sid };
    memcpy(p->hop.tk, tk, ST_KEY_LEN);
    memcpy(p->hop.addr, p->enrol->addr, ST_ADDR_LEN);
    return true;
}

/* ---- whether ---- */

static enum gateway_where where_of(const struct passage *p)
{
    if (p->from->socket == GATEWAY_ENROL)
        return GATEWAY_WHERE_ENROL;
    return p->key->state == ST_TK_PENDING ? GATEWAY_WHERE_PENDING : GATEWAY_WHERE_ACTIVE;
}

static bool is_allowed(struct passage *p)
{
    p->row = gateway_policy_request(p->frame.type);
    if (p->row == NULL) {
        answer_error(p, ST_CODE_UNKNOWN_TYPE, 0);
    } else if ((p->row->where & where_of(p)) == 0) {
        answer_error(p, ST_CODE_NOT_ALLOWED, 0);
    } else if (p->from->socket == GATEWAY_DEVICE && p->frame.type != ST_HELLO &&
               (p->session == NULL || !p->session->welcomed)) {
        answer_error(p, ST_CODE_WRONG_STATE, 0);
        return false;
    } else {
        return true;
    }
    p->core->stats.not_allowed++;
    return false;
}

static bool take(struct passage *p, struct st_bucket *bucket, const struct st_rate *rate, uint32_t tokens)
{
    int64_t now = gateway_now(p->core);
    if (p->core->limits.off || st_bucket_take(bucket, rate, tokens, now))
        return true;
    p->core->stats.rate_limited++;
    answer_error(p, ST_CODE_RATE_LIMITED, st_bucket_wait_ms(bucket, rate, tokens, now));
    return false;
}

static bool is_within_rate(struct passage *p)
{
    struct gateway_core *core = p->core;
    const struct gateway_limits *limits = &core->limits;
    if (p->from->socket == GATEWAY_ENROL && !take(p, &p->enrol->frames, &limits->enrol_frames, 1))
        return false;
    switch (p->row->class) {
    case GATEWAY_CLASS_ACKS:
        return take(p, &p->key->acks, &limits->acks, 1);
    case GATEWAY_CLASS_CHUNK_IN:
        return take(p, &p->key->chunks, &limits->chunk_bytes, (uint32_t)p->bytes.len);
    case GATEWAY_CLASS_CHUNK_OUT:
        return take(p, &p->key->chunks, &limits->chunk_bytes, ST_BLOB_CHUNK_MAX);
    case GATEWAY_CLASS_KE1:
        if (p->key != NULL && !take(p, &p->key->frames, &limits->frames, 1))
            return false;
        return take(p, &core->ke1, &limits->ke1, 1);
    case GATEWAY_CLASS_FRAMES:
    default:
        return p->key == NULL || take(p, &p->key->frames, &limits->frames, 1);
    }
}

/* Reads header and body; false, and a strike or an error, if they break the protocol. */
static bool is_well_formed(struct passage *p)
{
    size_t frame_max = p->from->socket == GATEWAY_ENROL ? ST_ENROL_FRAME_MAX : ST_FRAME_MAX;
    enum st_err err = p->from->frames == 1 ? st_frame_open(p->bytes, frame_max, &p->frame) : ST_EMALFORMED;
    if (err == ST_OK)
        return true;
    if (err == ST_EREFUSED)
        answer_error(p, ST_CODE_WRONG_VERSION, 0);
    else
        strike(p);
    return false;
}

static bool has_sound_body(struct passage *p)
{
    const struct st_message_type *type = st_message_type(p->frame.type);
    if (type != NULL && type->schema->struct_size <= sizeof p->body && st_frame_read(&p->frame, &p->body) == ST_OK)
        return true;
    strike(p);
    return false;
}

/* ---- where to ---- */

static unsigned auth_for(struct passage *p)
{
    struct gateway_core *core = p->core;
    struct gateway_link *link = p->link;
    if (p->row->pin == GATEWAY_PIN_USE)
        return gateway_route_same(core, link->pin, link->pin_boot);
    unsigned auth = gateway_route_auth(core);
    if (p->row->pin == GATEWAY_PIN_SET) {
        link->pin = auth;
        link->pin_boot = auth != GATEWAY_NO_PEER ? core->peers[auth].boot : 0;
    }
    return auth;
}

/* The relay where the session is attached; any other serves as well while it is not. */
static unsigned own_relay(struct passage *p)
{
    if (gateway_route_is_live(p->core, p->session->relay))
        return p->session->relay;
    return gateway_route_relay(p->core, p->hop.acct);
}

static void pass_on(struct passage *p)
{
    unsigned peer = GATEWAY_NO_PEER;
    if (p->row->pin == GATEWAY_PIN_USE && p->link->pin == GATEWAY_NO_PEER) {
        answer_error(p, ST_CODE_WRONG_STATE, 0);
        return;
    }
    if (p->row->to == GATEWAY_TO_AUTH)
        peer = auth_for(p);
    else if (p->row->to == GATEWAY_TO_RECIPIENT)
        peer = gateway_route_relay(p->core, p->body.message.to.p);
    else
        peer = own_relay(p);
    if (gateway_send_service(p->core, peer, &p->hop, p->bytes) == ST_OK)
        return;
    /* A lost ack costs a duplicate; whatever else, its sender asks again. */
    if (p->frame.type != ST_ACK)
        answer_error(p, ST_CODE_UNAVAILABLE, 1);
}

static void serve(struct passage *p)
{
    if (p->core->draining)
        gateway_send_bye(p->core, p->link, ST_BYE_DRAIN, gateway_sessions_hint_ms(p->core));
    else if (p->frame.type == ST_HELLO)
        gateway_attach_hello(p->core, p->key, p->from, p->frame.request, &p->body.hello);
    else
        gateway_attach_ping(p->core, p->session, p->frame.request, &p->body.ping);
}

void gateway_clients_input(struct gateway_core *core, const struct gateway_client *from, struct st_view frame)
{
    uint8_t tk[ST_KEY_LEN];
    struct passage p = { .core = core, .from = from, .bytes = frame };
    core->stats.from_clients++;
    if (from->rid.len == 0 || from->rid.len > GATEWAY_RID_MAX || gateway_z85_decode(tk, from->user_id) != ST_OK ||
        !(from->socket == GATEWAY_ENROL ? find_enrol(&p, tk) : find_device(&p, tk))) {
        ignore(core, from->conn);
        return;
    }
    if (gateway_now(core) < p.strikes->ignore_until_ms) {
        core->stats.ignored++;
        return;
    }
    if (!is_well_formed(&p) || !is_allowed(&p) || !is_within_rate(&p) || !has_sound_body(&p))
        return;
    if (p.row->to == GATEWAY_TO_SELF)
        serve(&p);
    else
        pass_on(&p);
}
