#include "services/gateway/gateway_sockets.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <zmq.h>

#include "lib/st_num.h"

/* libzmq has it (4.3.4, Debian's build too) but shows it only behind its draft macro. */
#ifndef ZMQ_ZAP_ENFORCE_DOMAIN
#define ZMQ_ZAP_ENFORCE_DOMAIN 93
#endif

/* What CURVE adds to a frame: "\7MESSAGE" (8), short nonce (8), flags (1), box (16). */
enum { CURVE_OVERHEAD = 33 };

struct option {
    int name, value;
};

static int set_options(void *socket, const struct option *options, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (zmq_setsockopt(socket, options[i].name, &options[i].value, sizeof options[i].value) != 0)
            return errno;
    return 0;
}

void *gateway_sockets_zap(void *zmq)
{
    static const struct option options[] = {
        { ZMQ_LINGER, 0 }, { ZMQ_ROUTER_MANDATORY, 1 }, { ZMQ_SNDTIMEO, 0 }, { ZMQ_RCVHWM, 0 }, { ZMQ_SNDHWM, 0 },
    };
    void *socket = zmq_socket(zmq, ZMQ_ROUTER);
    if (socket == NULL)
        return NULL;
    int error = set_options(socket, options, sizeof options / sizeof options[0]);
    if (error == 0)
        return socket;
    zmq_close(socket);
    errno = error;
    return NULL;
}

static int set_curve(void *socket, enum gateway_socket which, const struct gateway_listen *listen)
{
    const char *domain = which == GATEWAY_ENROL ? "enrol" : "device";
    int on = 1;
    if (zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, domain, strlen(domain)) != 0 ||
        zmq_setsockopt(socket, ZMQ_ZAP_ENFORCE_DOMAIN, &on, sizeof on) != 0 ||
        zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &on, sizeof on) != 0 ||
        zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, listen->secret_key, sizeof listen->secret_key) != 0)
        return errno;
    return 0;
}

static int configure(void *socket, enum gateway_socket which, const struct gateway_listen *listen, int64_t handshake_ms)
{
    static const struct option options[] = {
        { ZMQ_LINGER, 0 },
        { ZMQ_SNDTIMEO, 0 },
        { ZMQ_BACKLOG, 4096 },
        { ZMQ_RCVHWM, 64 },
        { ZMQ_SNDHWM, 128 },
        { ZMQ_ROUTER_MANDATORY, 1 }, /* who is gone is said, not passed over */
        { ZMQ_ROUTER_HANDOVER, 0 },  /* nobody takes over a routing id */
        { ZMQ_HEARTBEAT_IVL, 15000 },
        { ZMQ_HEARTBEAT_TIMEOUT, 30000 },
        { ZMQ_HEARTBEAT_TTL, 45000 },
        { ZMQ_TCP_KEEPALIVE, 1 },
    };
    /* libzmq measures the encrypted frame. */
    int64_t frame_max = (which == GATEWAY_ENROL ? ST_ENROL_FRAME_MAX : ST_FRAME_MAX) + CURVE_OVERHEAD;
    int handshake = (int)handshake_ms;
    int ipv6 = strchr(listen->endpoint, '[') != NULL;
    int error = set_options(socket, options, sizeof options / sizeof options[0]);
    if (error != 0)
        return error;
    if (zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &frame_max, sizeof frame_max) != 0 ||
        zmq_setsockopt(socket, ZMQ_HANDSHAKE_IVL, &handshake, sizeof handshake) != 0 ||
        zmq_setsockopt(socket, ZMQ_IPV6, &ipv6, sizeof ipv6) != 0)
        return errno;
    return set_curve(socket, which, listen);
}

/* The other end of the monitor has no limit: libzmq's I/O thread would wait in it. */
static int watch(void *zmq, enum gateway_socket which, struct gateway_sockets_client *made)
{
    const char *endpoint =
        which == GATEWAY_ENROL ? "inproc://gateway.enrol.monitor" : "inproc://gateway.device.monitor";
    static const struct option options[] = { { ZMQ_LINGER, 0 }, { ZMQ_RCVHWM, 0 } };
    if (zmq_socket_monitor(made->socket, endpoint, ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED) != 0)
        return errno;
    made->monitor = zmq_socket(zmq, ZMQ_PAIR);
    if (made->monitor == NULL)
        return errno;
    int error = set_options(made->monitor, options, sizeof options / sizeof options[0]);
    if (error == 0 && zmq_connect(made->monitor, endpoint) != 0)
        error = errno;
    return error;
}

int gateway_sockets_client(void *zmq, enum gateway_socket socket, const struct gateway_listen *listen,
                           int64_t handshake_ms, struct gateway_sockets_client *made)
{
    size_t len = sizeof made->bound;
    made->socket = zmq_socket(zmq, ZMQ_ROUTER);
    if (made->socket == NULL)
        return errno;
    int error = configure(made->socket, socket, listen, handshake_ms);
    if (error == 0)
        error = watch(zmq, socket, made);
    if (error == 0 && zmq_bind(made->socket, listen->endpoint) != 0)
        error = errno;
    if (error == 0 && zmq_getsockopt(made->socket, ZMQ_LAST_ENDPOINT, made->bound, &len) != 0)
        error = errno;
    return error;
}

void gateway_sockets_close_client(void *socket, void *monitor)
{
    if (socket != NULL) {
        /* Stops the monitor. It fails only if there was none. */
        (void)zmq_socket_monitor(socket, NULL, 0);
        zmq_close(socket);
    }
    if (monitor != NULL)
        zmq_close(monitor);
}

void *gateway_sockets_service(void *zmq, const char *name, const char *endpoint)
{
    static const struct option options[] = {
        { ZMQ_LINGER, 0 },
        { ZMQ_IMMEDIATE, 1 }, /* nothing is queued for a service that is not there */
        { ZMQ_SNDTIMEO, 0 },
        { ZMQ_SNDHWM, 12000 }, /* frames that all clients have under way; beyond, they are told unavailable */
        { ZMQ_RCVHWM, 1000 },
        { ZMQ_HEARTBEAT_IVL, 1000 },
        { ZMQ_HEARTBEAT_TIMEOUT, 3000 },
        { ZMQ_RECONNECT_IVL, 200 },
        { ZMQ_RECONNECT_IVL_MAX, 2000 },
    };
    int64_t frame_max = ST_FRAME_MAX;
    void *socket = zmq_socket(zmq, ZMQ_DEALER);
    if (socket == NULL)
        return NULL;
    int error = set_options(socket, options, sizeof options / sizeof options[0]);
    if (error == 0 && (zmq_setsockopt(socket, ZMQ_ROUTING_ID, name, strlen(name)) != 0 ||
                       zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &frame_max, sizeof frame_max) != 0 ||
                       zmq_connect(socket, endpoint) != 0))
        error = errno;
    if (error == 0)
        return socket;
    zmq_close(socket);
    errno = error;
    return NULL;
}

uint16_t gateway_sockets_port(const char *bound)
{
    const char *colon = strrchr(bound, ':');
    int64_t port = 0;
    if (colon == NULL || st_num_parse(colon + 1, 1, 65535, &port) != ST_OK)
        return 0;
    return (uint16_t)port;
}
