/* `safetalkd run`: the parent that keeps a worker alive. */
#ifndef DAEMON_RUN_H
#define DAEMON_RUN_H

#include "services/allinone/daemon_args.h"

/* Runs until it is asked to stop. Returns the exit code. */
int daemon_run(const struct daemon_args *args);

#endif
