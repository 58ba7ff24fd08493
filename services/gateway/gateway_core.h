/* The gateway as a state machine without I/O. It decides who is let in, what each may say to whom and how often, which
 * service gets a frame, and which client an answer; it holds no message longer than one call, except answers that wait
 * for a mailbox to be opened. A shell owns sockets, clock and randomness (gateway_shell.h); a simulation or a fuzzer
 * may take the shell's place.
 *
 * How a shell drives it:
 *
 *   gateway_core_zap, _client, _service, _opened, _closed   one input each; may only queue
 *   gateway_core_flush                                      after a batch of inputs: sends what was gathered
 *   gateway_core_tick                                       when gateway_core_next_ms (monotonic) has come
 *
 * Identity. A client is known by its CURVE key (TK), taken from the User-Id that our own ZAP handler gave its
 * connection, never from anything it says. A session is bound to (routing id, TK). Routing ids go back to the shell
 * that brought them and nowhere else: whoever knows one can aim an attack at libzmq (ARCHITECTURE 9).
 *
 * Services are numbered by gateway_core_peer_add; the number stays the same for the gateway's life. */
#ifndef GATEWAY_CORE_H
#define GATEWAY_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/st_bytes.h"
#include "lib/st_env.h"
#include "lib/st_err.h"
#include "lib/st_log.h"
#include "proto/st_internal.h"
#include "services/gateway/gateway_limits.h"

struct gateway_core;

enum gateway_socket { GATEWAY_ENROL, GATEWAY_DEVICE, GATEWAY_SOCKETS };

enum gateway_role { GATEWAY_AUTH, GATEWAY_RELAY, GATEWAY_ROLES };

/* A handshake that asks for admission, as ZAP (RFC 27) words it. Views are borrowed for the call. */
struct gateway_zap {
    struct st_view rid;        /* of the ZAP socket: where the answer goes; at most GATEWAY_RID_MAX bytes */
    struct st_view request_id; /* echoed; at most GATEWAY_RID_MAX bytes */
    struct st_view version;    /* "1.0" */
    struct st_view domain;     /* "enrol" or "device" */
    struct st_view address;    /* text, without a port */
    struct st_view mechanism;  /* "CURVE" */
    struct st_view credential; /* the client's key, 32 bytes; empty if there was not exactly one credential frame */
};

/* Where a client's message came from. */
struct gateway_client {
    enum gateway_socket socket;
    struct st_view rid;  /* routing id */
    const char *user_id; /* User-Id of the body frame; NULL if it has none */
    const char *address; /* Peer-Address of the body frame; NULL if it has none */
    uint64_t conn;       /* number of the connection (gateway_core_opened), 0 if not known */
    unsigned frames;     /* frames behind the routing id: 1 in every honest message */
};

/* What the core does to the outside. Views are borrowed for the call. */
struct gateway_out {
    void *ctx;
    /* Answers a handshake: status 200 with the User-Id, or 400 with "". What is not answered is dropped by libzmq after
     * its HANDSHAKE_IVL, and the client tries again. */
    void (*zap)(void *ctx, struct st_view rid, struct st_view request_id, unsigned status, const char *user_id);
    /* Sends one frame to a client. ST_ENOTFOUND: it is gone (EHOSTUNREACH); ST_EUNAVAILABLE: its queue is full
     * (EAGAIN). */
    enum st_err (*client)(void *ctx, enum gateway_socket socket, struct st_view rid, struct st_view frame);
    /* Sends one packet to a service. ST_ENOTFOUND or ST_EUNAVAILABLE if it cannot be taken now. `frame` may be the very
     * view that gateway_core_client was called with: the shell may then share the message instead of copying it. */
    enum st_err (*service)(void *ctx, unsigned peer, const struct st_hop *hop, struct st_view frame);
    /* Ends one connection at once (shutdown(2)); gateway_core_closed follows. */
    void (*cut)(void *ctx, uint64_t conn);
};

/* What the server promises its users; told in `welcome`. */
struct gateway_promises {
    uint64_t retention_s;
    uint64_t mailbox_bytes_max;
    uint64_t blob_bytes_max;
};

struct gateway_options {
    struct gateway_limits limits;
    struct gateway_promises promises;
    struct st_log *log; /* borrowed; NULL is silent */
};

/* Counters for status, tests and the log. Gauges first, then totals that only grow. */
struct gateway_stats {
    uint64_t connections, sessions, enrolments, keys, holds, zap_waiting;
    uint64_t admitted, refused, silent; /* handshakes: 200, 400, no answer */
    uint64_t from_clients, to_clients, from_services, to_services;
    uint64_t unreachable, full; /* sends to clients that failed */
    uint64_t strikes, ignored, rate_limited, not_allowed, replaced, moved, cut, notes_lost;
};

/* Returns new. `options`, `env` and `out` are copied. ST_ENOMEM. */
enum st_err gateway_core_new(struct gateway_core **core_r, const struct gateway_options *options,
                             const struct st_env *env, const struct gateway_out *out) ST_MUST_CHECK;

/* Frees and NULLs; sends nothing. NULL is fine. */
void gateway_core_free(struct gateway_core **core);

/* New limits, as after a reload. */
void gateway_core_set_limits(struct gateway_core *core, const struct gateway_limits *limits);

/* A service that may be reached from now on. `endpoint` names it for the rendezvous hash, so all gateways must use the
 * same text for the same service. It is in rotation once it answers a ping. ST_ELIMIT. */
enum st_err gateway_core_peer_add(struct gateway_core *core, enum gateway_role role, const char *endpoint,
                                  unsigned *peer_r) ST_MUST_CHECK;

/* The service has gone for good (its address is no longer published). Its number may be given again. */
void gateway_core_peer_remove(struct gateway_core *core, unsigned peer);

/* Is this service in rotation: did it answer within the last 3 s, and is it not draining? */
bool gateway_core_peer_is_live(const struct gateway_core *core, unsigned peer);

/* A TCP connection was accepted. `conn` is a number that the shell never gives twice; `address` is IPv6 or mapped IPv4.
 * Beyond a cap it is cut at once. A shell that cannot see connections calls neither of these two: then the caps on
 * connections do not hold, and the end of a session is noticed when something is sent to it. */
void gateway_core_opened(struct gateway_core *core, uint64_t conn, enum gateway_socket socket,
                         const uint8_t address[static ST_ADDR_LEN]);
void gateway_core_closed(struct gateway_core *core, uint64_t conn);

/* One handshake. Answered now, later, or never. */
void gateway_core_zap(struct gateway_core *core, const struct gateway_zap *request);

/* One message of a client. `frame` is its first body frame. */
void gateway_core_client(struct gateway_core *core, const struct gateway_client *from, struct st_view frame);

/* One packet of a service: hop frame, wire frame, and `boxes`, empty or the third frame (proto/st_internal.h). */
void gateway_core_service(struct gateway_core *core, unsigned peer, struct st_view hop, struct st_view frame,
                          struct st_view boxes);

void gateway_core_flush(struct gateway_core *core);
void gateway_core_tick(struct gateway_core *core);
int64_t gateway_core_next_ms(const struct gateway_core *core);

/* Says bye(drain) to everybody, each with a reconnect hint between `reconnect_ms` and twice that, and lets nobody in
 * any more. Services go on being answered. */
void gateway_core_drain(struct gateway_core *core, int64_t reconnect_ms);

void gateway_core_stats(const struct gateway_core *core, struct gateway_stats *stats_r);

#endif
