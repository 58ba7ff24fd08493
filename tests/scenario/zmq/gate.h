/* A gateway on real sockets for the tests of this folder: the shell in a thread of its own, and behind it an auth and a
 * relay that say what the test wants. Clients are plain libzmq, or raw TCP. */
#ifndef GATE_H
#define GATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <zmq.h>

#include "proto/st_messages.h"
#include "services/common/service_shell.h"
#include "services/gateway/gateway_shell.h"

/* How auth answers tk_check. */
enum gate_auth { GATE_KNOWS_ALL, GATE_KNOWS_NONE, GATE_SILENT, GATE_LATE };

struct gate {
    void *zmq;
    struct gateway_shell *shell;
    struct service_shell *services[2]; /* auth, relay */
    pthread_t threads[3];
    int stop_fd;
    atomic_bool stop;
    atomic_int auth;         /* enum gate_auth */
    atomic_int forwarded;    /* client frames that reached a service */
    atomic_uint connections; /* that the guard sees */
    atomic_uint sessions, refused, cuts;
    char enrol[64], device[64];            /* endpoints to connect to */
    uint8_t enrol_key[32], device_key[32]; /* public */
};

struct gate_options {
    int64_t handshake_ms;
    int64_t door_ms;          /* between two changes of the ZAP handler's socket */
    uint32_t connections_max; /* 0: default */
    uint32_t per_address;     /* 0: 10,000 */
    const char *host;         /* NULL: 127.0.0.1 */
};

void gate_open(struct gate *gate, const struct gate_options *options);
void gate_close(struct gate *gate);

/* Waits up to `ms` until the value is `want`; returns whether it came to it. */
bool gate_wait(atomic_uint *value, unsigned want, int64_t ms);

int64_t gate_now_ms(void);
void gate_sleep_ms(int64_t ms);

/* ---- clients ---- */

/* A DEALER with a fresh CURVE key (or `secret`, 32 bytes). `rid` NULL: libzmq's own. */
void *gate_client(struct gate *gate, bool device, const uint8_t *secret, const void *rid, size_t rid_len);

/* The monitor of a client socket, before it connects: gate_client without a connection. */
void *gate_client_idle(struct gate *gate, bool device, const uint8_t *secret, const void *rid, size_t rid_len);
void gate_connect(struct gate *gate, bool device, void *client);
void *gate_monitor(struct gate *gate, void *client, int events);

/* The next event of a monitor within `ms`; 0 if there was none. */
int gate_event(void *monitor, int64_t ms);

/* Sends one frame of this type with an empty or given body. */
bool gate_say(void *client, enum st_type type, const void *msg);

/* Receives one frame within `ms`; its type, 0 if there was none. The body is in `gate_body`. */
int gate_hear(void *client, int64_t ms);

/* hello, and the type of what came back. */
int gate_hello(void *client, int64_t ms);

/* A TCP connection to an endpoint of the gate, blocking; -1 on failure. */
int gate_tcp(const char *endpoint);

/* Reads until the other end closes; returns how long that took in ms, or -1 after `ms`. */
int64_t gate_closed_after(int fd, int64_t ms);

/* Resident memory of this process, bytes; and its open descriptors. */
size_t gate_rss(void);
unsigned gate_fds(void);

#endif
