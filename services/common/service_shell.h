/* The ZeroMQ side of a service: one ROUTER that gateways connect to, and the loop that feeds a core (service_io.h).
 *
 * Each turn reads what waits, then flushes once: a batch is whatever has piled up meanwhile, so that an idle service
 * answers at once and a busy one writes to its disk once for many. One thread owns the shell after it was made. */
#ifndef SERVICE_SHELL_H
#define SERVICE_SHELL_H

#include <stdbool.h>

#include "lib/st_log.h"
#include "services/common/service_io.h"

struct service_shell;

/* How the shell drives a core: the five calls of service_io.h. */
struct service_core {
    void *core;
    void (*input)(void *core, const struct service_peer *from, struct st_view hop, struct st_view frame);
    void (*flush)(void *core);
    bool (*wants_flush)(const void *core);
    void (*tick)(void *core);
    int64_t (*next_ms)(const void *core);
};

/* Returns new: a ROUTER bound to `endpoint` in the caller's context. `env` is copied, `log` borrowed. ST_EEXISTS: the
 * address is in use; ST_EREFUSED, ST_EMALFORMED, ST_ENOMEM, ST_EIO. */
enum st_err service_shell_new(struct service_shell **shell_r, void *zmq, const char *endpoint, const struct st_env *env,
                              struct st_log *log) ST_MUST_CHECK;

/* Closes the socket without lingering and frees. NULL is fine. */
void service_shell_free(struct service_shell **shell);

/* How the core sends; valid as long as the shell. */
struct service_out service_shell_out(struct service_shell *shell);

/* One turn: waits until something is to be done, `fd` (the caller's, -1 = none) is readable, or `wait_ms` have passed,
 * and does it. False when the context was terminated. */
bool service_shell_step(struct service_shell *shell, const struct service_core *core, int fd, int64_t wait_ms);

#endif
