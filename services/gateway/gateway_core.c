#include "services/gateway/gateway_core.h"

#include <stdlib.h>

#include "services/gateway/gateway_attach.h"
#include "services/gateway/gateway_clients.h"
#include "services/gateway/gateway_conns.h"
#include "services/gateway/gateway_enrols.h"
#include "services/gateway/gateway_holds.h"
#include "services/gateway/gateway_keys.h"
#include "services/gateway/gateway_route.h"
#include "services/gateway/gateway_send.h"
#include "services/gateway/gateway_services.h"
#include "services/gateway/gateway_sessions.h"
#include "services/gateway/gateway_zap.h"

enum {
    TIMERS_MAX = 1 << 22,
    KEYS_MAX = 1 << 18,
    SESSIONS_MAX = 1 << 17,
    ENROLS_MAX = 1 << 13,
    CONNS_MAX = 1 << 17,
    MOVE_STEP_MS = 20, /* between two steps of moving sessions */
    DRAIN_RECONNECT_MS = 1000
};

void gateway_limits_default(struct gateway_limits *limits_r)
{
    *limits_r = (struct gateway_limits) {
        .frames = { 20, 1000, 400 },
        .acks = { 100, 1000, 1000 },
        .chunk_bytes = { 4 * 1024 * 1024, 1000, 32 * 1024 * 1024 },
        .enrol_frames = { 1, 1000, 16 },
        .ke1 = { 50, 1000, 50 },
        .handshakes = { 10, 60 * 1000, 10 },
        .connections_max = 10000,
        .enrol_per_address = 32,
        .device_per_address = 64,
    };
}

/* ---- timers ---- */

void gateway_timer_move(struct gateway_core *core, struct gateway_timer *timer, int64_t at_ms)
{
    /* Moving a node that is set cannot fail; one that is not set stays so. */
    if (st_heap_node_is_set(&timer->node))
        (void)(st_heap_set(&core->timers, &timer->node, at_ms) == ST_OK);
}

enum st_err gateway_timer_start(struct gateway_core *core, struct gateway_timer *timer, int64_t at_ms,
                                void (*due)(struct gateway_core *core, struct gateway_timer *timer))
{
    st_heap_node_init(&timer->node);
    timer->due = due;
    return st_heap_set(&core->timers, &timer->node, at_ms);
}

void gateway_timer_stop(struct gateway_core *core, struct gateway_timer *timer)
{
    st_heap_cancel(&core->timers, &timer->node);
}

/* ---- life ---- */

static enum st_err maps_new(struct gateway_core *core)
{
    const struct {
        struct st_map **map;
        size_t key_len, max_count;
    } rows[] = {
        { &core->keys, ST_KEY_LEN, KEYS_MAX },        { &core->devices, ST_ACCT_LEN + 4, SESSIONS_MAX },
        { &core->sessions, 8, SESSIONS_MAX },         { &core->enrols, ST_KEY_LEN, ENROLS_MAX },
        { &core->enrol_sids, 8, ENROLS_MAX },         { &core->conns, 8, CONNS_MAX },
        { &core->addresses, ST_ADDR_LEN, CONNS_MAX }, { &core->holds, 8, GATEWAY_HOLDS_MAX },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t seed[ST_MAP_SEED_BYTES];
        st_env_random(&core->env, seed, sizeof seed);
        enum st_err err = st_map_new(rows[i].map, rows[i].key_len, rows[i].max_count, seed);
        if (err != ST_OK)
            return err;
    }
    return ST_OK;
}

enum st_err gateway_core_new(struct gateway_core **core_r, const struct gateway_options *options,
                             const struct st_env *env, const struct gateway_out *out)
{
    *core_r = NULL;
    struct gateway_core *core = calloc(1, sizeof *core);
    if (core == NULL)
        return ST_ENOMEM;
    core->env = *env;
    core->out = *out;
    core->limits = options->limits;
    core->promises = options->promises;
    core->log = options->log;
    core->reconnect_ms = DRAIN_RECONNECT_MS;
    core->registration = 1; /* closed, until an auth says otherwise */
    st_env_random(&core->env, &core->boot, sizeof core->boot);
    core->boot &= ST_UINT_MAX - 1;
    st_heap_init(&core->timers, TIMERS_MAX);
    st_buf_init(&core->scratch, ST_FRAME_MAX);
    static const struct st_rate moves = { GATEWAY_MOVES_PER_S, 1000, GATEWAY_MOVES_PER_S / 10 };
    st_bucket_init(&core->moves, &moves, gateway_now(core));
    st_bucket_init(&core->ke1, &core->limits.ke1, gateway_now(core));
    enum st_err err = maps_new(core);
    if (err != ST_OK) {
        gateway_core_free(&core);
        return err;
    }
    *core_r = core;
    return ST_OK;
}

void gateway_core_free(struct gateway_core **core_at)
{
    struct gateway_core *core = *core_at;
    if (core == NULL)
        return;
    if (core->holds != NULL)
        gateway_holds_free(core);
    if (core->sessions != NULL)
        gateway_sessions_free(core);
    if (core->enrols != NULL)
        gateway_enrols_free(core);
    if (core->keys != NULL)
        gateway_keys_free(core);
    if (core->conns != NULL)
        gateway_conns_free(core);
    st_heap_deinit(&core->timers);
    st_buf_free(&core->scratch);
    free(core);
    *core_at = NULL;
}

void gateway_core_set_limits(struct gateway_core *core, const struct gateway_limits *limits)
{
    core->limits = *limits;
}

enum st_err gateway_core_peer_add(struct gateway_core *core, enum gateway_role role, const char *endpoint,
                                  unsigned *peer_r)
{
    return gateway_route_add(core, role, endpoint, peer_r);
}

void gateway_core_peer_remove(struct gateway_core *core, unsigned peer)
{
    gateway_route_remove(core, peer);
}

bool gateway_core_peer_is_live(const struct gateway_core *core, unsigned peer)
{
    return gateway_route_is_live(core, peer);
}

/* ---- inputs ---- */

void gateway_core_opened(struct gateway_core *core, uint64_t conn, enum gateway_socket socket,
                         const uint8_t address[static ST_ADDR_LEN])
{
    gateway_conns_opened(core, conn, socket, address);
}

void gateway_core_closed(struct gateway_core *core, uint64_t conn)
{
    uint64_t sid = gateway_conns_closed(core, conn);
    if (sid == 0)
        return;
    struct gateway_session *session = gateway_sessions_by_sid(core, sid);
    if (session != NULL && session->link.conn == conn)
        gateway_sessions_drop(core, session);
    struct gateway_enrol *enrol = gateway_enrols_by_sid(core, sid);
    if (enrol != NULL && enrol->link.conn == conn)
        gateway_enrols_end(core, enrol);
}

void gateway_core_zap(struct gateway_core *core, const struct gateway_zap *request)
{
    gateway_zap_request(core, request);
}

void gateway_core_client(struct gateway_core *core, const struct gateway_client *from, struct st_view frame)
{
    gateway_clients_input(core, from, frame);
}

void gateway_core_service(struct gateway_core *core, unsigned peer, struct st_view hop, struct st_view frame,
                          struct st_view boxes)
{
    gateway_services_input(core, peer, hop, frame, boxes);
}

void gateway_core_flush(struct gateway_core *core)
{
    gateway_keys_flush(core);
    gateway_attach_flush(core);
}

void gateway_core_tick(struct gateway_core *core)
{
    int64_t now = gateway_now(core);
    for (struct st_heap_node *node; (node = st_heap_first(&core->timers)) != NULL && node->at_ms <= now;) {
        struct gateway_timer *timer = st_heap_owner(node, struct gateway_timer, node);
        /* A handler that does not move its timer must not be called again in this tick. */
        gateway_timer_move(core, timer, now + 1);
        timer->due(core, timer);
    }
    gateway_attach_move(core);
    gateway_core_flush(core);
}

int64_t gateway_core_next_ms(const struct gateway_core *core)
{
    int64_t now = gateway_now(core);
    int64_t wait_ms = st_heap_wait_ms(&core->timers, now, core->moving ? MOVE_STEP_MS : GATEWAY_PEER_PING_MS);
    return now + wait_ms;
}

void gateway_core_drain(struct gateway_core *core, int64_t reconnect_ms)
{
    core->draining = true;
    core->reconnect_ms = reconnect_ms;
    while (core->first != NULL)
        gateway_sessions_end(core, core->first, ST_BYE_DRAIN);
    size_t cursor = 0;
    void *value = NULL;
    while (st_map_next(core->enrols, &cursor, NULL, &value)) {
        struct gateway_enrol *enrol = value;
        if (enrol->link.sid != 0)
            gateway_send_bye(core, &enrol->link, ST_BYE_DRAIN, gateway_sessions_hint_ms(core));
    }
}

void gateway_core_stats(const struct gateway_core *core, struct gateway_stats *stats_r)
{
    *stats_r = core->stats;
    stats_r->connections = st_map_count(core->conns);
    stats_r->sessions = st_map_count(core->sessions);
    stats_r->enrolments = st_map_count(core->enrols);
    stats_r->keys = st_map_count(core->keys);
    stats_r->holds = st_map_count(core->holds);
    stats_r->zap_waiting = core->waiting;
}
