/* The records that the program prints, typed. One record is the source of its human line, its JSON object and its
 * plain line; the last two come from one table of fields (record_type). Texts are borrowed C strings and may be remote
 * text: whoever prints cleans them. Absent: NULL for texts, RECORD_NONE for numbers and times. */
#ifndef RECORD_H
#define RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORD_NONE INT64_MIN

enum record_kind {
    RECORD_MESSAGE,
    RECORD_SENT,
    RECORD_RECEIPT,
    RECORD_GAP,
    RECORD_NOTICE,
    RECORD_CHAT,
    RECORD_ACCOUNT,
    RECORD_CONTACT,
    RECORD_SAFETY_NUMBER,
    RECORD_STATUS,
    RECORD_OUTBOX,
    RECORD_ATTACHMENT,
    RECORD_TRANSCRIPT,
    RECORD_ERROR,
    RECORD_PROGRESS,
    RECORD_KINDS
};

/* A file of a message, inside `message` and `sent`. */
struct record_part {
    const char *id; /* MESSAGE.N */
    const char *name;
    const char *mime;
    int64_t bytes;
    const char *sha256; /* hex, of the plain file; may be absent */
    const char *state;
    const char *path; /* may be absent */
};

struct record_parts {
    const struct record_part *items;
    size_t count;
};

struct record_message {
    const char *id, *chat, *from, *direction;
    int64_t seq, sent_at, received_at;
    const char *kind, *text;
    struct record_parts attachments;
    const char *state, *trust, *reply_to;
    int64_t edited_at;
    int64_t deleted; /* 1, 0 or RECORD_NONE */
    int64_t expires_at;
};

struct record_sent {
    const char *id, *to, *state;
    struct record_parts attachments;
    int64_t queued_at;
    int64_t duplicate; /* 1, 0 or RECORD_NONE */
    int64_t code;
    const char *reason;
};

struct record_receipt {
    const char *id, *chat, *by, *state;
    int64_t at;
};

struct record_gap {
    const char *chat, *from;
    int64_t count;
    const char *after_id, *before_id;
    int64_t asked_at;
    int64_t after_at, before_at; /* when those two were sent: for the human line only */
};

struct record_notice {
    const char *chat, *kind, *text;
    int64_t at;
};

struct record_chat {
    const char *chat;
    int64_t unread;
    const char *last_id;
    int64_t last_at, muted_until, retention_s, timer_s;
    bool history;
    const char *last_text;
};

struct record_account {
    const char *name, *server, *account_id, *device_id;
    bool is_default, locked;
    const char *note; /* for the human line only */
};

struct record_contact {
    const char *name, *account_id;
    int64_t devices;
    const char *trust, *relation, *nickname, *note;
};

struct record_safety_number {
    const char *contact, *digits, *trust, *result;
};

struct record_policy {
    const char *registration;
    int64_t retention_s, mailbox_bytes, blob_bytes;
};

struct record_status {
    const char *account, *device_id, *server;
    bool connected;
    int64_t synced_at, unread, outbox;
    bool locked;
    int64_t holder_pid, prekeys, no_opk_count;
    struct record_policy policy;
};

struct record_outbox {
    const char *id, *to, *state;
    int64_t copies, attempts, queued_at, next_try_at;
    const char *reason;
};

struct record_attachment {
    const char *id, *chat, *name, *mime;
    int64_t bytes;
    const char *sha256, *state, *path;
};

struct record_transcript {
    const char *file, *chat, *id;
    int64_t messages;
    const char *verdict;
    const char *text; /* of the message that was checked: for the human line only */
};

struct record_error {
    int64_t code;
    const char *reason, *message, *why, *next;
    int64_t retry_after_s;
    const char *id;
};

struct record_progress {
    const char *id;
    int64_t done_bytes, total_bytes;
};

struct record {
    enum record_kind kind;
    int64_t event;        /* of `receive`: the event's number, else RECORD_NONE */
    const char *sentence; /* what a human reads instead of the record's own line; NULL: the line */
    union {
        struct record_message message;
        struct record_sent sent;
        struct record_receipt receipt;
        struct record_gap gap;
        struct record_notice notice;
        struct record_chat chat;
        struct record_account account;
        struct record_contact contact;
        struct record_safety_number safety_number;
        struct record_status status;
        struct record_outbox outbox;
        struct record_attachment attachment;
        struct record_transcript transcript;
        struct record_error error;
        struct record_progress progress;
    } as;
};

/* An empty record of this kind: every text absent, every number and time RECORD_NONE, every switch off. */
void record_init(struct record *record, enum record_kind kind);

enum record_field_kind {
    RECORD_FIELD_TEXT,  /* const char * */
    RECORD_FIELD_INT,   /* int64_t */
    RECORD_FIELD_TIME,  /* int64_t, ms since 1970 */
    RECORD_FIELD_BOOL,  /* bool */
    RECORD_FIELD_MAYBE, /* int64_t: 1, 0 or RECORD_NONE */
    RECORD_FIELD_PARTS, /* struct record_parts */
    RECORD_FIELD_POLICY /* struct record_policy */
};

struct record_field {
    const char *name;
    enum record_field_kind kind;
    size_t offset; /* in struct record */
    bool optional; /* may be absent */
};

struct record_type {
    const char *name;
    const struct record_field *fields;
    size_t count;
    bool to_stderr; /* error, notice, progress */
};

/* The fields of a kind, in the order in which they are printed. */
const struct record_type *record_type(enum record_kind kind);

/* The fields of one part of a message, offsets in struct record_part. */
const struct record_field *record_part_fields(size_t *count);

/* The fields of a policy, offsets in struct record_policy. */
const struct record_field *record_policy_fields(size_t *count);

#endif
