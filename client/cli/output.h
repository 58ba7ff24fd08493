/* Everything that the program writes: records, errors, notices, progress. Results go to stdout, the rest to stderr; in
 * one of three forms, all made from the same record. */
#ifndef OUTPUT_H
#define OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "client/cli/cli_error.h"
#include "client/cli/human.h"
#include "client/cli/record.h"
#include "client/cli/terminal.h"
#include "lib/st_env.h"

enum output_form { OUTPUT_HUMAN, OUTPUT_JSON, OUTPUT_PLAIN };

struct output_options {
    enum output_form form;
    bool quiet;        /* no notices */
    bool verbose;      /* with OUTPUT_JSON: progress records */
    const char *pager; /* the pager's command, borrowed; NULL: none */
    int out_fd, err_fd;
    struct terminal terminal;
    const struct st_env *env; /* borrowed */
};

struct output {
    struct output_options options;
    struct st_buf out, err; /* what is not written yet */
    struct layout_table *table, *err_table;
    struct human human, err_human;
    bool paged;                                  /* stdout is kept until the end */
    enum st_err failed;                          /* ST_OK, or why stdout cannot be written any more */
    bool broken;                                 /* nobody reads stdout any more */
    int64_t progress_since_ms, progress_last_ms; /* monotonic; 0: none */
    size_t progress_columns;                     /* of the line that stands on the terminal */
};

/* Borrows what the options borrow. ST_ENOMEM. */
enum st_err output_init(struct output *output, const struct output_options *options) ST_MUST_CHECK;

/* Writes what is left, through the pager if it was asked for and is needed, and frees. Returns 0, or the exit code of a
 * stdout that could not be written: broken pipe, full disk. */
enum exit_code output_end(struct output *output);

/* From here on stdout is kept, to be shown by a pager if it is more than a screen. Only for people on a terminal. */
void output_page(struct output *output);

/* A line with the date before the first message of each day. */
void output_show_days(struct output *output);

/* Prints a record where it belongs. ST_OK means that it is written (or kept for the pager or the alignment of a list);
 * only then may an event be acked. ST_EIO: stdout is gone; ST_EFULL. */
enum st_err output_record(struct output *output, const struct record *record) ST_MUST_CHECK;

/* Writes the rows of a list that wait for alignment. Same errors. */
enum st_err output_flush(struct output *output) ST_MUST_CHECK;

/* Text of ours for stdout (help); no remote text. */
enum st_err output_text(struct output *output, struct st_view text) ST_MUST_CHECK;

/* Text of ours for stderr (help without a terminal); no remote text. */
void output_err_text(struct output *output, struct st_view text);

/* Prints an error. CLI_OK prints nothing. */
void output_error(struct output *output, const struct cli_error *error);

/* A notice without a chat, made here: kind and sentence. */
void output_notice(struct output *output, const char *kind, const char *chat, const char *text);

/* A hint in human form only ("Next: …"), as a notice is: on stderr, not with --quiet. */
void output_hint(struct output *output, const char *text);

/* How far a transfer has come. On a terminal a line on stderr from half a second on, erased by output_progress_end or
 * by the next line; with --json -v a record at most every half second. */
void output_progress(struct output *output, const char *id, int64_t done_bytes, int64_t total_bytes);
void output_progress_end(struct output *output);

#endif
