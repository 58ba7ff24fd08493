/* Runs the real program against an account that a test has filled: no server, everything else as for people. */
#ifndef RUN_PROGRAM_H
#define RUN_PROGRAM_H

#include "tests/unit/cli/cli_test.h"

#include "client/store/store.h"

enum { RUN_TEXT_MAX = 1 << 18, RUN_WORDS_MAX = 32 };

/* What a run gave. */
struct run {
    int code; /* exit code; 128 + signal */
    char out[RUN_TEXT_MAX];
    char err[RUN_TEXT_MAX];
};

/* The folder of this test's accounts; made by run_make_account. */
const char *run_folder(void);
const char *run_account_folder(void);

/* Notes where the program is. */
void run_use(const char *program);

/* An empty data folder with the registered account @alice at 127.0.0.1:PORT, where nobody listens. Fills the store
 * through `fill`, in one transaction. */
void run_make_account(enum st_err (*fill)(struct store *store));

/* Opens the account's store as it is now; to be closed with store_close. */
struct store *run_open_store(void);

/* Removes the data folder. */
void run_remove_account(void);

/* Runs `safetalk` with the words of `line` (divided by spaces; `_` in a word stands for a space), with the account's
 * password file, no terminal and `input` on stdin (NULL: /dev/null). */
void run_line(struct run *run, const char *line, const char *input);

/* The same with stdout closed at the other end. */
void run_into_broken_pipe(struct run *run, const char *line);

#endif
