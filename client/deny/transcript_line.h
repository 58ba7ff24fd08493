/* One message of a transcript, decoded. Private to client/deny. */
#ifndef TRANSCRIPT_LINE_H
#define TRANSCRIPT_LINE_H

#include <stdbool.h>

#include "client/deny/transcript.h"
#include "client/e2e/e2e_limits.h"

struct transcript_line {
    char id[33];
    char from[STORE_NAME_MAX + 2];
    int64_t sent_at_ms;
    struct st_buf text;
    uint8_t th[E2E_HASH_BYTES];
    struct st_buf payload;
    struct st_buf envelope;
    bool exposed;
    uint8_t mac_key[E2E_KEY_BYTES];
};

void transcript_line_init(struct transcript_line *line);
void transcript_line_deinit(struct transcript_line *line);

/* Reads one line of JSON. ST_EMALFORMED for anything that is not a message. */
enum st_err transcript_line_read(struct transcript_line *line, struct st_view json) ST_MUST_CHECK;

/* Appends the line with its newline. */
enum st_err transcript_line_write(const struct transcript_line *line, struct st_buf *out) ST_MUST_CHECK;

/* The head: reads the chat, or writes it. */
enum st_err transcript_head_read(struct st_view json, char chat_r[static STORE_NAME_MAX + 2]) ST_MUST_CHECK;
enum st_err transcript_head_write(const char *chat, const char *owner, struct st_buf *out) ST_MUST_CHECK;

/* The tag over the line's envelope with its MAC key. ST_EMALFORMED if the envelope is none. */
enum st_err transcript_line_tag(const struct transcript_line *line, uint8_t tag[static E2E_TAG_BYTES]) ST_MUST_CHECK;

#endif
