/* Messages of all chats. */
#ifndef CLIENT_STORE_STORE_MESSAGE_H
#define CLIENT_STORE_STORE_MESSAGE_H

#include "client/store/store_db.h"

enum {
    STORE_TEXT_MAX = 65000,
    STORE_REASON_MAX = 64,   /* bytes of a stable reason such as `mailbox_full` */
    STORE_PREFIX_HEX_MIN = 4 /* hex digits that name a message */
};

/* On disk: only ever add. */
enum store_direction { STORE_IN = 0, STORE_OUT = 1 };
enum store_message_kind { STORE_KIND_TEXT = 0, STORE_KIND_FILE = 1, STORE_KIND_UNKNOWN = 2 };
/* In the order in which they are reached; `failed` may still become `delivered` or `read` when a receipt comes. */
enum store_state {
    STORE_STATE_QUEUED = 0,
    STORE_STATE_STORED = 1,
    STORE_STATE_FAILED = 2,
    STORE_STATE_DELIVERED = 3,
    STORE_STATE_READ = 4
};

struct store_message {
    int64_t row; /* local number; 0 on the way in */
    uint8_t id[STORE_MSG_ID_BYTES];
    int64_t chat;
    struct store_device sender; /* ours for STORE_OUT */
    enum store_direction direction;
    enum store_message_kind kind;
    uint64_t seq;                      /* the sender's number in this chat */
    int64_t sent_at_ms;                /* as the sender says: shown, never trusted for order */
    int64_t received_at_ms;            /* 0 for STORE_OUT */
    enum store_state state;            /* incoming: delivered, then read */
    bool shown;                        /* false: held behind a gap, invisible */
    bool deleted;                      /* a tombstone without text */
    uint64_t order;                    /* the order in which people see it, over all chats; 0 while not shown */
    uint32_t attachments;              /* how many; out only */
    char reason[STORE_REASON_MAX + 1]; /* of `failed`, else empty */
    struct st_view text;               /* UTF-8 */
};

/* Adds a message; this is the dedupe row too. A shown one takes the next place in the order; a shown incoming one
 * makes an event and counts as unread (unless its state is read). row, order and attachments are ignored.
 * ST_EEXISTS: (chat, sender's account, id) is there already, *row_r is that row and nothing is changed: a duplicate
 * to be acked and answered with a receipt. ST_ELIMIT: text too long. ST_ENOTFOUND: no such chat. */
enum st_err store_message_add(struct store *store, const struct store_message *message, int64_t *row_r) ST_MUST_CHECK;

/* Shows a held message now: order, event and unread as in store_message_add. Shown already: nothing. */
enum st_err store_message_show(struct store *store, int64_t row) ST_MUST_CHECK;

/* Reads one; `out->text` points into `text` (appended to it; borrowed until it changes). ST_ENOTFOUND. */
enum st_err store_message_get(struct store *store, int64_t row, struct store_message *out,
                              struct st_buf *text) ST_MUST_CHECK;

/* The row of (chat, sender's account, id), shown or not. ST_ENOTFOUND. */
enum st_err store_message_find(struct store *store, int64_t chat, const uint8_t sender[static STORE_ACCT_BYTES],
                               const uint8_t id[static STORE_MSG_ID_BYTES], int64_t *row_r) ST_MUST_CHECK;
/* The row of our own message with this id, in whatever chat. ST_ENOTFOUND. */
enum st_err store_message_find_own(struct store *store, const uint8_t id[static STORE_MSG_ID_BYTES],
                                   int64_t *row_r) ST_MUST_CHECK;

typedef enum st_err (*store_message_fn)(void *ctx, const struct store_message *message);

/* Shown messages whose id begins with these hex digits (either case), at most `limit`, newest first. ST_EMALFORMED:
 * fewer than STORE_PREFIX_HEX_MIN, more than 32, or not hex. None: ST_OK without a call. */
enum st_err store_message_find_prefix(struct store *store, struct st_view hex, uint32_t limit, store_message_fn fn,
                                      void *ctx) ST_MUST_CHECK;

/* Which messages of a chat. Zero means "no such condition". */
struct store_message_query {
    int64_t chat;      /* 0: all chats */
    int64_t since_ms;  /* sent (out) or received (in) at or after */
    int64_t before_ms; /* … and before */
    uint32_t last;     /* only the last so many of those that fit */
    bool unread_only;
};

/* Shown messages in the order in which people see them. */
enum st_err store_message_each(struct store *store, const struct store_message_query *query, store_message_fn fn,
                               void *ctx) ST_MUST_CHECK;
/* Held messages of a sender in a chat by seq; sender NULL: all of the chat; chat 0: all chats. */
enum st_err store_message_each_held(struct store *store, int64_t chat, const struct store_device *sender,
                                    store_message_fn fn, void *ctx) ST_MUST_CHECK;

/* Raises the state; a lower or equal one changes nothing. `failed` comes only out of queued and stored. `reason` (NULL:
 * none) is kept with `failed`. *changed_r (may be NULL) says whether it rose. ST_ENOTFOUND. */
enum st_err store_message_set_state(struct store *store, int64_t row, enum store_state state, const char *reason,
                                    bool *changed_r) ST_MUST_CHECK;

/* `failed` goes back to queued: its copies are in the outbox again. ST_EREFUSED in any other state; ST_ENOTFOUND. */
enum st_err store_message_requeue(struct store *store, int64_t row) ST_MUST_CHECK;

/* Marks what is shown, incoming and unread in the chat up to place `order` as read; `fn` (may be NULL) is told each
 * one, for read receipts. */
enum st_err store_message_mark_read(struct store *store, int64_t chat, uint64_t order, store_message_fn fn,
                                    void *ctx) ST_MUST_CHECK;

/* Erases text, reason, attachments and wire log; leaves a tombstone (the id stays known as a duplicate). */
enum st_err store_message_delete(struct store *store, int64_t row) ST_MUST_CHECK;

/* Unread over all chats. */
enum st_err store_message_count_unread(struct store *store, uint64_t *count_r) ST_MUST_CHECK;

#endif
