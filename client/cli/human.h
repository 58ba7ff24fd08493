/* A record as a person reads it. All remote text passes the sanitiser here; continuation lines are indented deeper
 * than any line of ours, so that no text can imitate one. */
#ifndef HUMAN_H
#define HUMAN_H

#include <stdbool.h>
#include <stdint.h>

#include "client/cli/layout.h"
#include "client/cli/record.h"
#include "lib/st_bytes.h"

enum {
    HUMAN_PART_INDENT = 8, /* columns before the line of an attachment, and before a gap */
    HUMAN_TEXT_INDENT_MIN = 12
};

/* How and where the lines go. */
struct human {
    struct st_buf *out;         /* borrowed; errors stick there */
    struct layout_table *table; /* borrowed; holds the rows of a list until human_flush */
    bool ascii;                 /* the reader takes no UTF-8 */
    bool color;
    size_t width; /* columns to wrap at; 0: no terminal */
    int64_t now_ms;
    bool days;         /* a line with the date before the first message of each day */
    char last_day[32]; /* the newest such line */
};

/* Appends the lines of a record. Rows of lists (chat, account, contact, outbox, transcript) are kept back, to be
 * aligned, until human_flush or a record of another kind. Not for errors (human_error) and progress. */
void human_record(struct human *human, const struct record *record);

/* Appends the rows that were kept back. */
void human_flush(struct human *human);

/* Appends the three lines of an error. */
void human_error(struct human *human, const struct record_error *error);

/* `512 B`, `3.0 MB` (powers of 1,000). */
enum { HUMAN_BYTES_TEXT = 32 };
void human_bytes(char out[static HUMAN_BYTES_TEXT], int64_t bytes);

/* The first 8 digits of an id, and what stands behind its dot: `9f3c21aa.1`. */
enum { HUMAN_ID_TEXT = 16 };
void human_id(char out[static HUMAN_ID_TEXT], const char *id);

#endif
