/* A small parent that starts its worker again when it dies. libzmq cannot bound the memory of an unfinished message
 * and asserts on what a peer can provoke: a service must be able to die, and be back within a second. Everything we
 * run may be killed at any time, so the parent knows nothing of the work. */
#ifndef ST_SUPERVISE_H
#define ST_SUPERVISE_H

#include <stdint.h>

#include "lib/st_log.h"

struct st_worker {
    int ready_fd; /* to the parent; -1 without one */
};

/* Tells the parent that the worker serves. Until then, in its first life, a worker that ends by itself is not
 * started again (the configuration is wrong, the port is taken): its exit code becomes the parent's. NULL is fine. */
void st_worker_ready(struct st_worker *worker);

struct st_supervise_options {
    /* The worker's whole life, in the child; returns its exit code. TERM, INT and HUP are blocked, for
     * st_service_open. */
    int (*work)(struct st_worker *worker, void *ctx);
    void *ctx;          /* borrowed */
    struct st_log *log; /* the parent's, borrowed; NULL is silent */
    int64_t drain_ms;   /* what the worker uses; it is killed 2 s after that */
};

/* Runs the worker in a child and stays to look after it. Returns the exit code for main (enum st_exit).
 * A worker that dies of a signal, or fails once one was ready, is started again after 100 ms; when it keeps dying
 * within 10 s, after 200, 400 … 3,200 ms. If none was ever ready after 5 deaths, this gives up with ST_EXIT_FAILED.
 * TERM, INT and HUP are passed on (HUP opens the parent's log again too); when the worker has drained, this returns its
 * code. A second TERM or INT kills it, and this returns 143 or 130. A worker that ends by itself with 0, 2, 10, 17, 19,
 * 130 or 143 has said its last word. If the parent is killed, the kernel kills the worker, so that neither leaves a
 * stray process. Call it before any thread or ZeroMQ context exists. */
int st_supervise(const struct st_supervise_options *options);

#endif
