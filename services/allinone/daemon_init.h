/* `safetalkd init`: makes a server's folder. */
#ifndef DAEMON_INIT_H
#define DAEMON_INIT_H

#include "services/allinone/daemon_args.h"

/* Makes the folder and prints what it is. Nothing is left behind on failure. Returns the exit code. */
int daemon_init(const struct daemon_args *args);

#endif
