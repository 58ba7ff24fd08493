/* Help and the man page, made from the table of commands. */
#ifndef HELP_H
#define HELP_H

#include <stddef.h>

#include "client/cli/command.h"
#include "lib/st_bytes.h"

/* Each appends text for a terminal of `width` columns; errors stick in `out`. */

/* The commands, a line each: what `safetalk` alone shows below its status. */
void help_short(struct st_buf *out, size_t width);

/* The commands, the global flags, and where to read on: `safetalk help`. */
void help_general(struct st_buf *out, size_t width);

/* Everything about a command: `safetalk help CMD`. */
void help_command(struct st_buf *out, const struct command *command, size_t width);

/* The commands of a noun: `safetalk help account`. */
void help_noun(struct st_buf *out, const char *noun, size_t width);

/* The man page safetalk(1), in roff. */
void help_man_page(struct st_buf *out, const char *version);

/* A flag as it is typed: `-m, --message TEXT`. */
enum { HELP_FLAG_BYTES = 64 };
void help_flag(char out[static HELP_FLAG_BYTES], enum flag_id id);

#endif
