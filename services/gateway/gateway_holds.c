#include "services/gateway/gateway_holds.h"

#include <stdlib.h>

#include "services/gateway/gateway_enrols.h"
#include "services/gateway/gateway_route.h"
#include "services/gateway/gateway_send.h"
#include "services/gateway/gateway_sessions.h"

enum { TRY_AGAIN_MS = 1000, ORDER_MAX = 4096 };

static void hold_free(struct gateway_core *core, struct gateway_hold *hold)
{
    uint8_t key[8];
    st_put_u64(key, hold->request);
    st_map_remove(core->holds, key);
    gateway_timer_stop(core, &hold->timer);
    core->hold_bytes -= hold->answer.len;
    st_buf_free(&hold->order);
    st_buf_free(&hold->answer);
    free(hold);
}

static struct gateway_link *link_of(struct gateway_core *core, const struct st_hop *hop)
{
    struct gateway_enrol *enrol = NULL;
    struct gateway_session *session = NULL;
    if (hop->kind == ST_HOP_ENROL)
        enrol = gateway_enrols_by_sid(core, hop->sid);
    else
        session = gateway_sessions_by_sid(core, hop->sid);
    return enrol != NULL ? &enrol->link : session != NULL ? &session->link : NULL;
}

static void tell_unavailable(struct gateway_core *core, const struct st_hop *hop, struct st_view answer)
{
    struct gateway_link *link = link_of(core, hop);
    struct st_frame frame;
    if (link != NULL && st_frame_open(answer, ST_FRAME_MAX, &frame) == ST_OK)
        gateway_send_error(core, link, frame.request, ST_CODE_UNAVAILABLE, 1);
}

/* Sends the order to the relay of the account, unless that one has it already. */
static void send_order(struct gateway_core *core, struct gateway_hold *hold)
{
    static const struct st_hop from_gateway = { .kind = ST_HOP_SERVICE };
    unsigned relay = gateway_route_relay(core, hold->acct);
    if (relay == GATEWAY_NO_PEER || relay == hold->relay)
        return;
    if (gateway_send_service(core, relay, &from_gateway, st_buf_view(&hold->order)) == ST_OK)
        hold->relay = relay;
}

static void hold_due(struct gateway_core *core, struct gateway_timer *timer)
{
    struct gateway_hold *hold = gateway_timer_owner(timer, struct gateway_hold, timer);
    int64_t now = gateway_now(core);
    if (now >= hold->until_ms) {
        if (hold->kind == GATEWAY_HOLD_ANSWER)
            tell_unavailable(core, &hold->hop, st_buf_view(&hold->answer));
        hold_free(core, hold); /* a purge is asked for again by auth */
        return;
    }
    send_order(core, hold);
    int64_t next_ms = now + TRY_AGAIN_MS;
    gateway_timer_move(core, timer, next_ms < hold->until_ms ? next_ms : hold->until_ms);
}

/* Enters a hold whose order is made, and sends the order. Takes `hold`. */
static bool enter(struct gateway_core *core, struct gateway_hold *hold)
{
    uint8_t key[8];
    st_put_u64(key, hold->request);
    int64_t now = gateway_now(core);
    hold->relay = GATEWAY_NO_PEER;
    hold->until_ms = now + GATEWAY_HOLD_MS;
    bool fits = st_buf_error(&hold->order) == ST_OK && st_buf_error(&hold->answer) == ST_OK &&
                core->hold_bytes + hold->answer.len <= GATEWAY_HOLD_BYTES_MAX;
    if (fits && gateway_timer_start(core, &hold->timer, now + TRY_AGAIN_MS, hold_due) == ST_OK) {
        if (st_map_put(core->holds, key, hold) == ST_OK) {
            core->hold_bytes += hold->answer.len;
            send_order(core, hold);
            return true;
        }
        gateway_timer_stop(core, &hold->timer);
    }
    st_buf_free(&hold->order);
    st_buf_free(&hold->answer);
    free(hold);
    return false;
}

static struct gateway_hold *hold_new(struct gateway_core *core, enum gateway_hold_kind kind, const uint8_t *acct)
{
    struct gateway_hold *hold = calloc(1, sizeof *hold);
    if (hold == NULL)
        return NULL;
    *hold = (struct gateway_hold) { .request = ++core->next_request, .kind = kind };
    memcpy(hold->acct, acct, ST_ACCT_LEN);
    st_buf_init(&hold->order, ORDER_MAX);
    st_buf_init(&hold->answer, ST_FRAME_MAX);
    return hold;
}

void gateway_holds_answer(struct gateway_core *core, const struct st_hop *hop, struct st_view answer,
                          struct st_view boxes, const uint8_t acct[static ST_ACCT_LEN])
{
    struct gateway_hold *hold = hold_new(core, GATEWAY_HOLD_ANSWER, acct);
    if (hold == NULL) {
        tell_unavailable(core, hop, answer);
        return;
    }
    hold->hop = *hop;
    st_buf_append(&hold->order, boxes.p, boxes.len);
    st_buf_append(&hold->answer, answer.p, answer.len);
    /* The relay's answer carries our number. */
    if (hold->order.len >= ST_HEADER_LEN)
        st_put_u64(hold->order.p + 4, hold->request);
    if (!enter(core, hold))
        tell_unavailable(core, hop, answer);
}

void gateway_holds_purge(struct gateway_core *core, unsigned auth, const struct st_int_purge_req *req)
{
    struct gateway_hold *hold = hold_new(core, GATEWAY_HOLD_PURGE, req->acct.p);
    if (hold == NULL)
        return; /* auth asks again */
    hold->auth = auth;
    struct st_int_purge purge = { .acct = req->acct, .devs = req->devs };
    if (st_frame_write(ST_PURGE, hold->request, &purge, &hold->order) != ST_OK)
        ST_LOG(core->log, ST_LOG_ERROR, "frame_not_written", st_log_uint("type", ST_PURGE));
    (void)enter(core, hold); /* auth asks again */
}

void gateway_holds_done(struct gateway_core *core, uint64_t request, enum gateway_hold_kind kind, struct st_view acct)
{
    uint8_t key[8];
    st_put_u64(key, request);
    struct gateway_hold *hold = st_map_get(core->holds, key);
    /* From whichever relay that was asked: they share the store. */
    if (hold == NULL || hold->kind != kind || memcmp(hold->acct, acct.p, ST_ACCT_LEN) != 0)
        return;
    if (kind == GATEWAY_HOLD_ANSWER) {
        struct gateway_link *link = link_of(core, &hold->hop);
        if (link != NULL)
            gateway_send_client(core, link, st_buf_view(&hold->answer));
    } else {
        struct st_int_purged purged = { .acct = acct };
        /* Lost: auth asks again. */
        gateway_send_note(core, hold->auth, NULL, ST_PURGED, &purged);
    }
    hold_free(core, hold);
}

void gateway_holds_free(struct gateway_core *core)
{
    size_t cursor = 0;
    void *hold = NULL;
    while (st_map_next(core->holds, &cursor, NULL, &hold))
        hold_free(core, hold);
    st_map_free(&core->holds);
}
