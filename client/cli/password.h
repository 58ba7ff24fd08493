/* Where a command gets its passwords from: --password-file, --password-fd, or the terminal. */
#ifndef PASSWORD_H
#define PASSWORD_H

#include "client/cli/cmd.h"
#include "client/cli/secret_input.h"

/* The password of the account `name`. Returns new in `out`; errors fill cmd->error. */
enum exit_code password_of(struct cmd *cmd, const char *name, struct secret *out);

/* A password that is being chosen: 8 to 1,024 bytes, typed twice. `is_change`: for `account passwd`, from
 * --new-password-file and -fd; else from --password-file and -fd. */
enum exit_code password_new(struct cmd *cmd, bool is_change, struct secret *out);

#endif
