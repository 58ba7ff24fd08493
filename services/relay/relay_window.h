/* The last minute of messages without a token, so that a storm of retries does not fill a mailbox with copies of one
 * message. What the window knows is a hint only: the entry is looked up in the store, and counts as stored if it is
 * still there. A hint from before a change of the recipient's or the sender's store epoch is worth nothing, because
 * then a second copy is wanted (PROTOCOL 4). Fixed memory; what does not fit is forgotten. */
#ifndef RELAY_WINDOW_H
#define RELAY_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/st_env.h"
#include "lib/st_err.h"
#include "services/relay/mailbox.h"

enum {
    RELAY_WINDOW_MS = 60 * 1000,
    RELAY_WINDOW_KEY = 2 * (ST_ACCT_LEN + 4) + ST_MSG_ID_LEN,
    RELAY_WINDOW_MAX = 1 << 20
};

struct relay_window_slot {
    uint8_t key[RELAY_WINDOW_KEY];
    bool used;
    bool pending;                       /* in the batch that is being gathered, as its copy `copy` */
    size_t copy;                        /* index of that copy */
    int64_t at_ms;                      /* monotonic */
    uint8_t token[ST_TOKEN_LEN];        /* of the entry */
    uint8_t sender_epoch[ST_EPOCH_LEN]; /* of the sender's own mailbox, as it was then */
};

struct relay_window;

/* Returns new, for about `copies` copies (1 to RELAY_WINDOW_MAX). ST_ENOMEM. */
enum st_err relay_window_new(struct relay_window **window_r, size_t copies, const struct st_env *env) ST_MUST_CHECK;

/* Frees and NULLs. NULL is fine. */
void relay_window_free(struct relay_window **window);

/* Writes the key of one copy. */
void relay_window_key(uint8_t out[static RELAY_WINDOW_KEY], const struct mailbox_key *from,
                      const uint8_t msg_id[static ST_MSG_ID_LEN], const struct mailbox_key *to);

/* What is known of this copy within the last minute, or NULL; borrowed until the next relay_window_put. */
struct relay_window_slot *relay_window_find(struct relay_window *window, const uint8_t key[static RELAY_WINDOW_KEY],
                                            int64_t now_ms);

/* A slot for this copy, its own one or the oldest of its place; key, used and at_ms are set, the rest is zero. */
struct relay_window_slot *relay_window_put(struct relay_window *window, const uint8_t key[static RELAY_WINDOW_KEY],
                                           int64_t now_ms);

#endif
