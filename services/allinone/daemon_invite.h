/* `safetalkd invite`: makes an invite code, also while a server runs in the folder. */
#ifndef DAEMON_INVITE_H
#define DAEMON_INVITE_H

#include "services/allinone/daemon_args.h"

/* Makes a code and prints it with the server's address. Returns the exit code. */
int daemon_invite(const struct daemon_args *args);

#endif
