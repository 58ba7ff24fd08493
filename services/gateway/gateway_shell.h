/* The gateway's ZeroMQ sockets, and the loop that feeds its core: two ROUTERs for clients (CURVE), the ZAP handler, one
 * DEALER for each service. One thread owns it. Nothing in it blocks but the poll, and each turn of the loop does a
 * bounded amount of work for each socket, so that nobody starves.
 *
 * The order that keeps the door shut (ARCHITECTURE 9): rand() is seeded before the first ROUTER; the ZAP handler is
 * bound before the CURVE sockets; they have a ZAP domain and refuse to work without a handler (ZMQ_ZAP_ENFORCE_DOMAIN).
 */
#ifndef GATEWAY_SHELL_H
#define GATEWAY_SHELL_H

#include "services/gateway/gateway_core.h"

struct gateway_shell;

enum { GATEWAY_HANDSHAKE_MS = 5000 };

/* A client socket. */
struct gateway_listen {
    const char *endpoint;           /* "tcp://0.0.0.0:7420", "tcp://[::]:7420"; NULL: this gateway does not serve it */
    uint8_t secret_key[ST_KEY_LEN]; /* CURVE */
};

struct gateway_shell_options {
    struct gateway_options core;
    struct gateway_listen listen[GATEWAY_SOCKETS];
    const char *const *auths; /* endpoints of services, all that there are */
    size_t auth_count;
    const char *const *relays;
    size_t relay_count;
    int64_t handshake_ms; /* ZMQ_HANDSHAKE_IVL; 0 = GATEWAY_HANDSHAKE_MS */
    int64_t door_ms;      /* between two changes of the ZAP handler's socket (gateway_door.h); 0 = its default */
};

/* What could not be bound. */
struct gateway_shell_failure {
    const char *endpoint; /* of the options, or NULL if it is something else */
    int error;            /* errno of libzmq */
};

/* Returns new: bound, but taking nothing before the first step. `zmq` is the one context, of the caller; `env` is
 * copied, options are borrowed for the call, the log for the shell's life.
 * ST_EEXISTS: an address is in use; ST_EREFUSED: we may not use it (a port below 1024); ST_ENOTFOUND: no interface has
 * it; ST_EMALFORMED, ST_ENOMEM, ST_EIO. */
enum st_err gateway_shell_new(struct gateway_shell **shell_r, void *zmq, const struct gateway_shell_options *options,
                              const struct st_env *env, struct gateway_shell_failure *failure_r) ST_MUST_CHECK;

/* Closes all sockets without lingering and frees. NULL is fine. */
void gateway_shell_free(struct gateway_shell **shell);

/* One turn: waits until something is to be done, `fd` (a descriptor of the caller's, -1 = none) is readable or
 * `wait_ms` have passed, and does it. False when the context was terminated. */
bool gateway_shell_step(struct gateway_shell *shell, int fd, int64_t wait_ms);

struct gateway_core *gateway_shell_core(struct gateway_shell *shell);

/* The endpoint of a client socket as bound, with its port also where the options asked for any ("tcp://127.0.0.1:*");
 * "" if it is not served. */
const char *gateway_shell_bound(const struct gateway_shell *shell, enum gateway_socket socket);

/* TCP connections that the shell sees now. */
size_t gateway_shell_connections(const struct gateway_shell *shell);

/* Says bye to all clients and lets nobody in any more; go on with gateway_shell_step for a moment, so that it is sent.
 */
void gateway_shell_drain(struct gateway_shell *shell, int64_t reconnect_ms);

#endif
