#include "services/gateway/gateway_conns.h"

#include <stdlib.h>

static void cut(struct gateway_core *core, uint64_t id)
{
    core->stats.cut++;
    core->out.cut(core->out.ctx, id);
}

/* Said nothing in time, or its bye has had time to arrive. */
static void conn_due(struct gateway_core *core, struct gateway_timer *timer)
{
    struct gateway_conn *conn = gateway_timer_owner(timer, struct gateway_conn, timer);
    gateway_timer_move(core, timer, GATEWAY_FAR);
    cut(core, conn->id);
}

static void release_address(struct gateway_core *core, struct gateway_address *address, enum gateway_socket socket)
{
    address->count[socket]--;
    if (address->count[GATEWAY_ENROL] != 0 || address->count[GATEWAY_DEVICE] != 0)
        return;
    st_map_remove(core->addresses, address->addr);
    free(address);
}

/* The record of an address, with one more connection in it; NULL beyond its cap or without memory. */
static struct gateway_address *take_address(struct gateway_core *core, enum gateway_socket socket, const uint8_t *full)
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
    uint8_t addr[ST_ADDR_LEN];
    memcpy(addr, full, sizeof addr);
    if (memcmp(addr, mapped, sizeof mapped) != 0)
        memset(addr + 8, 0, 8); /* an IPv6 household is a /64 */
    struct gateway_address *address = st_map_get(core->addresses, addr);
    if (address == NULL) {
        address = calloc(1, sizeof *address);
        if (address == NULL)
            return NULL;
        memcpy(address->addr, addr, sizeof addr);
        if (st_map_put(core->addresses, addr, address) != ST_OK) {
            free(address);
            return NULL;
        }
    }
    uint32_t cap = socket == GATEWAY_ENROL ? core->limits.enrol_per_address : core->limits.device_per_address;
    address->count[socket]++;
    if (address->count[socket] > cap && !st_cidr_contains(&core->limits.trusted_proxies, full)) {
        release_address(core, address, socket);
        return NULL;
    }
    return address;
}

void gateway_conns_opened(struct gateway_core *core, uint64_t id, enum gateway_socket socket,
                          const uint8_t address[static ST_ADDR_LEN])
{
    uint8_t key[8];
    st_put_u64(key, id);
    struct gateway_conn *conn = NULL;
    if (st_map_count(core->conns) >= core->limits.connections_max)
        goto refuse;
    conn = calloc(1, sizeof *conn);
    if (conn == NULL)
        goto refuse;
    *conn = (struct gateway_conn) { .id = id, .socket = socket };
    conn->address = take_address(core, socket, address);
    if (conn->address == NULL)
        goto refuse;
    if (gateway_timer_start(core, &conn->timer, gateway_now(core) + GATEWAY_SPEAK_MS, conn_due) != ST_OK)
        goto refuse;
    if (st_map_put(core->conns, key, conn) == ST_OK)
        return;
    gateway_timer_stop(core, &conn->timer);
refuse:
    if (conn != NULL && conn->address != NULL)
        release_address(core, conn->address, socket);
    free(conn);
    cut(core, id);
}

static struct gateway_conn *find(const struct gateway_core *core, uint64_t id)
{
    uint8_t key[8];
    st_put_u64(key, id);
    return id == 0 ? NULL : st_map_get(core->conns, key);
}

static void conn_free(struct gateway_core *core, struct gateway_conn *conn)
{
    release_address(core, conn->address, conn->socket);
    gateway_timer_stop(core, &conn->timer);
    free(conn);
}

uint64_t gateway_conns_closed(struct gateway_core *core, uint64_t id)
{
    struct gateway_conn *conn = find(core, id);
    if (conn == NULL)
        return 0;
    uint64_t sid = conn->sid;
    uint8_t key[8];
    st_put_u64(key, id);
    st_map_remove(core->conns, key);
    conn_free(core, conn);
    return sid;
}

void gateway_conns_speaks(struct gateway_core *core, uint64_t id, uint64_t sid)
{
    struct gateway_conn *conn = find(core, id);
    if (conn == NULL || conn->sid == sid)
        return;
    conn->sid = sid;
    gateway_timer_move(core, &conn->timer, GATEWAY_FAR);
}

void gateway_conns_end(struct gateway_core *core, uint64_t id, uint64_t sid)
{
    struct gateway_conn *conn = find(core, id);
    if (conn != NULL && (conn->sid == sid || conn->sid == 0))
        gateway_timer_move(core, &conn->timer, gateway_now(core) + GATEWAY_LINGER_MS);
}

void gateway_conns_cut(struct gateway_core *core, uint64_t id)
{
    struct gateway_conn *conn = find(core, id);
    if (conn == NULL)
        return;
    gateway_timer_move(core, &conn->timer, GATEWAY_FAR);
    cut(core, id);
}

void gateway_conns_free(struct gateway_core *core)
{
    size_t cursor = 0;
    void *conn = NULL;
    while (st_map_next(core->conns, &cursor, NULL, &conn))
        conn_free(core, conn);
    st_map_free(&core->conns);
    st_map_free(&core->addresses);
}
