/* What is missing in a conversation: numbers of a sender that did not come. */
#ifndef CLIENT_STORE_STORE_GAP_H
#define CLIENT_STORE_STORE_GAP_H

#include "client/store/store_db.h"

/* Numbers of a sender that never came: first_seq to last_seq, both included. */
struct store_gap {
    int64_t id;
    int64_t chat;
    struct store_device sender;
    uint64_t first_seq;
    uint64_t last_seq;
    uint64_t order;      /* its place between the messages (struct store_message) */
    int64_t asked_at_ms; /* 0: not asked yet */
    bool has_after;      /* the message shown before it */
    bool has_before;     /* the message shown after it, if there is one yet */
    uint8_t after_id[STORE_MSG_ID_BYTES];
    uint8_t before_id[STORE_MSG_ID_BYTES];
};

/* Adds a gap at the present end of the chat, and an event for it. `gap`: chat, sender, first_seq, last_seq,
 * asked_at_ms; the rest is found. ST_EMALFORMED: last_seq < first_seq. */
enum st_err store_gap_add(struct store *store, const struct store_gap *gap, int64_t now_ms,
                          int64_t *id_r) ST_MUST_CHECK;
enum st_err store_gap_asked(struct store *store, int64_t id, int64_t at_ms) ST_MUST_CHECK;
/* `seq` of `sender` has come after all: the gap shrinks, splits or closes. *was_gap_r: it lay in one. */
enum st_err store_gap_fill(struct store *store, int64_t chat, const struct store_device *sender, uint64_t seq,
                           bool *was_gap_r) ST_MUST_CHECK;
enum st_err store_gap_get(struct store *store, int64_t id, struct store_gap *out) ST_MUST_CHECK;

typedef enum st_err (*store_gap_fn)(void *ctx, const struct store_gap *gap);
/* The open gaps of a chat in their order; chat 0: of all chats. */
enum st_err store_gap_each(struct store *store, int64_t chat, store_gap_fn fn, void *ctx) ST_MUST_CHECK;

#endif
