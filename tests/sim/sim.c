#include "tests/sim/sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <sodium.h>

#include "client/opaque/opaque_client_vectors.h"

enum {
    QUEUE_MAX = 1 << 20,
    TIMERS_MAX = 64,
    STEPS_MAX = 4000000, /* of one run: beyond, something spins */
    REST_MS = 45 * 60 * 1000
};
#define START_WALL_MS INT64_C(1795000000000) /* November 2026 */

void sim_fail(struct sim *sim, const char *format, ...)
{
    if (sim->failure[0] != '\0')
        return; /* the first one counts */
    va_list args;
    va_start(args, format);
    int n = snprintf(sim->failure, sizeof sim->failure, "%.3f s: ", (double)sim->now_ms / 1000);
    vsnprintf(sim->failure + n, sizeof sim->failure - (size_t)n, format, args);
    va_end(args);
}

void sim_trace(const struct sim *sim, const char *format, ...)
{
    if (!sim->plan.verbose)
        return;
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%10.3f  ", (double)sim->now_ms / 1000);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

static int64_t wall_ms(void *ctx)
{
    const struct sim *sim = ctx;
    return START_WALL_MS + sim->now_ms;
}

static int64_t mono_ms(void *ctx)
{
    const struct sim *sim = ctx;
    return sim->now_ms + 1; /* 0 means "nothing planned" to some */
}

static void random_bytes(void *ctx, void *out, size_t len)
{
    struct sim *sim = ctx;
    sim_rng_fill(&sim->rng, out, len);
}

/* ---- the queue ---- */

struct sim_event *sim_event_new(struct sim *sim, enum sim_event_kind kind)
{
    struct sim_event *event = calloc(1, sizeof *event);
    if (event == NULL) {
        sim_fail(sim, "out of memory");
        return NULL;
    }
    event->kind = kind;
    st_buf_init(&event->hop, ST_HOP_ENROL_LEN);
    st_buf_init(&event->frame, ST_FRAME_MAX + 4096);
    st_buf_init(&event->boxes, ST_FRAME_MAX);
    return event;
}

static void event_free(struct sim_event *event)
{
    st_buf_free(&event->hop);
    st_buf_free(&event->frame);
    st_buf_free(&event->boxes);
    free(event);
}

void sim_event_push(struct sim *sim, struct sim_event *event, int64_t at_ms)
{
    if (st_heap_set(&sim->queue, &event->node, at_ms) != ST_OK) {
        sim_fail(sim, "the event queue is full");
        event_free(event);
    }
}

void sim_at(struct sim *sim, int64_t at_ms, sim_fn fn, uint64_t arg)
{
    struct sim_event *event = sim_event_new(sim, SIM_CALL);
    if (event == NULL)
        return;
    event->fn = fn;
    event->arg = arg;
    sim_event_push(sim, event, at_ms);
}

int64_t sim_delay(struct sim *sim)
{
    /* Mostly quick, now and then slow. */
    int64_t longest = sim_rng_chance(&sim->rng, 50) ? sim->plan.delay_ms : sim->plan.delay_ms / 20 + 2;
    return (int64_t)sim_rng_below(&sim->rng, (uint64_t)longest + 1);
}

bool sim_act(struct sim *sim, struct sim_fuse *fuse)
{
    if (fuse->armed && !fuse->dead && fuse->actions-- == 0) {
        fuse->dead = true;
        sim->stats.crashes++;
    }
    return !fuse->dead;
}

static void run_timer(struct sim *sim, struct st_heap_node *node)
{
    for (unsigned i = 0; i < sim->plan.gateways; i++) {
        if (node == &sim->gateways[i].timer)
            sim_gateway_tick(sim, i);
    }
    for (int role = SIM_AUTH; role <= SIM_RELAY; role++) {
        for (unsigned i = 0; i < sim_service_count(sim, (enum sim_role)role); i++) {
            if (node == &sim->services[role][i].timer)
                sim_service_tick(sim, &sim->services[role][i]);
        }
    }
    for (unsigned i = 0; i < sim->plan.clients; i++) {
        if (node == &sim->clients[i].timer)
            sim_client_tick(sim, i);
    }
}

static void run_event(struct sim *sim, struct sim_event *event)
{
    switch (event->kind) {
    case SIM_CALL:
        event->fn(sim, event->arg);
        break;
    case SIM_TO_CLIENT:
        sim_deliver_down(sim, event);
        break;
    case SIM_TO_GATEWAY:
        sim_deliver_up(sim, event);
        break;
    case SIM_TO_SERVICE:
        sim_deliver_service(sim, event);
        break;
    case SIM_TO_GATEWAY_FROM_SERVICE:
        sim_deliver_gateway(sim, event);
        break;
    }
    event_free(event);
}

static bool step(struct sim *sim, int64_t until_ms)
{
    struct st_heap_node *event = st_heap_first(&sim->queue);
    struct st_heap_node *timer = st_heap_first(&sim->timers);
    bool take_timer = timer != NULL && (event == NULL || timer->at_ms < event->at_ms);
    struct st_heap_node *next = take_timer ? timer : event;
    if (next == NULL || next->at_ms > until_ms) {
        sim->now_ms = until_ms;
        return false;
    }
    if (next->at_ms > sim->now_ms)
        sim->now_ms = next->at_ms;
    if (++sim->stats.steps > STEPS_MAX)
        sim_fail(sim, "more than %d steps: something spins", STEPS_MAX);
    st_heap_cancel(take_timer ? &sim->timers : &sim->queue, next);
    if (take_timer)
        run_timer(sim, next);
    else
        run_event(sim, st_heap_owner(next, struct sim_event, node));
    return true;
}

bool sim_run(struct sim *sim, int64_t until_ms, bool (*done)(struct sim *sim))
{
    unsigned count = 0;
    while (sim->failure[0] == '\0' && sim->now_ms < until_ms) {
        if (!step(sim, until_ms))
            break;
        if (done != NULL && ++count % 64 == 0 && done(sim))
            return true;
    }
    return sim->failure[0] == '\0' && (done == NULL || done(sim));
}

/* ---- building ---- */

static bool make_stores(struct sim *sim)
{
    return auth_mem_new(&sim->auth_mem) == ST_OK && mailbox_mem_new(&sim->mailbox_mem, &sim->env) == ST_OK &&
           blob_mem_new(&sim->blob_mem, 256 << 20, &sim->env) == ST_OK;
}

static bool configure(struct sim *sim)
{
    sim_rng_fill(&sim->rng, sim->enrol_key, sizeof sim->enrol_key);
    struct auth_config *config = &sim->auth_config;
    auth_config_default(config);
    config->registration = AUTH_REGISTRATION_OPEN;
    config->limits.off = true;
    config->ksf = (struct st_opaque_ksf) { .kind = ST_OPAQUE_KSF_IDENTITY };
    sim_rng_fill(&sim->rng, config->server_id, sizeof config->server_id);
    memcpy(config->enrol_key, sim->enrol_key, sizeof config->enrol_key);
    config->endpoint_count = sim->plan.gateways;
    for (unsigned i = 0; i < sim->plan.gateways; i++) {
        struct auth_endpoint *endpoint = &config->endpoints[i];
        snprintf(endpoint->host, sizeof endpoint->host, "gw%u.example", i);
        endpoint->port = 7421;
        memcpy(endpoint->key, sim->enrol_key, sizeof endpoint->key);
    }
    relay_options_default(&sim->relay_options);
    sim->client_config = client_config_default();
    sim->client_config.requests = CLIENT_REQUESTS_ACCEPT;
    sim->client_config.opaque.ksf = config->ksf;
    sim->client_config.opaque.register_finish = opaque_client_register_finish_any_ksf;
    sim->client_config.opaque.login_finish = opaque_client_login_finish_any_ksf;
    return opaque_server_keys_generate(&config->keys, &sim->env) == ST_OK;
}

static bool all_registered(struct sim *sim)
{
    for (unsigned i = 0; i < sim->plan.clients; i++) {
        if (!sim->clients[i].registered)
            return false;
    }
    return true;
}

static bool start_all(struct sim *sim)
{
    for (unsigned i = 0; i < sim->plan.gateways; i++) {
        if (!sim_gateway_start(sim, i))
            return false;
    }
    for (int role = SIM_AUTH; role <= SIM_RELAY; role++) {
        for (unsigned i = 0; i < sim_service_count(sim, (enum sim_role)role); i++) {
            if (!sim_service_start(sim, (enum sim_role)role, i))
                return false;
        }
    }
    for (unsigned i = 0; i < sim->plan.clients; i++) {
        struct sim_client *client = &sim->clients[i];
        snprintf(client->name, sizeof client->name, "user%u", i);
        if (store_open_memory(&client->store, &sim->env) != ST_OK || !sim_client_start(sim, i))
            return false;
        sim_client_register(sim, i);
    }
    return true;
}

bool sim_init(struct sim *sim, const struct sim_plan *plan)
{
    memset(sim, 0, sizeof *sim);
    sim->plan = *plan;
    sim_rng_init(&sim->rng, plan->seed);
    sim->env = (struct st_env) { sim, wall_ms, mono_ms, random_bytes };
    st_heap_init(&sim->queue, QUEUE_MAX);
    st_heap_init(&sim->timers, TIMERS_MAX);
    if (!make_stores(sim) || !configure(sim) || !start_all(sim)) {
        sim_fail(sim, "the world could not be made");
        return false;
    }
    if (!sim_run(sim, 60 * 1000, all_registered)) {
        sim_fail(sim, "the clients did not get registered");
        return false;
    }
    return true;
}

void sim_deinit(struct sim *sim)
{
    sim->quiet = true;
    for (unsigned i = 0; i < sim->plan.clients; i++) {
        sim_client_stop(sim, i);
        store_close(&sim->clients[i].store);
        for (size_t b = 0; b < sim->clients[i].blob_count; b++)
            st_buf_free(&sim->clients[i].blobs[b].data);
    }
    for (unsigned i = 0; i < sim->plan.gateways; i++)
        sim_gateway_stop(sim, i);
    for (int role = SIM_AUTH; role <= SIM_RELAY; role++) {
        for (unsigned i = 0; i < sim_service_count(sim, (enum sim_role)role); i++)
            sim_service_stop(sim, (enum sim_role)role, i);
    }
    for (struct st_heap_node *node; (node = st_heap_first(&sim->queue)) != NULL;) {
        st_heap_cancel(&sim->queue, node);
        event_free(st_heap_owner(node, struct sim_event, node));
    }
    st_heap_deinit(&sim->queue);
    st_heap_deinit(&sim->timers);
    auth_mem_free(&sim->auth_mem);
    mailbox_mem_free(&sim->mailbox_mem);
    blob_mem_free(&sim->blob_mem);
    auth_config_deinit(&sim->auth_config);
}

/* ---- playing ---- */

struct sim_plan sim_plan_random(uint64_t seed)
{
    struct sim_rng rng;
    sim_rng_init(&rng, seed ^ UINT64_C(0x5afe7a1c));
    struct sim_plan plan = { .seed = seed,
                             .gateways = 1 + (unsigned)sim_rng_below(&rng, 2),
                             .auths = 1 + (unsigned)sim_rng_below(&rng, 2),
                             .relays = 1 + (unsigned)sim_rng_below(&rng, 3),
                             .clients = 2 + (unsigned)sim_rng_below(&rng, 2),
                             .sends = 20 + (unsigned)sim_rng_below(&rng, 60),
                             .busy_ms = 60000 + (int64_t)sim_rng_below(&rng, 120000),
                             .delay_ms = 20 + (int64_t)sim_rng_below(&rng, 2000),
                             .duplicate_permille = (unsigned)sim_rng_below(&rng, 20),
                             .lose_store_permille = sim_rng_chance(&rng, 500) ? 300 : 0,
                             .fault_every_ms = 500 + (int64_t)sim_rng_below(&rng, 8000) };
    return plan;
}

/* A send, by chance from whom to whom. */
static void send_one(struct sim *sim, uint64_t arg)
{
    (void)arg;
    unsigned from = (unsigned)sim_rng_below(&sim->rng, sim->plan.clients);
    unsigned to = (unsigned)sim_rng_below(&sim->rng, sim->plan.clients - 1);
    if (to >= from)
        to++;
    size_t bytes = sim_rng_chance(&sim->rng, 60) ? 1 + (size_t)sim_rng_below(&sim->rng, 200000) : 0;
    sim_client_send(sim, from, to, bytes);
}

bool sim_play(struct sim *sim)
{
    int64_t begin = sim->now_ms;
    for (unsigned i = 0; i < sim->plan.sends; i++)
        sim_at(sim, begin + (int64_t)sim_rng_below(&sim->rng, (uint64_t)sim->plan.busy_ms), send_one, i);
    sim_faults_begin(sim);
    sim_run(sim, begin + sim->plan.busy_ms, NULL);
    sim->quiet = true;
    sim_trace(sim, "-- quiet");
    if (sim->failure[0] == '\0' && !sim_run(sim, sim->now_ms + REST_MS, sim_at_rest)) {
        sim_describe_unrest(sim);
        sim_fail(sim, "no rest within %d minutes (I7)", REST_MS / 60000);
    }
    return sim->failure[0] == '\0' && sim_check_end(sim);
}
