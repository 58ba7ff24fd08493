/* safetalkd's command line: one table of commands and their flags, from which parsing and help come. */
#ifndef DAEMON_ARGS_H
#define DAEMON_ARGS_H

#include <stdbool.h>

#include "lib/st_err.h"
#include "services/allinone/daemon_error.h"

enum daemon_command { DAEMON_HELP, DAEMON_VERSION, DAEMON_INIT, DAEMON_RUN, DAEMON_INVITE };

/* Values point into argv; NULL = not given. */
struct daemon_args {
    enum daemon_command command;
    const char *topic; /* help: of which command, or NULL */
    const char *dir, *host, *port, *registration, *uses, *expires;
};

/* ST_EMALFORMED with `error` filled in (code 2). */
enum st_err daemon_args_parse(struct daemon_args *args, int argc, char **argv,
                              struct daemon_error *error) ST_MUST_CHECK;

/* Prints the help of a command, or of all, to stdout. */
void daemon_args_help(const char *topic);

#endif
