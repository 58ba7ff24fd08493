/* What is in force: flags, then variables, then the user's and the machine's config.ini, then what is built in. */
#ifndef SETTINGS_H
#define SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "client/cli/args.h"
#include "client/cli/cli_error.h"
#include "client/cli/output.h"
#include "client/cli/paths.h"
#include "lib/st_config.h"

/* How strangers are met; the values stand in the order of the words auto, ask, accept. */
enum settings_requests { SETTINGS_REQUESTS_AUTO, SETTINGS_REQUESTS_ASK, SETTINGS_REQUESTS_ACCEPT };

/* What config.ini can say. */
struct settings_file {
    char account[ST_CONFIG_TEXT_SIZE];
    int color;  /* enum terminal_color */
    int output; /* enum output_form */
    bool pager;
    bool quiet;
    int64_t timeout_ms, lock_timeout_ms;
    char log_file[ST_CONFIG_PATH_SIZE];
    bool scrub_log;
    int requests; /* enum settings_requests */
    int64_t expose_within_ms;
    bool strict_handshake;
};

struct settings {
    struct settings_file file;
    int64_t listen_ms; /* --timeout of `receive`: how long to listen once nothing waits; 0: not given */
    bool verbose, no_input, yes, dry_run;
    const char *confirm; /* borrowed; NULL: not given. So the next two */
    const char *password_file;
    const char *server;
    int password_fd; /* -1: not given */
};

/* The rows of config.ini, for its example and for tests. */
const struct st_config_table *settings_table(void);

/* Reads the configuration (or --config FILE alone), then lays variables and flags over it; `args` has both. A file that
 * is not there is fine, unless --config names it. Errors fill `error` and return its code. Borrows from `args`. */
enum exit_code settings_load(struct settings *out, const struct args *args, const struct paths *paths,
                             struct cli_error *error);

#endif
