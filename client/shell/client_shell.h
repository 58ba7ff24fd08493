/* The client's engine on real sockets: libzmq DEALERs under CURVE with their monitors, the blob folder, the clock, and
 * one loop that runs until something is reached. One shell drives one client on one thread. */
#ifndef CLIENT_SHELL_H
#define CLIENT_SHELL_H

#include <stdbool.h>
#include <stdint.h>

#include "client/core/client.h"

struct client_shell;

struct client_shell_options {
    struct store *store;     /* borrowed */
    const char *blob_folder; /* exists, mode 0700; copied */
    const struct client_config *config;
    int wake_fd; /* the loop ends when it becomes readable (a signal); -1: none */
    void (*event)(void *ctx, const struct client_event *event); /* may be NULL */
    void *event_ctx;
};

/* Returns new: sockets' context and client. sodium_init has been called. Errors as client_new, ST_EIO without sockets.
 */
enum st_err client_shell_new(struct client_shell **shell_r, const struct client_shell_options *options) ST_MUST_CHECK;

/* Closes everything at once, without lingering, and NULLs the pointer. NULL is fine. */
void client_shell_free(struct client_shell **shell);

/* The client; borrowed, for the operations of client.h. */
struct client *client_shell_client(struct client_shell *shell);

enum client_shell_end { CLIENT_SHELL_DONE, CLIENT_SHELL_TIMEOUT, CLIENT_SHELL_WOKEN };

/* Runs the loop until `*done` is true, `deadline_ms` (monotonic; negative: never) is over, or wake_fd is readable.
 * `done` is looked at after every batch of input. */
enum client_shell_end client_shell_run(struct client_shell *shell, bool (*done)(void *ctx), void *ctx,
                                       int64_t deadline_ms);

#endif
