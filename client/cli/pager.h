/* A pager for what is longer than the screen. */
#ifndef PAGER_H
#define PAGER_H

#include "lib/st_bytes.h"
#include "lib/st_err.h"

typedef const char *(*pager_getenv_fn)(void *ctx, const char *name);

/* The pager's command line: SAFETALK_PAGER, PAGER, or `less -FRX`; NULL if it is empty or `cat`: none is wanted. */
const char *pager_command(pager_getenv_fn get, void *ctx);

/* Runs `command` by the shell, hands it the text, and waits for its end. It runs with LESSSECURE=1 LESSHISTFILE=-, so
 * that `less` starts no other program and writes no file. A pager that is left early is no error. ST_EIO: it could not
 * be started; nothing was shown. */
enum st_err pager_show(const char *command, struct st_view text) ST_MUST_CHECK;

#endif
