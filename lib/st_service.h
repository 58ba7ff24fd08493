/* What every long-running program of ours does the same way: its protections and limits, its signals as events of its
 * own loop, and its end. (lib/st_supervise.h has the small parent that starts it again when it dies.)
 *
 * The order in a program: options, configuration → st_service_harden → st_supervise, or the worker itself where
 * systemd or compose starts it again. The order in a worker: st_service_open (before any thread) →
 * st_service_limit_memory → st_service_raise_files → zmq_ctx_new → st_service_seed_rand → sockets → st_worker_ready →
 * loop → close stores → wipe → st_service_close.
 * This library knows neither ZeroMQ nor a loop: a service polls st_service_fd beside its sockets. Where czmq is linked,
 * zsys_handler_set(NULL) comes first, or czmq takes the signals. */
#ifndef ST_SERVICE_H
#define ST_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/st_err.h"
#include "lib/st_supervise.h"

/* Exit codes of server programs: the part of the project's table (docs) that concerns them. */
enum st_exit {
    ST_EXIT_OK = 0,
    ST_EXIT_FAILED = 1,        /* unexpected */
    ST_EXIT_USAGE = 2,         /* command line or configuration */
    ST_EXIT_UNREACHABLE = 3,   /* something it needs gives no answer */
    ST_EXIT_HELD = 10,         /* another process has the data folder */
    ST_EXIT_DISK = 16,         /* disk full or not writable */
    ST_EXIT_FOREIGN = 17,      /* database corrupt, foreign or newer */
    ST_EXIT_REFUSED = 19,      /* not allowed */
    ST_EXIT_INTERRUPTED = 130, /* ended at once by INT */
    ST_EXIT_TERMINATED = 143   /* ended at once by TERM */
};

/* The exit code for an error that ended a program. */
int st_service_exit_code(enum st_err err);

/* libsodium ready, SIGPIPE ignored, umask 077, no core dumps and no tracing by others (RLIMIT_CORE 0,
 * PR_SET_DUMPABLE 0): memory with keys never reaches a disk. ST_EIO if the system refuses any of it. A build with a
 * sanitizer stays dumpable, because its leak check traces the process. */
enum st_err st_service_harden(void) ST_MUST_CHECK;

/* Bounds the memory of this process (RLIMIT_DATA: heap, anonymous mappings, thread stacks). libzmq has no limit on the
 * frames of one unfinished message, so a peer can make a process grow; this makes it end, and be started again, before
 * the machine suffers. 0 is no bound. ST_EIO on refusal. A build with a sanitizer ignores it: its shadow memory
 * would count. */
enum st_err st_service_limit_memory(int64_t bytes) ST_MUST_CHECK;

/* Raises the soft limit of open files to `want`, or as near as the hard limit lets it (which is raised too where that
 * is allowed); never lowers it. Returns what holds now. At its limit libzmq spins, so the caller keeps its connection
 * cap below. */
int64_t st_service_raise_files(int64_t want);

/* Seeds rand() from the system's generator. libzmq 4.3.4 numbers the connections of a ROUTER from an unseeded rand():
 * every process starts at the same number, and a client that claims the next one as its own routing id makes the
 * following honest connection abort the process. Call it after zmq_ctx_new (or zsys_init, which seeds from the clock)
 * and before the first ROUTER, in every process that has one. Never tell a peer a routing id, or the guess is easy
 * again. */
void st_service_seed_rand(void);

/* Signals as events. */

enum st_service_event {
    ST_SERVICE_NOTHING,
    ST_SERVICE_RELOAD, /* HUP: read the configuration and open the log again */
    ST_SERVICE_DRAIN,  /* TERM or INT: take nothing new, finish, leave */
    ST_SERVICE_STOP    /* the deadline of the drain has passed, or a second TERM or INT came: leave at once */
};

/* A second TERM counts as one only so long after the first: a process group, systemd and a parent may all deliver the
 * same wish to stop. */
enum { ST_SERVICE_SECOND_TERM_MS = 500 };

struct st_service {
    int fd;           /* signalfd, -1 when closed */
    int64_t drain_ms; /* longest drain */
    int64_t asked_ms; /* mono time of the first TERM or INT */
    int last_signal;  /* TERM or INT, 0 before the first */
    bool second;      /* the second one came */
    bool reload;      /* HUP came and was not reported yet */
    bool drain_told;  /* DRAIN was reported */
};

/* Blocks TERM, INT and HUP in this thread (and in those it makes later: call it before any) and takes them as events.
 * A drain may last `drain_ms`. ST_EIO on refusal. */
enum st_err st_service_open(struct st_service *service, int64_t drain_ms) ST_MUST_CHECK;

/* The signals stay blocked: the same wish to stop may still be on its way from somebody else, and the end is near. */
void st_service_close(struct st_service *service);

/* Becomes readable when a signal waits. */
static inline int st_service_fd(const struct st_service *service)
{
    return service->fd;
}

/* What is to be done now; call it after each poll until it returns ST_SERVICE_NOTHING or ST_SERVICE_STOP. DRAIN is
 * reported once, STOP from then on. */
enum st_service_event st_service_next(struct st_service *service, int64_t now_ms);

/* How long a poll may sleep, in ms: until the drain's deadline, at most `idle_ms`. */
int64_t st_service_wait_ms(const struct st_service *service, int64_t now_ms, int64_t idle_ms);

/* The exit code of a loop that left as asked: ST_EXIT_OK after a drain, however it ended; 130 or 143 if a second INT or
 * TERM cut it short. */
int st_service_end_code(const struct st_service *service);

#endif
