#include "tests/sim/sim.h"

#include <stdio.h>

unsigned sim_service_count(const struct sim *sim, enum sim_role role)
{
    return role == SIM_AUTH ? sim->plan.auths : sim->plan.relays;
}

static void set_timer(struct sim *sim, struct st_heap_node *timer, int64_t mono_ms)
{
    int64_t at = mono_ms - 1; /* the monotonic clock of the cores is one ahead */
    if (st_heap_set(&sim->timers, timer, at > sim->now_ms ? at : sim->now_ms + 1) != ST_OK)
        sim_fail(sim, "too many timers");
}

/* ---- gateway ---- */

struct gateway_ctx {
    struct sim *sim;
    unsigned index;
};

/* One context for each gateway, service and client, alive as long as the process. */
static struct gateway_ctx gateway_ctxs[SIM_GATEWAYS_MAX];

static void gateway_zap(void *ctx, struct st_view rid, struct st_view request_id, unsigned status, const char *user_id)
{
    const struct gateway_ctx *at = ctx;
    (void)request_id;
    if (sim_act(at->sim, &at->sim->gateways[at->index].fuse))
        sim_conn_admit(at->sim, at->index, rid, status, user_id);
}

static enum st_err gateway_client(void *ctx, enum gateway_socket socket, struct st_view rid, struct st_view frame)
{
    const struct gateway_ctx *at = ctx;
    if (!sim_act(at->sim, &at->sim->gateways[at->index].fuse))
        return ST_EUNAVAILABLE;
    return sim_conn_to_client(at->sim, at->index, socket, rid, frame);
}

static struct sim_service *find_peer(struct sim *sim, const struct sim_gateway *gateway, unsigned peer)
{
    for (int role = SIM_AUTH; role <= SIM_RELAY; role++) {
        for (unsigned i = 0; i < sim_service_count(sim, (enum sim_role)role); i++) {
            if (gateway->peers[role][i] == peer)
                return &sim->services[role][i];
        }
    }
    return NULL;
}

static void push_packet(struct sim *sim, enum sim_event_kind kind, const struct sim_gateway *gateway,
                        const struct sim_service *service, const struct st_hop *hop, struct st_view frame,
                        struct st_view boxes)
{
    unsigned copies = sim_rng_chance(&sim->rng, sim->quiet ? 0 : sim->plan.duplicate_permille) ? 2 : 1;
    uint8_t bytes[ST_HOP_ENROL_LEN];
    size_t len = st_hop_write(hop, bytes);
    sim->stats.duplicates += copies - 1;
    for (unsigned i = 0; i < copies; i++) {
        struct sim_event *event = sim_event_new(sim, kind);
        if (event == NULL || st_buf_append(&event->hop, bytes, len) != ST_OK ||
            st_buf_append(&event->frame, frame.p, frame.len) != ST_OK ||
            st_buf_append(&event->boxes, boxes.p, boxes.len) != ST_OK)
            return;
        event->gateway = (unsigned)(gateway - sim->gateways);
        event->gateway_boot = gateway->boot;
        event->service = service->index | (unsigned)service->role << 8;
        event->service_boot = service->boot;
        /* Order between one gateway and one service is kept, as on a TCP connection. */
        int64_t *last = kind == SIM_TO_SERVICE ? &sim->last_to[event->gateway][service->role][service->index]
                                               : &sim->last_from[event->gateway][service->role][service->index];
        int64_t at = sim->now_ms + sim_delay(sim);
        *last = at > *last ? at : *last;
        sim_event_push(sim, event, *last);
    }
}

static enum st_err gateway_service(void *ctx, unsigned peer, const struct st_hop *hop, struct st_view frame)
{
    const struct gateway_ctx *at = ctx;
    struct sim *sim = at->sim;
    struct sim_gateway *gateway = &sim->gateways[at->index];
    if (!sim_act(sim, &gateway->fuse))
        return ST_EUNAVAILABLE;
    const struct sim_service *service = find_peer(sim, gateway, peer);
    if (service == NULL || !service->alive)
        return ST_EUNAVAILABLE;
    push_packet(sim, SIM_TO_SERVICE, gateway, service, hop, frame, st_view(NULL, 0));
    return ST_OK;
}

static void gateway_cut(void *ctx, uint64_t conn)
{
    const struct gateway_ctx *at = ctx;
    if (sim_act(at->sim, &at->sim->gateways[at->index].fuse))
        sim_conn_cut(at->sim, at->index, conn);
}

bool sim_gateway_start(struct sim *sim, unsigned index)
{
    struct sim_gateway *gateway = &sim->gateways[index];
    gateway_ctxs[index] = (struct gateway_ctx) { sim, index };
    struct gateway_out out = { &gateway_ctxs[index], gateway_zap, gateway_client, gateway_service, gateway_cut };
    struct gateway_options options = { .promises = { 30 * 86400, 64 << 20, 1 << 30 } };
    gateway_limits_default(&options.limits);
    options.limits.off = true;
    memset(&gateway->fuse, 0, sizeof gateway->fuse);
    gateway->boot = ++sim->next_boot;
    snprintf(gateway->name, sizeof gateway->name, "gw-%016llx", (unsigned long long)gateway->boot);
    if (gateway_core_new(&gateway->core, &options, &sim->env, &out) != ST_OK)
        return false;
    for (int role = SIM_AUTH; role <= SIM_RELAY; role++) {
        for (unsigned i = 0; i < sim_service_count(sim, (enum sim_role)role); i++) {
            char endpoint[32];
            snprintf(endpoint, sizeof endpoint, "%s-%u", role == SIM_AUTH ? "auth" : "relay", i);
            if (gateway_core_peer_add(gateway->core, role == SIM_AUTH ? GATEWAY_AUTH : GATEWAY_RELAY, endpoint,
                                      &gateway->peers[role][i]) != ST_OK)
                return false;
        }
    }
    gateway->alive = true;
    st_heap_node_init(&gateway->timer);
    set_timer(sim, &gateway->timer, gateway_core_next_ms(gateway->core));
    return true;
}

void sim_gateway_stop(struct sim *sim, unsigned index)
{
    struct sim_gateway *gateway = &sim->gateways[index];
    if (!gateway->alive)
        return;
    gateway->alive = false;
    st_heap_cancel(&sim->timers, &gateway->timer);
    gateway_core_free(&gateway->core);
    for (unsigned i = 0; i < SIM_CONNS_MAX; i++) {
        struct sim_conn *conn = &sim->conns[i];
        if ((conn->state == SIM_CONN_ZAP || conn->state == SIM_CONN_UP) && conn->gateway == index)
            sim_conn_break(sim, conn);
    }
}

void sim_gateway_tick(struct sim *sim, unsigned index)
{
    struct sim_gateway *gateway = &sim->gateways[index];
    if (!gateway->alive)
        return;
    gateway_core_flush(gateway->core);
    if (gateway_core_next_ms(gateway->core) <= sim->now_ms + 1)
        gateway_core_tick(gateway->core);
    gateway_core_flush(gateway->core);
    if (gateway->fuse.dead) {
        sim_trace(sim, "gateway %u dies", index);
        sim_gateway_stop(sim, index);
        return;
    }
    set_timer(sim, &gateway->timer, gateway_core_next_ms(gateway->core));
}

void sim_deliver_gateway(struct sim *sim, struct sim_event *event)
{
    struct sim_gateway *gateway = &sim->gateways[event->gateway];
    if (!gateway->alive || gateway->boot != event->gateway_boot)
        return;
    unsigned peer = gateway->peers[event->service >> 8][event->service & 0xff];
    gateway_core_service(gateway->core, peer, st_buf_view(&event->hop), st_buf_view(&event->frame),
                         st_buf_view(&event->boxes));
    sim_gateway_tick(sim, event->gateway);
}

/* ---- auth and relay ---- */

struct service_ctx {
    struct sim *sim;
    enum sim_role role;
    unsigned index;
};

static struct service_ctx service_ctxs[2][SIM_SERVICES_MAX];

static enum st_err service_send(void *ctx, const struct service_peer *to, const struct st_hop *hop,
                                struct st_view frame, struct st_view boxes)
{
    const struct service_ctx *at = ctx;
    struct sim *sim = at->sim;
    struct sim_service *service = &sim->services[at->role][at->index];
    if (!sim_act(sim, &service->fuse))
        return ST_EUNAVAILABLE;
    for (unsigned i = 0; i < sim->plan.gateways; i++) {
        struct sim_gateway *gateway = &sim->gateways[i];
        if (!gateway->alive || strcmp(gateway->name, to->name) != 0)
            continue;
        push_packet(sim, SIM_TO_GATEWAY_FROM_SERVICE, gateway, service, hop, frame, boxes);
        return ST_OK;
    }
    return ST_ENOTFOUND;
}

static bool start_auth(struct sim *sim, struct sim_service *service, const struct service_out *out)
{
    if (auth_mem_open(sim->auth_mem, &service->auth_store) != ST_OK)
        return false;
    struct auth_deps deps = { .env = sim->env, .out = *out, .store = service->auth_store };
    return auth_core_new(&service->auth, &sim->auth_config, &deps) == ST_OK;
}

static bool start_relay(struct sim *sim, struct sim_service *service, const struct service_out *out)
{
    mailbox_mem_open(sim->mailbox_mem, &service->mailbox);
    blob_mem_open(sim->blob_mem, &service->blob);
    struct relay_options options = sim->relay_options;
    snprintf(options.name.name, sizeof options.name.name, "rl-%016llx", (unsigned long long)service->boot);
    struct relay_deps deps = { .env = sim->env, .out = *out, .mailbox = service->mailbox, .blob = service->blob };
    return relay_core_new(&service->relay, &options, &deps) == ST_OK;
}

static int64_t service_next(const struct sim_service *service)
{
    return service->role == SIM_AUTH ? auth_core_next_ms(service->auth) : relay_core_next_ms(service->relay);
}

bool sim_service_start(struct sim *sim, enum sim_role role, unsigned index)
{
    struct sim_service *service = &sim->services[role][index];
    service_ctxs[role][index] = (struct service_ctx) { sim, role, index };
    struct service_out out = { &service_ctxs[role][index], service_send };
    memset(service, 0, sizeof *service);
    service->role = role;
    service->index = index;
    service->boot = ++sim->next_boot;
    if (!(role == SIM_AUTH ? start_auth(sim, service, &out) : start_relay(sim, service, &out)))
        return false;
    service->alive = true;
    set_timer(sim, &service->timer, service_next(service));
    return true;
}

void sim_service_stop(struct sim *sim, enum sim_role role, unsigned index)
{
    struct sim_service *service = &sim->services[role][index];
    if (!service->alive)
        return;
    service->alive = false;
    st_heap_cancel(&sim->timers, &service->timer);
    if (role == SIM_AUTH) {
        auth_core_free(&service->auth);
        auth_store_close(&service->auth_store);
    } else {
        relay_core_free(&service->relay);
        mailbox_close(&service->mailbox);
        blob_close(&service->blob);
    }
}

static void after(struct sim *sim, struct sim_service *service)
{
    if (service->fuse.dead) {
        sim_trace(sim, "%s %u dies", service->role == SIM_AUTH ? "auth" : "relay", service->index);
        sim_service_stop(sim, service->role, service->index);
        return;
    }
    set_timer(sim, &service->timer, service_next(service));
}

void sim_service_tick(struct sim *sim, struct sim_service *service)
{
    if (!service->alive)
        return;
    if (service->role == SIM_AUTH)
        auth_core_tick(service->auth);
    else
        relay_core_tick(service->relay);
    after(sim, service);
}

static void flush_service(struct sim *sim, uint64_t arg)
{
    struct sim_service *service = &sim->services[arg >> 8 & 1][arg & 0xff];
    if (!service->alive || service->boot != arg >> 16)
        return;
    service->flush_planned = false;
    if (service->role == SIM_AUTH)
        auth_core_flush(service->auth);
    else
        relay_core_flush(service->relay);
    after(sim, service);
}

void sim_deliver_service(struct sim *sim, struct sim_event *event)
{
    struct sim_service *service = &sim->services[event->service >> 8][event->service & 0xff];
    if (!service->alive || service->boot != event->service_boot)
        return;
    struct service_peer from;
    memset(&from, 0, sizeof from);
    snprintf(from.name, sizeof from.name, "gw-%016llx", (unsigned long long)event->gateway_boot);
    if (service->role == SIM_AUTH)
        auth_core_input(service->auth, &from, st_buf_view(&event->hop), st_buf_view(&event->frame));
    else
        relay_core_input(service->relay, &from, st_buf_view(&event->hop), st_buf_view(&event->frame));
    if (service->fuse.dead) {
        after(sim, service);
        return;
    }
    if (service->flush_planned)
        return;
    service->flush_planned = true;
    sim_at(sim, sim->now_ms + (int64_t)sim_rng_below(&sim->rng, 4), flush_service,
           service->boot << 16 | (uint64_t)service->role << 8 | service->index);
}
