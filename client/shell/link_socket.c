#include "client/shell/link_socket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/st_address.h"

enum {
    RECONNECT_FIRST_MS = 250,
    RECONNECT_LAST_MS = 30000,
    HANDSHAKE_MS = 10000,
    HEARTBEAT_MS = 15000,
    HEARTBEAT_WAIT_MS = 30000,
    QUEUE_FRAMES = 1000,
    /* A server that cannot open our first message hangs up at once; one whose own services are slow keeps us waiting.
     */
    FAST_MS = 1000,
    FAST_FAILURES_MAX = 3
};

static bool set_int(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof value) == 0;
}

static bool configure(void *socket, const struct client_target *target)
{
    return set_int(socket, ZMQ_LINGER, 0) && set_int(socket, ZMQ_IPV6, 1) &&
           set_int(socket, ZMQ_RECONNECT_IVL, RECONNECT_FIRST_MS) &&
           set_int(socket, ZMQ_RECONNECT_IVL_MAX, RECONNECT_LAST_MS) &&
           set_int(socket, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS) && set_int(socket, ZMQ_HEARTBEAT_IVL, HEARTBEAT_MS) &&
           set_int(socket, ZMQ_HEARTBEAT_TIMEOUT, HEARTBEAT_WAIT_MS) && set_int(socket, ZMQ_IMMEDIATE, 1) &&
           set_int(socket, ZMQ_SNDHWM, QUEUE_FRAMES) && set_int(socket, ZMQ_RCVHWM, QUEUE_FRAMES) &&
           zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &(int64_t) { ST_FRAME_MAX }, sizeof(int64_t)) == 0 &&
           zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, target->server_key, ST_KEY_LEN) == 0 &&
           zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, target->own_public, ST_KEY_LEN) == 0 &&
           zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, target->own_secret, ST_KEY_LEN) == 0;
}

enum {
    MONITORED = ZMQ_EVENT_CONNECTED | ZMQ_EVENT_CONNECT_RETRIED | ZMQ_EVENT_DISCONNECTED |
                ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL
};

enum st_err link_socket_open(struct link_socket *link, void *zmq, const struct client_target *target)
{
    memset(link, 0, sizeof *link);
    char host_port[ST_ADDRESS_HOST_PORT_BYTES];
    char endpoint[ST_ADDRESS_HOST_PORT_BYTES + 8], monitor[64];
    st_address_format_host_port(host_port, target->host, target->port);
    snprintf(endpoint, sizeof endpoint, "tcp://%s", host_port);
    link->socket = zmq_socket(zmq, ZMQ_DEALER);
    link->monitor = zmq_socket(zmq, ZMQ_PAIR);
    snprintf(monitor, sizeof monitor, "inproc://monitor-%p", link->socket);
    bool ok = link->socket != NULL && link->monitor != NULL && configure(link->socket, target) &&
              set_int(link->monitor, ZMQ_LINGER, 0) && zmq_socket_monitor(link->socket, monitor, MONITORED) == 0 &&
              zmq_connect(link->monitor, monitor) == 0 && zmq_connect(link->socket, endpoint) == 0;
    if (!ok)
        link_socket_close(link);
    return ok ? ST_OK : ST_EIO;
}

void link_socket_close(struct link_socket *link)
{
    if (link->socket != NULL) {
        zmq_socket_monitor(link->socket, NULL, 0);
        zmq_close(link->socket);
    }
    if (link->monitor != NULL)
        zmq_close(link->monitor);
    memset(link, 0, sizeof *link);
}

enum st_err link_socket_send(struct link_socket *link, struct st_view frame)
{
    if (link->socket == NULL)
        return ST_EUNAVAILABLE;
    int sent = zmq_send(link->socket, frame.p, frame.len, ZMQ_DONTWAIT);
    return sent < 0 ? ST_EUNAVAILABLE : ST_OK;
}

bool link_socket_receive(struct link_socket *link, zmq_msg_t *frame_r)
{
    if (link->socket == NULL)
        return false;
    for (;;) {
        zmq_msg_init(frame_r);
        if (zmq_msg_recv(frame_r, link->socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(frame_r);
            return false;
        }
        if (!zmq_msg_more(frame_r))
            return true;
        while (zmq_msg_more(frame_r)) {
            zmq_msg_close(frame_r);
            zmq_msg_init(frame_r);
            if (zmq_msg_recv(frame_r, link->socket, ZMQ_DONTWAIT) < 0)
                break;
        }
        zmq_msg_close(frame_r);
    }
}

static int64_t now_ms(void)
{
    struct st_env env = st_env_system();
    return st_env_mono_ms(&env);
}

/* Reads one event: frame 1 is number (16 bits) and value (32 bits) in host order, frame 2 the endpoint. */
static bool read_event(void *monitor, uint16_t *event_r, uint32_t *value_r)
{
    zmq_msg_t head, endpoint;
    zmq_msg_init(&head);
    bool ok = zmq_msg_recv(&head, monitor, ZMQ_DONTWAIT) >= 0 && zmq_msg_size(&head) == 6;
    if (ok) {
        memcpy(event_r, zmq_msg_data(&head), sizeof *event_r);
        memcpy(value_r, (uint8_t *)zmq_msg_data(&head) + 2, sizeof *value_r);
    }
    if (zmq_msg_more(&head)) {
        zmq_msg_init(&endpoint);
        if (zmq_msg_recv(&endpoint, monitor, ZMQ_DONTWAIT) < 0)
            ok = false;
        zmq_msg_close(&endpoint);
    }
    zmq_msg_close(&head);
    return ok;
}

/* A handshake failed without a reason. */
static enum client_link_state judge_failure(struct link_socket *link)
{
    bool fast = link->connected_ms != 0 && now_ms() - link->connected_ms < FAST_MS;
    link->connected_ms = 0;
    link->fast_failures = fast ? link->fast_failures + 1 : 0;
    return link->fast_failures >= FAST_FAILURES_MAX ? CLIENT_LINK_BAD_HANDSHAKE : CLIENT_LINK_NO_ANSWER;
}

/* What an event means, or false if it means nothing to the engine. */
static bool translate(struct link_socket *link, uint16_t event, uint32_t value, enum client_link_state *state_r)
{
    switch (event) {
    case ZMQ_EVENT_CONNECTED:
        link->connected_ms = now_ms();
        return false;
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
        link->up = true;
        link->fast_failures = 0;
        *state_r = CLIENT_LINK_UP;
        return true;
    case ZMQ_EVENT_DISCONNECTED:
        if (!link->up)
            return false;
        link->up = false;
        link->connected_ms = 0;
        *state_r = CLIENT_LINK_DOWN;
        return true;
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
        /* 300 asks us to try again, which libzmq does; after 400 it never does. */
        *state_r = value >= 400 ? CLIENT_LINK_REFUSED : CLIENT_LINK_NO_ANSWER;
        return true;
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
        *state_r = judge_failure(link);
        return true;
    case ZMQ_EVENT_CONNECT_RETRIED:
        if (link->up || link->connected_ms != 0)
            return false;
        *state_r = CLIENT_LINK_NO_ANSWER;
        return true;
    default:
        return false;
    }
}

bool link_socket_event(struct link_socket *link, enum client_link_state *state_r)
{
    uint16_t event;
    uint32_t value;
    while (link->socket != NULL && read_event(link->monitor, &event, &value)) {
        if (translate(link, event, value, state_r))
            return true;
    }
    return false;
}
