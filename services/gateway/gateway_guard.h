/* TCP connections of the client sockets, as libzmq itself does not show them: which there are, from where, which one a
 * message came over, how to end one, and a bound on what one may make the process hold.
 *
 * libzmq reports every accepted descriptor to a socket monitor. The guard keeps a duplicate of it, so that it can ask
 * the kernel about the connection and end it by shutdown(2), which libzmq cannot. Messages carry their descriptor
 * (ZMQ_SRCFD), which joins the two.
 *
 * Why a bound: MAXMSGSIZE bounds a frame and RCVHWM whole messages, but a message may have any number of frames, and
 * until its last one arrives nobody sees any of it (ARCHITECTURE 9). So: a connection that
 * has sent more than `hidden_max` bytes since its last whole message is ended. The bound must be above what can lie in
 * libzmq's pipe and the kernel's buffer unread: RCVHWM × MAXMSGSIZE + receive buffer.
 *
 * Descriptors: a duplicate is only ever made of, and only closed if it is, a TCP socket bound to our own port. Closing
 * a duplicate of anything else could take the locks of a database away. */
#ifndef GATEWAY_GUARD_H
#define GATEWAY_GUARD_H

#include <stdint.h>

#include "lib/st_err.h"
#include "proto/st_limits.h"
#include "services/gateway/gateway_core.h"

struct gateway_guard;

struct gateway_guard_rule {
    uint16_t port;       /* ours, where clients of this socket arrive; 0 = this socket is not served */
    uint64_t hidden_max; /* bytes */
    int64_t scan_ms;     /* in this time every connection is looked at once */
};

struct gateway_guard_out {
    void *ctx;
    void (*opened)(void *ctx, uint64_t conn, enum gateway_socket socket, const uint8_t address[static ST_ADDR_LEN]);
    void (*closed)(void *ctx, uint64_t conn);
    void (*overfull)(void *ctx, uint64_t conn, enum gateway_socket socket); /* was ended for its hidden bytes */
};

/* Returns new. ST_ENOMEM. */
enum st_err gateway_guard_new(struct gateway_guard **guard_r,
                              const struct gateway_guard_rule rules[static GATEWAY_SOCKETS],
                              const struct gateway_guard_out *out) ST_MUST_CHECK;

/* Closes all duplicates (the connections stay libzmq's) and frees. NULL is fine. */
void gateway_guard_free(struct gateway_guard **guard);

/* The monitor said: accepted with this descriptor, or done with it. */
void gateway_guard_accepted(struct gateway_guard *guard, enum gateway_socket socket, int fd);
void gateway_guard_disconnected(struct gateway_guard *guard, int fd);

/* Reports the connections that have ended (`closed`). Call it when the messages that had come over them have been read:
 * the last one, an ack perhaps, still counts. */
void gateway_guard_flush(struct gateway_guard *guard);

/* A whole message came over this descriptor. Returns the number of its connection, 0 if not known. */
uint64_t gateway_guard_message(struct gateway_guard *guard, int fd);

/* Ends a connection. */
void gateway_guard_cut(struct gateway_guard *guard, uint64_t conn);

/* Looks at a share of the connections; call it often. Returns when to call it next. */
int64_t gateway_guard_scan(struct gateway_guard *guard, int64_t now_ms);

size_t gateway_guard_count(const struct gateway_guard *guard);

#endif
