/* What the cores of auth and relay see of the outside, and how a shell drives them.
 *
 * A service core is fed packets from gateways and answers through `struct service_out`. It owns no socket, clock,
 * thread or database: time and randomness come through struct st_env, data through its store's function pointers. So
 * the same core runs in a process of its own, inside safetalkd, in the simulation and under a fuzzer.
 *
 * Every service core offers the same five calls (NAME is `auth` or `relay`):
 *
 *   NAME_core_input(core, from, hop, frame)  takes one packet; may only queue it
 *   NAME_core_flush(core)                    carries out what was queued, in one batch: the shell calls it when its
 *                                            socket has nothing more to read, or NAME_core_wants_flush says so
 *   NAME_core_wants_flush(core)              true once the batch is full
 *   NAME_core_tick(core)                     timers: sweeps, retries, pushing again
 *   NAME_core_next_ms(core)                  when, on the monotonic clock, the next tick is due
 *
 * A packet is what proto/st_internal.h describes. */
#ifndef SERVICE_IO_H
#define SERVICE_IO_H

#include "lib/st_bytes.h"
#include "lib/st_env.h"
#include "lib/st_err.h"
#include "proto/st_internal.h"

enum { SERVICE_PEER_MAX = 31 }; /* bytes of a gateway's or relay's name */

/* A gateway (or relay) by name: its ZeroMQ routing id between services, "gw-" and 16 hex digits, new at each start.
 * Text, zero-terminated. */
struct service_peer {
    char name[SERVICE_PEER_MAX + 1];
};

/* How a service core sends. All views are borrowed for the call only. */
struct service_out {
    void *ctx;
    /* Sends one packet to a gateway. `boxes` is empty, or the third frame (from auth). ST_ENOTFOUND: that gateway is
     * gone; ST_EUNAVAILABLE: its queue is full. Neither is an error of the core: what was to be delivered is still in
     * the mailbox, what was to be answered will be asked again. */
    enum st_err (*send)(void *ctx, const struct service_peer *to, const struct st_hop *hop, struct st_view frame,
                        struct st_view boxes);
};

#endif
