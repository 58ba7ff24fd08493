/* Makes any bytes harmless in one line of a log or an error text: only printable ASCII comes out, so nothing can
 * break the line, end a quoted value or speak to a terminal. (What people read in a conversation is another
 * matter: client/cli has the sanitiser that keeps the world's scripts.) */
#ifndef ST_ESCAPE_H
#define ST_ESCAPE_H

#include <stddef.h>

#include "lib/st_bytes.h"

/* Writes `text` to `out`, at most `cap` bytes with the final NUL (cap ≥ 1). Backslash and double quote get a
 * backslash, newline, return and tab become \n \r \t, every other byte outside 0x20 to 0x7e becomes \xNN. What
 * does not fit is cut between two characters, and "..." stands for it. Returns the length without the NUL. */
size_t st_escape(char *out, size_t cap, struct st_view text);

#endif
