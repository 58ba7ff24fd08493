#include "services/gateway/gateway_shell.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <zmq.h>

#include "lib/st_hex.h"
#include "lib/st_service.h"
#include "services/gateway/gateway_door.h"
#include "services/gateway/gateway_guard.h"
#include "services/gateway/gateway_sockets.h"

enum {
    TURN_MESSAGES = 256, /* of one socket in one turn */
    BUSY_TURNS_MAX = 16, /* in so many, every connection's messages have had their share */
    POLL_MAX = GATEWAY_PEERS_MAX + 2 * GATEWAY_SOCKETS + GATEWAY_DOOR_SOCKETS + 1,
    NAME_MAX = 32,
    MIB = 1024 * 1024
};

struct gateway_shell {
    struct st_env env;
    struct st_log *log;
    struct gateway_core *core;
    struct gateway_guard *guard;
    struct gateway_door door;
    void *clients[GATEWAY_SOCKETS]; /* NULL: not served */
    void *monitors[GATEWAY_SOCKETS];
    char bound[GATEWAY_SOCKETS][GATEWAY_BOUND_MAX];
    void *services[GATEWAY_PEERS_MAX];
    unsigned busy_turns; /* in a row, that left messages of clients behind */
    zmq_msg_t *body;     /* the message whose body the core is looking at, to be shared instead of copied; or NULL */
    bool terminated;
};

/* ---- what the core does ---- */

/* A message with these bytes: the one that just came in, shared, or a copy. */
static bool make_message(struct gateway_shell *shell, zmq_msg_t *msg, struct st_view bytes)
{
    if (shell->body != NULL && bytes.p == zmq_msg_data(shell->body) && bytes.len == zmq_msg_size(shell->body)) {
        zmq_msg_init(msg);
        return zmq_msg_copy(msg, shell->body) == 0;
    }
    if (zmq_msg_init_size(msg, bytes.len) != 0)
        return false;
    if (bytes.len > 0)
        memcpy(zmq_msg_data(msg), bytes.p, bytes.len);
    return true;
}

static enum st_err send_two(struct gateway_shell *shell, void *socket, struct st_view head, struct st_view bytes)
{
    zmq_msg_t msg;
    if (zmq_send(socket, head.p, head.len, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0)
        return errno == EHOSTUNREACH ? ST_ENOTFOUND : ST_EUNAVAILABLE;
    /* The second half goes where the first went: it cannot be refused. */
    if (make_message(shell, &msg, bytes) && zmq_msg_send(&msg, socket, ZMQ_DONTWAIT) >= 0)
        return ST_OK;
    zmq_msg_close(&msg);
    return ST_EUNAVAILABLE;
}

static enum st_err to_client(void *ctx, enum gateway_socket socket, struct st_view rid, struct st_view frame)
{
    struct gateway_shell *shell = ctx;
    return shell->clients[socket] == NULL ? ST_ENOTFOUND : send_two(shell, shell->clients[socket], rid, frame);
}

static enum st_err to_service(void *ctx, unsigned peer, const struct st_hop *hop, struct st_view frame)
{
    struct gateway_shell *shell = ctx;
    uint8_t head[ST_HOP_ENROL_LEN];
    return send_two(shell, shell->services[peer], st_view(head, st_hop_write(hop, head)), frame);
}

static void to_zap(void *ctx, struct st_view rid, struct st_view request_id, unsigned status, const char *user_id)
{
    struct gateway_shell *shell = ctx;
    /* The last byte says which socket was asked (read_zap). */
    void *socket = shell->door.sockets[rid.p[rid.len - 1] % GATEWAY_DOOR_SOCKETS];
    const struct st_view frames[] = {
        st_view(rid.p, rid.len - 1),
        st_view("", 0),
        st_view_text("1.0"),
        request_id,
        st_view_text(status == 200 ? "200" : "400"),
        st_view_text(status == 200 ? "OK" : "no"),
        st_view_text(user_id),
        st_view("", 0),
    };
    size_t count = sizeof frames / sizeof frames[0];
    for (size_t i = 0; i < count && socket != NULL; i++) {
        int more = i + 1 < count ? ZMQ_SNDMORE : 0;
        /* EHOSTUNREACH at the first frame: the connection has gone meanwhile. */
        if (zmq_send(socket, frames[i].p, frames[i].len, ZMQ_DONTWAIT | more) < 0)
            return;
    }
}

static void cut(void *ctx, uint64_t conn)
{
    struct gateway_shell *shell = ctx;
    gateway_guard_cut(shell->guard, conn);
}

/* ---- what the guard says ---- */

static void opened(void *ctx, uint64_t conn, enum gateway_socket socket, const uint8_t address[static ST_ADDR_LEN])
{
    struct gateway_shell *shell = ctx;
    gateway_core_opened(shell->core, conn, socket, address);
}

static void closed(void *ctx, uint64_t conn)
{
    struct gateway_shell *shell = ctx;
    gateway_core_closed(shell->core, conn);
}

static void overfull(void *ctx, uint64_t conn, enum gateway_socket socket)
{
    struct gateway_shell *shell = ctx;
    (void)conn;
    ST_LOG(shell->log, ST_LOG_WARN, "endless_message_cut",
           st_log_text("endpoint", socket == GATEWAY_ENROL ? "enrol" : "device"));
}

/* ---- reading ---- */

/* Takes the frames of one message: the first `want` into `frames`, the rest is thrown away. Returns how many frames
 * there were, 0 if nothing waits. The caller closes all `want`, which are initialised in any case. */
static unsigned receive(struct gateway_shell *shell, void *socket, zmq_msg_t *frames, unsigned want)
{
    unsigned count = 0;
    for (unsigned i = 0; i < want; i++)
        zmq_msg_init(&frames[i]);
    for (bool more = true; more;) {
        zmq_msg_t spare;
        zmq_msg_init(&spare);
        zmq_msg_t *frame = count < want ? &frames[count] : &spare;
        if (zmq_msg_recv(frame, socket, ZMQ_DONTWAIT) < 0) {
            shell->terminated = shell->terminated || errno == ETERM;
            zmq_msg_close(&spare);
            return count; /* 0: the frames of one message come all or none */
        }
        count++;
        more = zmq_msg_more(frame) != 0;
        zmq_msg_close(&spare);
    }
    return count;
}

static void close_all(zmq_msg_t *frames, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        zmq_msg_close(&frames[i]);
}

static struct st_view view_of(zmq_msg_t *frame)
{
    return st_view(zmq_msg_data(frame), zmq_msg_size(frame));
}

/* An event: number (2) and value (4) in the machine's byte order. */
static void read_monitor(struct gateway_shell *shell, enum gateway_socket socket)
{
    enum { EVENT_LEN = 6, EVENTS_MAX = 4096 };
    for (unsigned i = 0; i < EVENTS_MAX && shell->monitors[socket] != NULL; i++) {
        zmq_msg_t frames[2];
        unsigned count = receive(shell, shell->monitors[socket], frames, 2);
        struct st_view event = view_of(&frames[0]);
        uint16_t number = 0;
        int32_t value = 0;
        if (count > 0 && event.len == EVENT_LEN) {
            memcpy(&number, event.p, sizeof number);
            memcpy(&value, event.p + sizeof number, sizeof value);
        }
        close_all(frames, 2);
        if (count == 0)
            return;
        if (number == ZMQ_EVENT_ACCEPTED)
            gateway_guard_accepted(shell->guard, socket, value);
        else if (number == ZMQ_EVENT_DISCONNECTED)
            gateway_guard_disconnected(shell->guard, value);
    }
}

/* Frames of a ZAP request behind the routing id: empty, version, request id, domain, address, identity, mechanism,
 * credentials (one of them, for CURVE). */
static bool read_zap(struct gateway_shell *shell, unsigned which)
{
    enum { RID, EMPTY, VERSION, REQUEST, DOMAIN, ADDRESS, IDENTITY, MECHANISM, CREDENTIAL, FRAMES };
    zmq_msg_t frames[FRAMES];
    uint8_t rid[GATEWAY_RID_MAX];
    unsigned count = receive(shell, shell->door.sockets[which], frames, FRAMES);
    size_t rid_len = zmq_msg_size(&frames[RID]);
    if (count >= CREDENTIAL && zmq_msg_size(&frames[EMPTY]) == 0 && rid_len < sizeof rid) {
        memcpy(rid, zmq_msg_data(&frames[RID]), rid_len);
        rid[rid_len] = (uint8_t)which;
        struct gateway_zap request = { .rid = st_view(rid, rid_len + 1),
                                       .request_id = view_of(&frames[REQUEST]),
                                       .version = view_of(&frames[VERSION]),
                                       .domain = view_of(&frames[DOMAIN]),
                                       .address = view_of(&frames[ADDRESS]),
                                       .mechanism = view_of(&frames[MECHANISM]) };
        if (count == FRAMES)
            request.credential = view_of(&frames[CREDENTIAL]);
        shell->door.asked[which]++;
        gateway_core_zap(shell->core, &request);
    }
    close_all(frames, FRAMES);
    return count > 0;
}

static bool read_client(struct gateway_shell *shell, enum gateway_socket socket)
{
    zmq_msg_t frames[2];
    unsigned count = receive(shell, shell->clients[socket], frames, 2);
    if (count > 0) {
        /* Properties stand on body frames; a routing-id frame that was polled for has none. */
        int fd = count > 1 ? zmq_msg_get(&frames[1], ZMQ_SRCFD) : -1;
        struct gateway_client from = { .socket = socket,
                                       .rid = view_of(&frames[0]),
                                       .conn = gateway_guard_message(shell->guard, fd),
                                       .frames = count - 1 };
        from.user_id = count > 1 ? zmq_msg_gets(&frames[1], "User-Id") : NULL;
        if (socket == GATEWAY_ENROL && count > 1)
            from.address = zmq_msg_gets(&frames[1], "Peer-Address");
        shell->body = count == 2 ? &frames[1] : NULL;
        gateway_core_client(shell->core, &from, view_of(&frames[1]));
        shell->body = NULL;
    }
    close_all(frames, 2);
    return count > 0;
}

static bool read_service(struct gateway_shell *shell, unsigned peer)
{
    zmq_msg_t frames[3];
    unsigned count = receive(shell, shell->services[peer], frames, 3);
    if (count == 2 || count == 3) {
        shell->body = &frames[1];
        gateway_core_service(shell->core, peer, view_of(&frames[0]), view_of(&frames[1]), view_of(&frames[2]));
        shell->body = NULL;
    }
    close_all(frames, 3);
    return count > 0;
}

/* ---- the loop ---- */

/* A connection is known before its handshake or first message is looked at: libzmq tells the monitor first. */
static void read_monitors(struct gateway_shell *shell)
{
    for (int socket = 0; socket < GATEWAY_SOCKETS; socket++)
        read_monitor(shell, (enum gateway_socket)socket);
}

/* One share of every socket's messages. What it leaves behind, the next turn's poll finds at once. */
static void read_all(struct gateway_shell *shell)
{
    unsigned n = 0;
    bool read_up = true;
    read_monitors(shell);
    for (unsigned which = 0; which < GATEWAY_DOOR_SOCKETS; which++)
        for (n = 0; shell->door.sockets[which] != NULL && n < TURN_MESSAGES && read_zap(shell, which);)
            n++;
    for (unsigned peer = 0; peer < GATEWAY_PEERS_MAX; peer++)
        for (n = 0; shell->services[peer] != NULL && n < TURN_MESSAGES && read_service(shell, peer);)
            n++;
    read_monitors(shell);
    for (int socket = GATEWAY_SOCKETS; socket-- > 0; read_up = read_up && n < TURN_MESSAGES)
        for (n = 0;
             shell->clients[socket] != NULL && n < TURN_MESSAGES && read_client(shell, (enum gateway_socket)socket);)
            n++;
    shell->busy_turns = read_up ? 0 : shell->busy_turns + 1;
    if (shell->busy_turns % BUSY_TURNS_MAX == 0)
        gateway_guard_flush(shell->guard);
}

static int fill_poll(const struct gateway_shell *shell, zmq_pollitem_t items[static POLL_MAX], int fd)
{
    int count = 0;
    for (unsigned i = 0; i < GATEWAY_DOOR_SOCKETS; i++)
        if (shell->door.sockets[i] != NULL)
            items[count++] = (zmq_pollitem_t) { .socket = shell->door.sockets[i], .events = ZMQ_POLLIN };
    for (int i = 0; i < GATEWAY_SOCKETS; i++) {
        if (shell->monitors[i] != NULL)
            items[count++] = (zmq_pollitem_t) { .socket = shell->monitors[i], .events = ZMQ_POLLIN };
        if (shell->clients[i] != NULL)
            items[count++] = (zmq_pollitem_t) { .socket = shell->clients[i], .events = ZMQ_POLLIN };
    }
    for (unsigned i = 0; i < GATEWAY_PEERS_MAX; i++)
        if (shell->services[i] != NULL)
            items[count++] = (zmq_pollitem_t) { .socket = shell->services[i], .events = ZMQ_POLLIN };
    if (fd >= 0)
        items[count++] = (zmq_pollitem_t) { .fd = fd, .events = ZMQ_POLLIN };
    return count;
}

bool gateway_shell_step(struct gateway_shell *shell, int fd, int64_t wait_ms)
{
    zmq_pollitem_t items[POLL_MAX];
    int64_t now = st_env_mono_ms(&shell->env);
    gateway_door_turn(&shell->door, now);
    int count = fill_poll(shell, items, fd);
    int64_t until_ms = gateway_core_next_ms(shell->core);
    int64_t scan_ms = gateway_guard_scan(shell->guard, now);
    if (scan_ms < until_ms)
        until_ms = scan_ms;
    if (until_ms - now < wait_ms)
        wait_ms = until_ms > now ? until_ms - now : 0;
    if (zmq_poll(items, count, (long)wait_ms) < 0 && errno == ETERM)
        shell->terminated = true;
    if (shell->terminated)
        return false;
    read_all(shell);
    gateway_core_flush(shell->core);
    if (st_env_mono_ms(&shell->env) >= gateway_core_next_ms(shell->core))
        gateway_core_tick(shell->core);
    return !shell->terminated;
}

struct gateway_core *gateway_shell_core(struct gateway_shell *shell)
{
    return shell->core;
}

const char *gateway_shell_bound(const struct gateway_shell *shell, enum gateway_socket socket)
{
    return shell->bound[socket];
}

size_t gateway_shell_connections(const struct gateway_shell *shell)
{
    return gateway_guard_count(shell->guard);
}

void gateway_shell_drain(struct gateway_shell *shell, int64_t reconnect_ms)
{
    gateway_core_drain(shell->core, reconnect_ms);
}

/* ---- life ---- */

static enum st_err connect_services(struct gateway_shell *shell, void *zmq, enum gateway_role role,
                                    const char *const *endpoints, size_t count)
{
    char name[NAME_MAX] = "gw-";
    uint8_t random[8];
    st_env_random(&shell->env, random, sizeof random);
    st_hex_encode(name + 3, random, sizeof random);
    for (size_t i = 0; i < count; i++) {
        unsigned peer = GATEWAY_PEERS_MAX;
        enum st_err err = gateway_core_peer_add(shell->core, role, endpoints[i], &peer);
        if (err != ST_OK)
            return err;
        shell->services[peer] = gateway_sockets_service(zmq, name, endpoints[i]);
        if (shell->services[peer] == NULL)
            return ST_EIO;
    }
    return ST_OK;
}

static enum st_err err_of(int error)
{
    switch (error) {
    case EADDRINUSE:
        return ST_EEXISTS;
    case EACCES:
        return ST_EREFUSED;
    case EADDRNOTAVAIL:
    case ENODEV:
        return ST_ENOTFOUND;
    case EINVAL:
    case EPROTONOSUPPORT:
        return ST_EMALFORMED;
    case ENOMEM:
        return ST_ENOMEM;
    default:
        return ST_EIO;
    }
}

static enum st_err open_clients(struct gateway_shell *shell, void *zmq, const struct gateway_shell_options *options,
                                struct gateway_shell_failure *failure)
{
    for (int i = 0; i < GATEWAY_SOCKETS; i++) {
        const struct gateway_listen *listen = &options->listen[i];
        if (listen->endpoint == NULL)
            continue;
        struct gateway_sockets_client made = { 0 };
        int64_t handshake_ms = options->handshake_ms > 0 ? options->handshake_ms : GATEWAY_HANDSHAKE_MS;
        failure->error = gateway_sockets_client(zmq, (enum gateway_socket)i, listen, handshake_ms, &made);
        shell->clients[i] = made.socket;
        shell->monitors[i] = made.monitor;
        memcpy(shell->bound[i], made.bound, sizeof made.bound);
        if (failure->error != 0) {
            failure->endpoint = listen->endpoint;
            return err_of(failure->error);
        }
    }
    return ST_OK;
}

static enum st_err make_guard(struct gateway_shell *shell)
{
    struct gateway_guard_rule rules[GATEWAY_SOCKETS] = {
        [GATEWAY_ENROL] = { .hidden_max = 1 * MIB, .scan_ms = 100 },
        [GATEWAY_DEVICE] = { .hidden_max = 16 * MIB, .scan_ms = 1000 },
    };
    struct gateway_guard_out out = { shell, opened, closed, overfull };
    for (int i = 0; i < GATEWAY_SOCKETS; i++)
        rules[i].port = gateway_sockets_port(shell->bound[i]);
    return gateway_guard_new(&shell->guard, rules, &out);
}

enum st_err gateway_shell_new(struct gateway_shell **shell_r, void *zmq, const struct gateway_shell_options *options,
                              const struct st_env *env, struct gateway_shell_failure *failure_r)
{
    *shell_r = NULL;
    *failure_r = (struct gateway_shell_failure) { 0 };
    struct gateway_shell *shell = calloc(1, sizeof *shell);
    if (shell == NULL)
        return ST_ENOMEM;
    shell->env = *env;
    shell->log = options->core.log;
    struct gateway_out out = { shell, to_zap, to_client, to_service, cut };
    enum st_err err = gateway_core_new(&shell->core, &options->core, env, &out);
    if (err != ST_OK)
        goto fail;
    st_service_seed_rand(); /* before the first ROUTER */
    err = gateway_door_open(&shell->door, zmq, options->door_ms, st_env_mono_ms(env));
    if (err == ST_OK)
        err = connect_services(shell, zmq, GATEWAY_AUTH, options->auths, options->auth_count);
    if (err == ST_OK)
        err = connect_services(shell, zmq, GATEWAY_RELAY, options->relays, options->relay_count);
    if (err == ST_OK)
        err = open_clients(shell, zmq, options, failure_r);
    if (err == ST_OK)
        err = make_guard(shell);
    if (err != ST_OK)
        goto fail;
    *shell_r = shell;
    return ST_OK;
fail:
    gateway_shell_free(&shell);
    return err;
}

void gateway_shell_free(struct gateway_shell **shell_at)
{
    struct gateway_shell *shell = *shell_at;
    if (shell == NULL)
        return;
    for (int i = 0; i < GATEWAY_SOCKETS; i++)
        gateway_sockets_close_client(shell->clients[i], shell->monitors[i]);
    for (unsigned i = 0; i < GATEWAY_PEERS_MAX; i++)
        if (shell->services[i] != NULL)
            zmq_close(shell->services[i]);
    gateway_door_close(&shell->door);
    gateway_guard_free(&shell->guard);
    gateway_core_free(&shell->core);
    free(shell);
    *shell_at = NULL;
}
