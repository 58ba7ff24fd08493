/* The account that the runs of the program look at, and what the tests do with a run. */
#ifndef RUN_SAMPLE_H
#define RUN_SAMPLE_H

#include "tests/unit/cli/run_program.h"

#include <cjson/cJSON.h>

/* A chat with @bob: three messages from him (one hostile, one with two files), one of ours in the outbox, a gap, a
 * notice; @caroline is a contact too. Tue 25 Nov 2025, from 14:02 UTC on. */
enum st_err run_sample_fill(struct store *store);

/* Set-up and tear-down of a test: the account, and its end. */
int run_sample_make(void **state);
int run_sample_drop(void **state);

/* The newest run. */
extern struct run run_sample;

/* Runs, and fails the test unless the exit code is this one. */
void run_sample_expect(const char *line, int code);

/* The same for an error: `[CODE REASON]` must stand in stderr. */
void run_sample_expect_error(const char *line, int code, const char *reason);

/* The JSON object in line `index`, to be deleted by the caller; every line must be one. */
cJSON *run_sample_json(const char *text, int index);

#endif
