/* Conversations. */
#ifndef CLIENT_STORE_STORE_CHAT_H
#define CLIENT_STORE_STORE_CHAT_H

#include "client/store/store_db.h"

/* On disk: only ever add. */
enum store_chat_kind { STORE_CHAT_PERSON = 1, STORE_CHAT_GROUP = 2, STORE_CHAT_SELF = 3 };

struct store_chat {
    int64_t id; /* local; stays when the person behind it changes keys */
    enum store_chat_kind kind;
    uint8_t peer[STORE_ACCT_BYTES]; /* acct of the person, or id of the group */
    char name[STORE_NAME_MAX + 1];  /* without sigil */
    uint64_t next_seq;              /* of our next message in it; from 1 */
    uint32_t unread;                /* incoming, shown, not read, not deleted */
    bool has_last;
    uint8_t last_id[STORE_MSG_ID_BYTES]; /* of the last message shown, in or out */
    int64_t last_at_ms;                  /* its sent_at (out) or received_at (in); without one: when the chat began */
};

/* Finds the chat, or makes it. The name is set if it is new, and changed if it is another now. */
enum st_err store_chat_open(struct store *store, enum store_chat_kind kind, const uint8_t peer[static STORE_ACCT_BYTES],
                            const char *name, int64_t now_ms, int64_t *chat_r) ST_MUST_CHECK;
enum st_err store_chat_get(struct store *store, int64_t chat, struct store_chat *out) ST_MUST_CHECK;
enum st_err store_chat_find(struct store *store, enum store_chat_kind kind, const uint8_t peer[static STORE_ACCT_BYTES],
                            struct store_chat *out) ST_MUST_CHECK;
enum st_err store_chat_find_name(struct store *store, enum store_chat_kind kind, const char *name,
                                 struct store_chat *out) ST_MUST_CHECK;

typedef enum st_err (*store_chat_fn)(void *ctx, const struct store_chat *chat);
/* Those with messages in them, the most recently used first. */
enum st_err store_chat_each(struct store *store, bool unread_only, store_chat_fn fn, void *ctx) ST_MUST_CHECK;

/* Takes the sequence number of our next message in the chat. */
enum st_err store_chat_take_seq(struct store *store, int64_t chat, uint64_t *seq_r) ST_MUST_CHECK;

/* The highest sequence number of `sender` that has been shown in the chat (or passed over as a gap); 0: none. */
enum st_err store_chat_get_shown(struct store *store, int64_t chat, const struct store_device *sender,
                                 uint64_t *seq_r) ST_MUST_CHECK;
/* Raises it; never lowers. */
enum st_err store_chat_set_shown(struct store *store, int64_t chat, const struct store_device *sender,
                                 uint64_t seq) ST_MUST_CHECK;

/* Erases everything in a chat: messages, attachments, gaps, events, wire log. The chat itself stays with its numbers,
 * or the other side would take our next message for an old one; empty, it is in no list. */
enum st_err store_chat_clear(struct store *store, int64_t chat) ST_MUST_CHECK;

#endif
