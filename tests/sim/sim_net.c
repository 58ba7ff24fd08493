#include "tests/sim/sim.h"

#include "services/gateway/gateway_z85.h"

enum {
    HANDSHAKE_MS = 5000, /* libzmq drops a connection whose ZAP answer does not come */
    RECONNECT_FIRST_MS = 250
};

static struct sim_conn *conn_of(struct sim *sim, unsigned index, uint64_t serial)
{
    struct sim_conn *conn = &sim->conns[index];
    return conn->state != SIM_CONN_FREE && conn->serial == serial ? conn : NULL;
}

static unsigned index_of(const struct sim *sim, const struct sim_conn *conn)
{
    return (unsigned)(conn - sim->conns);
}

/* An event that is void once the connection is another. */
static void conn_at(struct sim *sim, const struct sim_conn *conn, int64_t at_ms,
                    void (*fn)(struct sim *sim, uint64_t arg))
{
    sim_at(sim, at_ms, fn, conn->serial << 8 | index_of(sim, conn));
}

static struct sim_conn *conn_from_arg(struct sim *sim, uint64_t arg)
{
    return conn_of(sim, (unsigned)(arg & 0xff), arg >> 8);
}

static void tell_client(struct sim *sim, const struct sim_conn *conn, enum client_link_state state)
{
    struct sim_client *client = &sim->clients[conn->client];
    unsigned index = conn->client;
    enum client_link link = conn->link;
    if (!client->alive)
        return;
    client_link_event(client->core, link, state);
    sim_client_after(sim, index);
}

static void attempt(struct sim *sim, uint64_t arg);

/* The gateway's side of a connection ends. */
static void leave_gateway(struct sim *sim, struct sim_conn *conn)
{
    struct sim_gateway *gateway = &sim->gateways[conn->gateway];
    if (conn->state != SIM_CONN_WAIT && gateway->alive && gateway->boot == conn->gateway_boot)
        gateway_core_closed(gateway->core, conn->number);
}

static void try_again(struct sim *sim, struct sim_conn *conn)
{
    conn->state = SIM_CONN_WAIT;
    conn->serial = ++sim->next_serial;
    conn_at(sim, conn, sim->now_ms + RECONNECT_FIRST_MS + (int64_t)sim_rng_below(&sim->rng, 1500), attempt);
}

void sim_conn_break(struct sim *sim, struct sim_conn *conn)
{
    bool was_up = conn->state == SIM_CONN_UP;
    leave_gateway(sim, conn);
    try_again(sim, conn);
    tell_client(sim, conn, was_up ? CLIENT_LINK_DOWN : CLIENT_LINK_NO_ANSWER);
}

static void handshake_over(struct sim *sim, uint64_t arg)
{
    struct sim_conn *conn = conn_from_arg(sim, arg);
    if (conn != NULL && conn->state == SIM_CONN_ZAP)
        sim_conn_break(sim, conn);
}

static void attempt(struct sim *sim, uint64_t arg)
{
    struct sim_conn *conn = conn_from_arg(sim, arg);
    if (conn == NULL)
        return;
    struct sim_gateway *gateway = &sim->gateways[conn->gateway];
    if (!gateway->alive || gateway->fuse.dead) {
        try_again(sim, conn);
        tell_client(sim, conn, CLIENT_LINK_NO_ANSWER);
        return;
    }
    conn->state = SIM_CONN_ZAP;
    conn->serial = ++sim->next_serial;
    conn->gateway_boot = gateway->boot;
    conn->number = ++sim->next_number;
    conn->last_down_ms = conn->last_up_ms = sim->now_ms;
    sim_rng_fill(&sim->rng, conn->rid + 1, sizeof conn->rid - 1);
    conn->rid[0] = 0;
    conn_at(sim, conn, sim->now_ms + HANDSHAKE_MS, handshake_over);
    uint8_t address[ST_ADDR_LEN] = { [10] = 0xff, [11] = 0xff, [12] = 10, [15] = (uint8_t)conn->client };
    uint64_t serial = conn->serial;
    unsigned index = index_of(sim, conn);
    gateway_core_opened(gateway->core, conn->number, conn->link == CLIENT_ENROL ? GATEWAY_ENROL : GATEWAY_DEVICE,
                        address);
    conn = conn_of(sim, index, serial);
    if (conn == NULL || conn->state != SIM_CONN_ZAP)
        return;
    const char *domain = conn->link == CLIENT_ENROL ? "enrol" : "device";
    struct gateway_zap request = { .rid = st_view(conn->rid, sizeof conn->rid),
                                   .request_id = st_view_text("1"),
                                   .version = st_view_text("1.0"),
                                   .domain = st_view_text(domain),
                                   .address = st_view_text("10.0.0.1"),
                                   .mechanism = st_view_text("CURVE"),
                                   .credential = st_view(conn->tk, sizeof conn->tk) };
    unsigned at = conn->gateway;
    gateway_core_zap(gateway->core, &request);
    sim_gateway_tick(sim, at);
}

static void admitted(struct sim *sim, uint64_t arg)
{
    struct sim_conn *conn = conn_from_arg(sim, arg);
    if (conn == NULL || conn->state != SIM_CONN_ZAP)
        return;
    conn->state = SIM_CONN_UP;
    tell_client(sim, conn, CLIENT_LINK_UP);
}

static void refused(struct sim *sim, uint64_t arg)
{
    struct sim_conn *conn = conn_from_arg(sim, arg);
    if (conn == NULL)
        return;
    leave_gateway(sim, conn);
    struct sim_conn gone = *conn;
    memset(conn, 0, sizeof *conn);
    tell_client(sim, &gone, CLIENT_LINK_REFUSED);
}

static struct sim_conn *by_rid(struct sim *sim, unsigned gateway, struct st_view rid)
{
    for (unsigned i = 0; i < SIM_CONNS_MAX; i++) {
        struct sim_conn *conn = &sim->conns[i];
        bool there = conn->state == SIM_CONN_ZAP || conn->state == SIM_CONN_UP;
        if (there && conn->gateway == gateway && conn->gateway_boot == sim->gateways[gateway].boot &&
            rid.len == SIM_RID_LEN && memcmp(conn->rid, rid.p, SIM_RID_LEN) == 0)
            return conn;
    }
    return NULL;
}

void sim_conn_admit(struct sim *sim, unsigned gateway, struct st_view rid, unsigned status, const char *user_id)
{
    (void)user_id;
    struct sim_conn *conn = by_rid(sim, gateway, rid);
    if (conn == NULL || conn->state != SIM_CONN_ZAP)
        return;
    conn_at(sim, conn, sim->now_ms + sim_delay(sim), status == 200 ? admitted : refused);
}

/* ---- the client's side ---- */

struct sim_conn *sim_conn_find(struct sim *sim, unsigned client, enum client_link link)
{
    for (unsigned i = 0; i < SIM_CONNS_MAX; i++) {
        struct sim_conn *conn = &sim->conns[i];
        if (conn->state != SIM_CONN_FREE && conn->client == client && conn->link == link)
            return conn;
    }
    return NULL;
}

void sim_conn_open(struct sim *sim, unsigned client, enum client_link link, const struct client_target *target)
{
    sim_conn_close(sim, client, link);
    for (unsigned i = 0; i < SIM_CONNS_MAX; i++) {
        struct sim_conn *conn = &sim->conns[i];
        if (conn->state != SIM_CONN_FREE)
            continue;
        memset(conn, 0, sizeof *conn);
        conn->state = SIM_CONN_WAIT;
        conn->serial = ++sim->next_serial;
        conn->client = client;
        conn->link = link;
        unsigned named = target->host[0] == 'g' ? (unsigned)(target->host[2] - '0') : 0;
        conn->gateway = named < sim->plan.gateways ? named : 0;
        memcpy(conn->tk, target->own_public, sizeof conn->tk);
        conn_at(sim, conn, sim->now_ms + sim_delay(sim), attempt);
        return;
    }
    sim_fail(sim, "too many connections");
}

void sim_conn_close(struct sim *sim, unsigned client, enum client_link link)
{
    struct sim_conn *conn = sim_conn_find(sim, client, link);
    if (conn == NULL)
        return;
    struct sim_conn gone = *conn;
    memset(conn, 0, sizeof *conn);
    leave_gateway(sim, &gone);
}

enum st_err sim_conn_send(struct sim *sim, unsigned client, enum client_link link, struct st_view frame)
{
    struct sim_conn *conn = sim_conn_find(sim, client, link);
    if (conn == NULL || conn->state != SIM_CONN_UP)
        return ST_EUNAVAILABLE;
    struct sim_event *event = sim_event_new(sim, SIM_TO_GATEWAY);
    if (event == NULL || st_buf_append(&event->frame, frame.p, frame.len) != ST_OK)
        return ST_EUNAVAILABLE;
    event->conn = index_of(sim, conn);
    event->conn_serial = conn->serial;
    int64_t at = sim->now_ms + sim_delay(sim);
    conn->last_up_ms = at > conn->last_up_ms ? at : conn->last_up_ms;
    sim_event_push(sim, event, conn->last_up_ms);
    return ST_OK;
}

void sim_deliver_up(struct sim *sim, struct sim_event *event)
{
    struct sim_conn *conn = conn_of(sim, event->conn, event->conn_serial);
    if (conn == NULL || conn->state != SIM_CONN_UP)
        return;
    struct sim_gateway *gateway = &sim->gateways[conn->gateway];
    if (!gateway->alive || gateway->boot != conn->gateway_boot)
        return;
    sim->stats.frames++;
    char user_id[GATEWAY_Z85_CHARS + 1];
    gateway_z85_encode(user_id, conn->tk);
    struct gateway_client from = { .socket = conn->link == CLIENT_ENROL ? GATEWAY_ENROL : GATEWAY_DEVICE,
                                   .rid = st_view(conn->rid, sizeof conn->rid),
                                   .user_id = user_id,
                                   .address = "10.0.0.1",
                                   .conn = conn->number,
                                   .frames = 1 };
    unsigned at = conn->gateway;
    gateway_core_client(gateway->core, &from, st_buf_view(&event->frame));
    sim_gateway_tick(sim, at);
}

/* ---- the gateway's side ---- */

enum st_err sim_conn_to_client(struct sim *sim, unsigned gateway, enum gateway_socket socket, struct st_view rid,
                               struct st_view frame)
{
    struct sim_conn *conn = by_rid(sim, gateway, rid);
    if (conn == NULL || conn->state != SIM_CONN_UP || (conn->link == CLIENT_ENROL) != (socket == GATEWAY_ENROL))
        return ST_ENOTFOUND;
    struct sim_event *event = sim_event_new(sim, SIM_TO_CLIENT);
    if (event == NULL || st_buf_append(&event->frame, frame.p, frame.len) != ST_OK)
        return ST_EUNAVAILABLE;
    event->conn = index_of(sim, conn);
    event->conn_serial = conn->serial;
    int64_t at = sim->now_ms + sim_delay(sim);
    conn->last_down_ms = at > conn->last_down_ms ? at : conn->last_down_ms;
    sim_event_push(sim, event, conn->last_down_ms);
    return ST_OK;
}

void sim_deliver_down(struct sim *sim, struct sim_event *event)
{
    struct sim_conn *conn = conn_of(sim, event->conn, event->conn_serial);
    if (conn == NULL || conn->state != SIM_CONN_UP)
        return;
    struct sim_client *client = &sim->clients[conn->client];
    unsigned index = conn->client;
    if (!client->alive)
        return;
    sim->stats.frames++;
    client_frame(client->core, conn->link, st_buf_view(&event->frame));
    sim_client_after(sim, index);
}

static void cut_later(struct sim *sim, uint64_t arg)
{
    struct sim_conn *conn = conn_from_arg(sim, arg);
    if (conn != NULL)
        sim_conn_break(sim, conn);
}

void sim_conn_cut(struct sim *sim, unsigned gateway, uint64_t number)
{
    for (unsigned i = 0; i < SIM_CONNS_MAX; i++) {
        struct sim_conn *conn = &sim->conns[i];
        if ((conn->state == SIM_CONN_ZAP || conn->state == SIM_CONN_UP) && conn->gateway == gateway &&
            conn->number == number)
            conn_at(sim, conn, sim->now_ms, cut_later); /* not from inside the gateway's own call */
    }
}
