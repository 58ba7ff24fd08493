/* A service (auth or relay) in its thread: a shell, a core, and a way to be asked for something from outside. */
#ifndef DAEMON_SERVICE_H
#define DAEMON_SERVICE_H

#include <pthread.h>
#include <stdatomic.h>

#include "services/common/service_shell.h"

struct daemon_service {
    struct service_shell *shell;
    struct service_core core;
    /* Called in the thread after each turn, NULL = nothing; may look at what others asked for. */
    void (*turn)(void *ctx);
    void *ctx;
    pthread_t thread;
    int wake_fd; /* eventfd, -1 before */
    bool started;
    atomic_bool stop;
};

/* Binds the shell. `service` starts zeroed. The shell's errors, ST_EIO for the descriptor. */
enum st_err daemon_service_open(struct daemon_service *service, void *zmq, const char *endpoint,
                                const struct st_env *env, struct st_log *log) ST_MUST_CHECK;

/* Starts the thread; core, turn and ctx are set. ST_EIO. */
enum st_err daemon_service_start(struct daemon_service *service) ST_MUST_CHECK;

/* Makes the thread take a turn soon. */
void daemon_service_wake(struct daemon_service *service);

/* Ends the thread after what it has taken is done, and waits for it. */
void daemon_service_stop(struct daemon_service *service);

/* Closes the shell; the thread has stopped. Fine for one that was never opened (zeroed). */
void daemon_service_close(struct daemon_service *service);

#endif
