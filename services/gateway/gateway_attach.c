#include "services/gateway/gateway_attach.h"

#include "services/gateway/gateway_conns.h"
#include "services/gateway/gateway_keys.h"
#include "services/gateway/gateway_route.h"
#include "services/gateway/gateway_send.h"
#include "services/gateway/gateway_sessions.h"

enum { MOVE_LOOK_MAX = 4096 /* sessions looked at in one step */ };

static void keep_generation(struct gateway_session *session, bool given, struct st_view generation)
{
    if (!given)
        return;
    memcpy(session->generation, generation.p, ST_GENERATION_LEN);
    session->has_generation = true;
}

/* ---- attach ---- */

void gateway_attach_detach(struct gateway_core *core, struct gateway_session *session)
{
    if (session->attach == 0)
        return;
    struct st_hop hop = gateway_sessions_hop(session);
    struct st_int_detach detach = { .attach = session->attach };
    session->attach = 0;
    /* Lost: the presence runs out by itself. */
    gateway_send_note(core, session->relay, &hop, ST_DETACH, &detach);
}

void gateway_attach_start(struct gateway_core *core, struct gateway_session *session)
{
    const struct gateway_key *key = session->key;
    unsigned relay = gateway_route_relay(core, key->acct);
    if (relay != session->relay)
        gateway_attach_detach(core, session);
    session->state = GATEWAY_ATTACHING;
    session->attach = 0;
    session->relay = relay;
    session->attach_ms = gateway_now(core);
    session->attach_request = ++core->next_request;
    if (relay != GATEWAY_NO_PEER) {
        struct st_hop hop = gateway_sessions_hop(session);
        struct st_int_attach attach = { .generation = st_view(session->generation, ST_GENERATION_LEN),
                                        .list_seq = key->list_seq,
                                        .devs = { .count = key->dev_count, .items = key->devs } };
        if (session->has_generation)
            ST_SET(&attach, 1);
        session->relay_boot = core->peers[relay].boot;
        if (gateway_send_internal(core, relay, &hop, ST_ATTACH, session->attach_request, &attach) != ST_OK)
            session->relay = GATEWAY_NO_PEER;
    }
    gateway_sessions_plan(core, session);
}

static void welcome(struct gateway_core *core, struct gateway_session *session, const struct st_int_attach_r *answer)
{
    static const uint8_t no_epoch[ST_EPOCH_LEN];
    struct st_msg_welcome welcome = { .epoch = st_view(no_epoch, sizeof no_epoch),
                                      .opk_left = session->key->opk_left,
                                      .list_seq = session->key->list_seq,
                                      .retention_s = core->promises.retention_s,
                                      .mailbox_bytes_max = core->promises.mailbox_bytes_max,
                                      .blob_bytes_max = core->promises.blob_bytes_max,
                                      .registration = core->registration };
    if (answer != NULL) {
        welcome.pending = answer->pending;
        welcome.epoch = answer->epoch;
        welcome.generation = answer->generation;
        if (ST_HAS(answer, 3))
            ST_SET(&welcome, 3);
    }
    session->hello_waits = false;
    session->welcomed = true;
    gateway_send_message(core, &session->link, ST_WELCOME, session->hello_request, &welcome);
}

static void pong(struct gateway_core *core, struct gateway_session *session, uint64_t pending)
{
    if (!session->ping_waits)
        return;
    session->ping_waits = false;
    struct st_msg_pong msg = { .pending = pending, .opk_left = session->key->opk_left };
    ST_SET(&msg, 2);
    gateway_send_message(core, &session->link, ST_PONG, session->ping_request, &msg);
}

static void send_wake(struct gateway_core *core, struct gateway_session *session)
{
    struct st_int_wake wake = { .acct = st_view(session->device, ST_ACCT_LEN),
                                .dev = st_get_u32(session->device + ST_ACCT_LEN) };
    session->wake_held = false;
    /* Lost: the next ping tells the client that entries wait. */
    gateway_send_note(core, session->relay, NULL, ST_WAKE, &wake);
}

void gateway_attach_answer(struct gateway_core *core, unsigned peer, const struct st_hop *hop, uint64_t request,
                           const struct st_int_attach_r *answer)
{
    struct gateway_session *session = gateway_sessions_by_sid(core, hop->sid);
    if (session == NULL || session->state != GATEWAY_ATTACHING || session->relay != peer ||
        session->attach_request != request)
        return; /* an earlier attempt: the later one decides */
    if (answer->attach == 0) {
        /* No mailbox: this device is not on the account's newest list. */
        gateway_send_error(core, &session->link, session->hello_waits ? session->hello_request : 0,
                           ST_CODE_DEVICE_REVOKED, 0);
        gateway_sessions_replaced(core, session, ST_BYE_REVOKED);
        return;
    }
    session->state = GATEWAY_ATTACHED;
    session->attach = answer->attach;
    if (session->hello_waits)
        welcome(core, session, answer);
    pong(core, session, answer->pending);
    if (session->wake_held)
        send_wake(core, session);
    gateway_sessions_plan(core, session);
}

/* ---- hello ---- */

/* Goes on with a session whose key is known to auth: by the key's state. */
static void proceed(struct gateway_core *core, struct gateway_session *session)
{
    if (session->key->state == ST_TK_PENDING) {
        session->state = GATEWAY_LIMITED;
        welcome(core, session, NULL);
        pong(core, session, 0);
        gateway_sessions_plan(core, session);
        return;
    }
    gateway_attach_start(core, session);
}

static void refuse_disabled(struct gateway_core *core, const struct gateway_client *from, uint64_t request)
{
    struct gateway_link link = { .socket = from->socket, .rid_len = from->rid.len, .conn = from->conn };
    memcpy(link.rid, from->rid.p, from->rid.len);
    gateway_send_error(core, &link, request, ST_CODE_ACCOUNT_DISABLED, 0);
    gateway_conns_end(core, from->conn, 0);
}

void gateway_attach_hello(struct gateway_core *core, struct gateway_key *key, const struct gateway_client *from,
                          uint64_t request, const struct st_msg_hello *hello)
{
    if (key->state == ST_TK_DISABLED) {
        refuse_disabled(core, from, request);
        return;
    }
    struct gateway_session *session = key->session;
    if (session == NULL || !gateway_sessions_is_from(session, from->rid))
        session = gateway_sessions_start(core, key, from);
    if (session == NULL)
        return; /* no memory: the client's hello is asked again */
    session->hello_waits = true;
    session->hello_request = request;
    session->hello_ms = gateway_now(core);
    keep_generation(session, ST_HAS(hello, 1), hello->generation);
    /* A device that was pending may have been linked a moment ago. */
    if (gateway_keys_is_fresh(core, key) && key->state == ST_TK_ACTIVE) {
        proceed(core, session);
        return;
    }
    session->state = GATEWAY_CHECKING;
    gateway_keys_ask(core, key);
    gateway_sessions_plan(core, session);
}

void gateway_attach_checked(struct gateway_core *core, struct gateway_session *session)
{
    enum st_tk_state state = session->key->state;
    if (state == ST_TK_DISABLED || state == ST_TK_NONE) {
        gateway_send_error(core, &session->link, session->hello_waits ? session->hello_request : 0,
                           state == ST_TK_NONE ? ST_CODE_DEVICE_REVOKED : ST_CODE_ACCOUNT_DISABLED, 0);
        gateway_sessions_end(core, session, ST_BYE_REVOKED);
    } else if (session->state == GATEWAY_CHECKING) {
        proceed(core, session);
    } else if (state == ST_TK_PENDING && session->state != GATEWAY_LIMITED) {
        /* It was taken off the list again. */
        gateway_sessions_end(core, session, ST_BYE_REVOKED);
    }
}

/* ---- liveness ---- */

void gateway_attach_ping(struct gateway_core *core, struct gateway_session *session, uint64_t request,
                         const struct st_msg_ping *ping)
{
    keep_generation(session, ST_HAS(ping, 1), ping->generation);
    session->ping_waits = true;
    session->ping_request = request;
    if (session->state == GATEWAY_LIMITED)
        pong(core, session, 0);
    if (session->state != GATEWAY_ATTACHED || session->alive_queued)
        return; /* the attach that is under way answers it */
    struct gateway_peer *relay = &core->peers[session->relay];
    if (relay->alive_count == ST_ALIVE_MAX)
        gateway_attach_flush(core);
    relay->alive[relay->alive_count++] = session->link.sid;
    session->alive_queued = true;
}

static void flush_peer(struct gateway_core *core, unsigned number)
{
    struct gateway_peer *peer = &core->peers[number];
    struct st_int_alive_item items[ST_ALIVE_MAX];
    size_t count = 0;
    for (size_t i = 0; i < peer->alive_count; i++) {
        struct gateway_session *session = gateway_sessions_by_sid(core, peer->alive[i]);
        if (session == NULL)
            continue;
        session->alive_queued = false;
        if (session->state != GATEWAY_ATTACHED || session->relay != number)
            continue;
        struct st_int_alive_item *item = &items[count++];
        *item = (struct st_int_alive_item) { .acct = st_view(session->device, ST_ACCT_LEN),
                                             .dev = st_get_u32(session->device + ST_ACCT_LEN),
                                             .sid = session->link.sid,
                                             .attach = session->attach,
                                             .generation = st_view(session->generation, ST_GENERATION_LEN) };
        if (session->has_generation)
            ST_SET(item, 5);
    }
    peer->alive_count = 0;
    struct st_int_alive alive = { .items = { .count = count, .items = items } };
    /* Lost: the client pings again. */
    if (count > 0)
        gateway_send_note(core, number, NULL, ST_ALIVE, &alive);
}

void gateway_attach_flush(struct gateway_core *core)
{
    for (unsigned i = 0; i < GATEWAY_PEERS_MAX; i++)
        if (core->peers[i].used && core->peers[i].alive_count > 0)
            flush_peer(core, i);
}

void gateway_attach_alive(struct gateway_core *core, unsigned peer, struct st_records items)
{
    struct st_int_alive_r_item item;
    while (st_records_next(&st_schema_alive_r_item, &items, &item)) {
        struct gateway_session *session = gateway_sessions_by_sid(core, item.sid);
        if (session == NULL || session->state != GATEWAY_ATTACHED || session->relay != peer)
            continue;
        if (item.replaced != 0) {
            core->stats.replaced++;
            gateway_sessions_replaced(core, session, ST_BYE_REPLACED);
            continue;
        }
        if (item.attach != 0)
            session->attach = item.attach;
        pong(core, session, item.pending);
    }
}

void gateway_attach_wake(struct gateway_core *core, const struct st_int_wake *wake)
{
    struct gateway_session *session = gateway_sessions_by_device(core, wake->acct.p, wake->dev);
    if (session == NULL)
        return;
    if (session->state == GATEWAY_ATTACHED)
        send_wake(core, session);
    else
        session->wake_held = true;
}

void gateway_attach_drop(struct gateway_core *core, const struct st_int_drop *drop)
{
    struct gateway_session *session = gateway_sessions_by_sid(core, drop->sid);
    /* A drop of an earlier attach of the same session is the echo of our own moving it. */
    if (session == NULL || session->attach == 0 || session->attach != drop->attach)
        return;
    core->stats.replaced++;
    gateway_sessions_replaced(core, session, (enum st_bye_reason)drop->reason);
}

/* ---- moving ---- */

static bool must_move(const struct gateway_core *core, const struct gateway_session *session)
{
    if (session->state != GATEWAY_ATTACHED && session->state != GATEWAY_ATTACHING)
        return false;
    unsigned relay = gateway_route_relay(core, session->key->acct);
    if (relay == GATEWAY_NO_PEER)
        return false; /* nobody to move to: as it is, until one comes */
    return relay != session->relay || core->peers[relay].boot != session->relay_boot;
}

void gateway_attach_move(struct gateway_core *core)
{
    static const struct st_rate rate = { GATEWAY_MOVES_PER_S, 1000, GATEWAY_MOVES_PER_S / 10 };
    for (unsigned looked = 0; core->moving && looked < MOVE_LOOK_MAX; looked++) {
        struct gateway_session *session = core->move_next;
        if (session == NULL) {
            core->moving = false;
            return;
        }
        if (must_move(core, session)) {
            if (!st_bucket_take(&core->moves, &rate, 1, gateway_now(core)))
                return;
            core->stats.moved++;
            gateway_attach_start(core, session);
        }
        core->move_next = session->next;
    }
}
