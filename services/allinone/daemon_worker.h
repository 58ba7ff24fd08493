/* The server itself: gateway, auth and relay, each in a thread of its own, joined by inproc sockets of one ZeroMQ
 * context; accounts and mailboxes in SQLite. The gateway has the main thread, which also takes the signals. */
#ifndef DAEMON_WORKER_H
#define DAEMON_WORKER_H

#include <stdatomic.h>

#include "lib/st_log.h"
#include "lib/st_supervise.h"
#include "services/allinone/daemon_config.h"
#include "services/allinone/daemon_error.h"

struct daemon_job {
    const char *dir;
    struct daemon_settings settings;
    struct st_log *log;
    atomic_bool *shown; /* in memory that all workers of one parent share: was the start block shown? */
};

/* The life of a worker: opens everything, shows the start block, serves until asked to stop. For st_supervise; `ctx` is
 * the job. Returns the exit code; prints its errors. */
int daemon_worker(struct st_worker *worker, void *ctx);

#endif
