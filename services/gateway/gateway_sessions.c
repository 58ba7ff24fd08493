#include "services/gateway/gateway_sessions.h"

#include <stdlib.h>

#include "services/gateway/gateway_attach.h"
#include "services/gateway/gateway_conns.h"
#include "services/gateway/gateway_keys.h"
#include "services/gateway/gateway_send.h"
#include "services/gateway/gateway_zap.h"

static void device_name(uint8_t out[static ST_ACCT_LEN + 4], const uint8_t *acct, uint32_t dev)
{
    memcpy(out, acct, ST_ACCT_LEN);
    st_put_u32(out + ST_ACCT_LEN, dev);
}

struct gateway_session *gateway_sessions_by_sid(const struct gateway_core *core, uint64_t sid)
{
    uint8_t key[8];
    st_put_u64(key, sid);
    return st_map_get(core->sessions, key);
}

struct gateway_session *gateway_sessions_by_device(const struct gateway_core *core,
                                                   const uint8_t acct[static ST_ACCT_LEN], uint64_t dev)
{
    uint8_t name[ST_ACCT_LEN + 4];
    device_name(name, acct, (uint32_t)dev);
    return st_map_get(core->devices, name);
}

bool gateway_sessions_is_from(const struct gateway_session *session, struct st_view rid)
{
    return session->link.rid_len == rid.len && memcmp(session->link.rid, rid.p, rid.len) == 0;
}

struct st_hop gateway_sessions_hop(const struct gateway_session *session)
{
    struct st_hop hop = { .kind = ST_HOP_DEVICE, .sid = session->link.sid };
    memcpy(hop.acct, session->device, ST_ACCT_LEN);
    hop.dev = st_get_u32(session->device + ST_ACCT_LEN);
    return hop;
}

int64_t gateway_sessions_hint_ms(struct gateway_core *core)
{
    uint32_t random = 0;
    st_env_random(&core->env, &random, sizeof random);
    return core->reconnect_ms + (core->reconnect_ms > 0 ? (int64_t)(random % (uint64_t)core->reconnect_ms) : 0);
}

void gateway_sessions_plan(struct gateway_core *core, struct gateway_session *session)
{
    int64_t at_ms = session->link.seen_ms + GATEWAY_SESSION_IDLE_MS;
    int64_t attach_ms = session->attach_ms + GATEWAY_ATTACH_AGAIN_MS;
    int64_t hello_ms = session->hello_ms + GATEWAY_HELLO_WAIT_MS;
    if (session->link.gone)
        at_ms = gateway_now(core);
    if (session->state == GATEWAY_ATTACHING && attach_ms < at_ms)
        at_ms = attach_ms;
    if (session->hello_waits && hello_ms < at_ms)
        at_ms = hello_ms;
    gateway_timer_move(core, &session->link.timer, at_ms);
}

static void session_due(struct gateway_core *core, struct gateway_timer *timer)
{
    struct gateway_session *session = gateway_timer_owner(timer, struct gateway_session, link.timer);
    int64_t now = gateway_now(core);
    if (session->link.gone || now - session->link.seen_ms >= GATEWAY_SESSION_IDLE_MS) {
        gateway_sessions_drop(core, session);
        return;
    }
    if (session->hello_waits && now - session->hello_ms >= GATEWAY_HELLO_WAIT_MS) {
        gateway_send_error(core, &session->link, session->hello_request, ST_CODE_UNAVAILABLE, 1);
        session->hello_waits = false;
        if (!session->welcomed) {
            gateway_sessions_drop(core, session);
            return;
        }
    }
    if (session->state == GATEWAY_ATTACHING && now - session->attach_ms >= GATEWAY_ATTACH_AGAIN_MS)
        gateway_attach_start(core, session);
    gateway_sessions_plan(core, session);
}

/* Takes the session out of every table and frees it. */
static void unlink_and_free(struct gateway_core *core, struct gateway_session *session)
{
    uint8_t sid[8];
    st_put_u64(sid, session->link.sid);
    st_map_remove(core->sessions, sid);
    if (st_map_get(core->devices, session->device) == session)
        st_map_remove(core->devices, session->device);
    if (core->move_next == session)
        core->move_next = session->next;
    *(session->prev != NULL ? &session->prev->next : &core->first) = session->next;
    if (session->next != NULL)
        session->next->prev = session->prev;
    gateway_timer_stop(core, &session->link.timer);
    session->key->session = NULL;
    session->key->used_ms = gateway_now(core);
    free(session);
}

static void finish(struct gateway_core *core, struct gateway_session *session, bool detach)
{
    if (detach)
        gateway_attach_detach(core, session);
    gateway_conns_end(core, session->link.conn, session->link.sid);
    unlink_and_free(core, session);
}

void gateway_sessions_end(struct gateway_core *core, struct gateway_session *session, enum st_bye_reason reason)
{
    gateway_send_bye(core, &session->link, reason, reason == ST_BYE_DRAIN ? gateway_sessions_hint_ms(core) : 0);
    finish(core, session, true);
}

void gateway_sessions_drop(struct gateway_core *core, struct gateway_session *session)
{
    finish(core, session, true);
}

void gateway_sessions_replaced(struct gateway_core *core, struct gateway_session *session, enum st_bye_reason reason)
{
    gateway_send_bye(core, &session->link, reason, 0);
    finish(core, session, false);
}

static void end_older(struct gateway_core *core, struct gateway_key *key)
{
    if (key->session != NULL) {
        core->stats.replaced++;
        st_log_event(core->log, ST_LOG_INFO, "session_replaced_by_same_key");
        gateway_sessions_end(core, key->session, ST_BYE_REPLACED);
    }
    struct gateway_session *other = gateway_sessions_by_device(core, key->acct, key->dev);
    if (other != NULL) {
        core->stats.replaced++;
        gateway_sessions_end(core, other, ST_BYE_REPLACED);
    }
}

static enum st_err enter(struct gateway_core *core, struct gateway_session *session)
{
    uint8_t sid[8];
    st_put_u64(sid, session->link.sid);
    enum st_err err =
        gateway_timer_start(core, &session->link.timer, gateway_now(core) + GATEWAY_SESSION_IDLE_MS, session_due);
    if (err == ST_OK)
        err = st_map_put(core->sessions, sid, session);
    if (err == ST_OK)
        err = st_map_put(core->devices, session->device, session);
    if (err == ST_OK)
        return ST_OK;
    gateway_timer_stop(core, &session->link.timer);
    st_map_remove(core->sessions, sid);
    return err;
}

struct gateway_session *gateway_sessions_start(struct gateway_core *core, struct gateway_key *key,
                                               const struct gateway_client *from)
{
    end_older(core, key);
    struct gateway_session *session = calloc(1, sizeof *session);
    if (session == NULL)
        return NULL;
    session->link = (struct gateway_link) { .socket = GATEWAY_DEVICE,
                                            .rid_len = from->rid.len,
                                            .conn = from->conn,
                                            .sid = ++core->next_sid,
                                            .pin = GATEWAY_NO_PEER,
                                            .seen_ms = gateway_now(core) };
    memcpy(session->link.rid, from->rid.p, from->rid.len);
    session->key = key;
    device_name(session->device, key->acct, key->dev);
    session->relay = GATEWAY_NO_PEER;
    session->attach_ms = GATEWAY_NEVER;
    if (enter(core, session) != ST_OK) {
        free(session);
        return NULL;
    }
    key->session = session;
    session->next = core->first;
    if (core->first != NULL)
        core->first->prev = session;
    core->first = session;
    gateway_conns_speaks(core, from->conn, session->link.sid);
    gateway_zap_spoken(core, key);
    gateway_keys_plan(core, key);
    return session;
}

void gateway_sessions_free(struct gateway_core *core)
{
    while (core->first != NULL)
        unlink_and_free(core, core->first);
    st_map_free(&core->sessions);
    st_map_free(&core->devices);
}
