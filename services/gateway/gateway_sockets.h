/* Making the gateway's sockets, with every option that ARCHITECTURE 9 ask for. Private to the
 * gateway's shell. */
#ifndef GATEWAY_SOCKETS_H
#define GATEWAY_SOCKETS_H

#include <stdint.h>

#include "services/gateway/gateway_shell.h"

enum { GATEWAY_BOUND_MAX = 64 }; /* characters of a bound endpoint, with its NUL */

struct gateway_sockets_client {
    void *socket;                  /* ROUTER with CURVE */
    void *monitor;                 /* PAIR with its accepted and disconnected events */
    char bound[GATEWAY_BOUND_MAX]; /* the endpoint with its port, also where the options asked for any port */
};

/* A socket for the ZAP handler, not yet bound; NULL with errno on failure. */
void *gateway_sockets_zap(void *zmq);

/* A client socket, bound. Returns 0 or an errno; what was made so far stands in `made`. */
int gateway_sockets_client(void *zmq, enum gateway_socket socket, const struct gateway_listen *listen,
                           int64_t handshake_ms, struct gateway_sockets_client *made);

/* Closes both; NULL is fine. The monitor ends first, so that libzmq never writes to a socket that is gone. */
void gateway_sockets_close_client(void *socket, void *monitor);

/* A DEALER to one service, with this gateway's name as its routing id; NULL with errno on failure. */
void *gateway_sockets_service(void *zmq, const char *name, const char *endpoint);

/* The port in a bound endpoint, 0 if there is none. */
uint16_t gateway_sockets_port(const char *bound);

#endif
