/* The auth service as a state machine without I/O (services/common/service_io.h says how a shell drives it): accounts,
 * password logins by OPAQUE, devices and their signed lists, prekeys, invites, erasing.
 *
 * It holds what it must and no more: no password ever, no message, no mailbox. Everything durable is in its store
 * (services/auth/store.h), so that any number of auths work side by side and each may be killed at any time. In memory
 * are only logins between KE1 and KE3 (30 s), which gateways there are, and removals that wait for their answer (5 s).
 *
 * What holds at every moment (PROTOCOL 4):
 *   - nothing is answered before it is on disk: a flush is one transaction of the store, and what it has to say is sent
 *     when that is committed. If it fails, every answer in it becomes `unavailable`;
 *   - an answer that carries a device list brings `boxes_set` as third frame;
 *   - who says something is told by the hop frame, never by the frame; whether he may say it about that object is
 *     decided here again, against the database, whatever the gateway has checked;
 *   - requests may come twice: a repeat after a lost answer does no harm, and where it can it succeeds.
 *
 * Trust: the packets come from gateways; internal types only with a hop of kind service. An address of zeros in an
 * enrol hop is not counted (trusted proxies: the gateway sends zeros for them). */
#ifndef AUTH_CORE_H
#define AUTH_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/st_bytes.h"
#include "lib/st_env.h"
#include "lib/st_err.h"
#include "lib/st_log.h"
#include "services/auth/auth_config.h"
#include "services/auth/store.h"
#include "services/common/service_io.h"

struct auth_core;

/* What the core works with. All but the log are copied; the store stays the caller's and lives longer than the core. */
struct auth_deps {
    struct st_env env;
    struct service_out out;
    struct auth_store store;
    struct st_log *log; /* borrowed; NULL is silent */
};

enum {
    AUTH_BATCH_FRAMES = 256,              /* frames in one flush */
    AUTH_BATCH_BYTES = 1024 * 1024,       /* bytes in one flush, about */
    AUTH_GATEWAYS_MAX = 256,              /* gateways known at once */
    AUTH_GATEWAY_SILENT_MS = 10 * 1000,   /* after that a gateway gets no revoke any more */
    AUTH_LOGIN_MS = 30 * 1000,            /* between KE1 and KE3 */
    AUTH_REMOVE_WAIT_MS = 5 * 1000,       /* remove_user answers pending after that */
    AUTH_OFFER_MS = 10 * 60 * 1000,       /* life of a link offer */
    AUTH_PENDING_MS = 24 * 60 * 60 * 1000 /* life of a device that nobody links */
};

/* Counters for status, tests and the log: gauges first, then totals that only grow. */
struct auth_stats {
    uint64_t queued, logins_pending, gateways, removals_waiting;
    uint64_t frames, refused;       /* taken; malformed or not allowed */
    uint64_t flushes, store_errors; /* batches; batches that the store could not carry out */
    uint64_t registered, attempts, logged_in, login_failed, throttled, removed;
    uint64_t opks_given, no_opk;         /* bundles with and without a one-time prekey */
    uint64_t lists_taken, lists_refused; /* put_list */
    uint64_t swept;
};

/* Returns new, and binds the store to this server at its first use. `config` is checked and copied (the secrets are
 * wiped at the end).
 *   ST_EREFUSED   auth_config_check says why
 *   ST_EFOREIGN   the store belongs to another server id or to other OPAQUE keys: with these keys no login works
 *   ST_ENOMEM, or a store error
 * *core_r is NULL on failure. */
enum st_err auth_core_new(struct auth_core **core_r, const struct auth_config *config,
                          const struct auth_deps *deps) ST_MUST_CHECK;

/* Frees and NULLs; sends nothing, stores nothing. NULL is fine. */
void auth_core_free(struct auth_core **core);

/* Takes one packet of a gateway: hop frame and wire frame, both untrusted bytes, borrowed for the call. A full batch is
 * carried out first. */
void auth_core_input(struct auth_core *core, const struct service_peer *from, struct st_view hop, struct st_view frame);

/* Carries out what was taken, in its order, and sends the answers. */
void auth_core_flush(struct auth_core *core);

/* Is the batch full? */
bool auth_core_wants_flush(const struct auth_core *core);

/* Timers: removals that waited long enough, purges to ask for again, sweeps. Flushes first. */
void auth_core_tick(struct auth_core *core);

/* When the next tick is due, on the monotonic clock. */
int64_t auth_core_next_ms(const struct auth_core *core);

/* From now on svc_pong says that this auth is leaving; it goes on working. */
void auth_core_drain(struct auth_core *core);

/* New limits and registration mode, as after a reload; the rest of the configuration stays. ST_EREFUSED as
 * auth_config_check, and nothing is changed. */
enum st_err auth_core_reload(struct auth_core *core, const struct auth_config *config) ST_MUST_CHECK;

void auth_core_stats(const struct auth_core *core, struct auth_stats *stats_r);

#endif
