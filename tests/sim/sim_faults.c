#include "tests/sim/sim.h"

/* What breaks, and how it comes back. Every fault is drawn from the seed; none happens once the world is quiet. */

enum { DOWN_MAX_MS = 4000, FUSE_ACTIONS_MAX = 12 };

static void restart_gateway(struct sim *sim, uint64_t arg)
{
    if (!sim->gateways[arg].alive && !sim_gateway_start(sim, (unsigned)arg))
        sim_fail(sim, "gateway %u does not start again", (unsigned)arg);
}

static void restart_service(struct sim *sim, uint64_t arg)
{
    enum sim_role role = (enum sim_role)(arg >> 8);
    unsigned index = (unsigned)(arg & 0xff);
    if (!sim->services[role][index].alive && !sim_service_start(sim, role, index))
        sim_fail(sim, "service %u %u does not start again", (unsigned)role, index);
}

static void restart_client(struct sim *sim, uint64_t arg)
{
    if (!sim->clients[arg].alive)
        sim_client_start(sim, (unsigned)arg);
}

static int64_t down_until(struct sim *sim)
{
    return sim->now_ms + 100 + (int64_t)sim_rng_below(&sim->rng, DOWN_MAX_MS);
}

/* Arms a crash at one of the next actions, and plans the restart for a time when it has burnt or is put out. */
static void arm(struct sim *sim, struct sim_fuse *fuse)
{
    *fuse = (struct sim_fuse) { .armed = true, .actions = (unsigned)sim_rng_below(&sim->rng, FUSE_ACTIONS_MAX) };
}

static void crash_gateway(struct sim *sim)
{
    unsigned index = (unsigned)sim_rng_below(&sim->rng, sim->plan.gateways);
    arm(sim, &sim->gateways[index].fuse);
    sim_at(sim, down_until(sim), restart_gateway, index);
}

static void crash_service(struct sim *sim, enum sim_role role)
{
    unsigned index = (unsigned)sim_rng_below(&sim->rng, sim_service_count(sim, role));
    struct sim_service *service = &sim->services[role][index];
    arm(sim, &service->fuse);
    /* Its store calls count too: a crash between a write and its answer. */
    if (role == SIM_RELAY && sim_rng_chance(&sim->rng, 500))
        mailbox_mem_fail(sim->mailbox_mem, 1 + sim_rng_below(&sim->rng, 4), ST_EUNCERTAIN,
                         sim_rng_chance(&sim->rng, 500), sim_rng_below(&sim->rng, 3));
    sim_at(sim, down_until(sim), restart_service, (uint64_t)role << 8 | index);
}

static void crash_client(struct sim *sim)
{
    unsigned index = (unsigned)sim_rng_below(&sim->rng, sim->plan.clients);
    arm(sim, &sim->clients[index].fuse);
    sim_at(sim, down_until(sim), restart_client, index);
}

static void break_connection(struct sim *sim)
{
    unsigned index = (unsigned)sim_rng_below(&sim->rng, SIM_CONNS_MAX);
    for (unsigned i = 0; i < SIM_CONNS_MAX; i++) {
        struct sim_conn *conn = &sim->conns[(index + i) % SIM_CONNS_MAX];
        if (conn->state != SIM_CONN_UP && conn->state != SIM_CONN_ZAP)
            continue;
        sim->stats.cuts++;
        sim_conn_break(sim, conn);
        return;
    }
}

static void lose_writes(struct sim *sim)
{
    if (!sim_rng_chance(&sim->rng, sim->plan.lose_store_permille))
        return;
    size_t lost = mailbox_mem_lose(sim->mailbox_mem, (size_t)sim_rng_below(&sim->rng, 20));
    sim->stats.store_losses++;
    sim_trace(sim, "the relay store loses %zu writes", lost);
}

static void go_away(struct sim *sim)
{
    unsigned index = (unsigned)sim_rng_below(&sim->rng, sim->plan.clients);
    struct sim_client *client = &sim->clients[index];
    if (!client->alive || !client->registered)
        return;
    if (client_is_online(client->core))
        client_go_offline(client->core);
    else
        client_go_online(client->core);
    sim_client_after(sim, index);
}

static void fault(struct sim *sim, uint64_t arg)
{
    (void)arg;
    if (sim->quiet)
        return;
    switch (sim_rng_below(&sim->rng, 8)) {
    case 0:
        crash_gateway(sim);
        break;
    case 1:
        crash_service(sim, SIM_AUTH);
        break;
    case 2:
    case 3:
        crash_service(sim, SIM_RELAY);
        break;
    case 4:
        crash_client(sim);
        break;
    case 5:
        break_connection(sim);
        break;
    case 6:
        lose_writes(sim);
        break;
    default:
        go_away(sim);
        break;
    }
    sim_at(sim, sim->now_ms + 1 + (int64_t)sim_rng_below(&sim->rng, 2 * (uint64_t)sim->plan.fault_every_ms), fault, 0);
}

/* The end of the faults: everybody is up and online again. */
static void mend(struct sim *sim, uint64_t arg)
{
    (void)arg;
    mailbox_mem_fail(sim->mailbox_mem, 0, ST_OK, false, 0);
    for (unsigned i = 0; i < sim->plan.gateways; i++) {
        sim->gateways[i].fuse.armed = false;
        restart_gateway(sim, i);
    }
    for (unsigned role = SIM_AUTH; role <= SIM_RELAY; role++) {
        for (unsigned i = 0; i < sim_service_count(sim, (enum sim_role)role); i++) {
            sim->services[role][i].fuse.armed = false;
            restart_service(sim, (uint64_t)role << 8 | i);
        }
    }
    for (unsigned i = 0; i < sim->plan.clients; i++) {
        struct sim_client *client = &sim->clients[i];
        client->fuse.armed = false;
        restart_client(sim, i);
        if (client->alive && client->registered)
            client_go_online(client->core);
        sim_client_after(sim, i);
    }
}

void sim_faults_begin(struct sim *sim)
{
    if (sim->plan.fault_every_ms > 0)
        sim_at(sim, sim->now_ms + 1, fault, 0);
    sim_at(sim, sim->now_ms + sim->plan.busy_ms + DOWN_MAX_MS + 200, mend, 0);
}
