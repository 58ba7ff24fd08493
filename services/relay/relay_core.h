/* The relay as a state machine without I/O (services/common/service_io.h says how a shell drives it). It takes messages
 * into the mailboxes of their recipients, pushes them to the devices that are attached to it, deletes what they have
 * acknowledged, and keeps exposed keys and attachments. It sees ciphertext only, and knows nobody's name.
 *
 * What holds at every moment (PROTOCOL 4):
 *   - `accepted` says stored only after the store has answered, and carries the epoch of before;
 *   - append, then read the presence; attach sets the presence, then reads the mailbox from its beginning;
 *   - only the relay named in the presence pushes; another one that appended sends `wake` to the gateway named there;
 *   - nothing is deleted but by an ack of its own device, by expiry, or with its mailbox;
 *   - who sent a client's frame is told by the hop frame, never by the frame.
 *
 * Trust: the packets come from gateways. A gateway forwards client types (below 128) with a hop of kind device for the
 * device it has authenticated; `attach` and `detach` are its own and carry that kind too, so it must never forward a
 * frame of type 128 or above from a client.
 *
 * Memory is bounded by the options: a session takes at most about 9 KiB, when its credit is used up. */
#ifndef RELAY_CORE_H
#define RELAY_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/st_bytes.h"
#include "lib/st_env.h"
#include "lib/st_err.h"
#include "lib/st_log.h"
#include "services/common/service_io.h"
#include "services/relay/blob.h"
#include "services/relay/mailbox.h"

struct relay_core;

struct relay_options {
    struct service_peer name;      /* of this relay, as presences carry it; empty = made at random */
    struct mailbox_limits limits;  /* of one mailbox */
    uint64_t blob_bytes_max;       /* all attachments of an account */
    int64_t retention_ms;          /* of an entry or attachment */
    size_t sessions_max;           /* devices attached to this relay at once */
    uint64_t get_exposed_per_hour; /* of one device; 0 = without limit */
    size_t window_copies;          /* recent copies that are remembered against storms of retries */
};

/* The defaults: 10,000 entries or 64 MiB, 1 GiB, 30 days, 65,536 sessions, 60 an hour, a random name,
 * 16,384 recent copies. */
void relay_options_default(struct relay_options *options_r);

/* What the core works with. `env`, `out`, `mailbox` and `blob` are copied; the stores stay the caller's and live longer
 * than the core. */
struct relay_deps {
    struct st_env env;
    struct service_out out;
    struct mailbox mailbox;
    struct blob_store blob;
    struct st_log *log; /* borrowed; NULL is silent */
};

/* Counters for status, tests and the log: gauges first, then totals that only grow. */
struct relay_stats {
    uint64_t sessions, in_flight, waiting_reads;
    uint64_t frames, refused;                          /* taken; malformed or not allowed */
    uint64_t stored, there, full, absent, unavailable; /* copies by fate */
    uint64_t batches, pushed, pushed_from_memory, pushed_again, acked;
    uint64_t attached, replaced, wakes_sent, wakes_taken, stale_presences;
    uint64_t epoch_changes, store_errors, expired;
};

/* Returns new. ST_ENOMEM, ST_ELIMIT for options out of range. *core_r is NULL on failure. */
enum st_err relay_core_new(struct relay_core **core_r, const struct relay_options *options,
                           const struct relay_deps *deps) ST_MUST_CHECK;

/* Frees and NULLs; sends nothing, stores nothing. NULL is fine. */
void relay_core_free(struct relay_core **core);

/* Takes one packet of a gateway: hop frame and wire frame, both untrusted bytes, borrowed for the call. A full batch is
 * carried out first. */
void relay_core_input(struct relay_core *core, const struct service_peer *from, struct st_view hop,
                      struct st_view frame);

/* Carries out what was taken. */
void relay_core_flush(struct relay_core *core);

/* Is the batch full (1,024 frames or copies, or 8 MiB)? */
bool relay_core_wants_flush(const struct relay_core *core);

/* Timers: goes on with reads that were left for later, pushes again, looks at the store epoch, sweeps. */
void relay_core_tick(struct relay_core *core);

/* When the next tick is due, on the monotonic clock. */
int64_t relay_core_next_ms(const struct relay_core *core);

/* From now on svc_pong says that this relay is leaving; it goes on working. */
void relay_core_drain(struct relay_core *core);

void relay_core_stats(const struct relay_core *core, struct relay_stats *stats_r);

#endif
