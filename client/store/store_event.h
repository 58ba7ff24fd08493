/* Events: what `receive` prints, a rising number each, kept until every consumer has acked them. */
#ifndef CLIENT_STORE_STORE_EVENT_H
#define CLIENT_STORE_STORE_EVENT_H

#include "client/store/store_db.h"

enum {
    STORE_CONSUMER_MAX = 32, /* bytes of a consumer's name */
    STORE_EVENT_BODY_MAX = 4096
};

/* On disk: only ever add. */
enum store_event_type {
    STORE_EVENT_MESSAGE = 1, /* ref: row of the message */
    STORE_EVENT_RECEIPT = 2, /* ref: row of our message; body: state(1) ‖ acct(16) */
    STORE_EVENT_GAP = 3,     /* ref: id of the gap */
    STORE_EVENT_NOTICE = 4   /* ref: chat or 0; body: the core's own form */
};

struct store_event {
    uint64_t number; /* never used twice */
    enum store_event_type type;
    int64_t ref;
    int64_t at_ms;
    struct st_view body;
};

/* For receipts and notices; messages and gaps make their own. ST_ELIMIT above STORE_EVENT_BODY_MAX. */
enum st_err store_event_add(struct store *store, enum store_event_type type, int64_t ref, struct st_view body,
                            int64_t now_ms) ST_MUST_CHECK;

typedef enum st_err (*store_event_fn)(void *ctx, const struct store_event *event);
/* Events that `consumer` has not acked, oldest first, at most `limit`; an unknown consumer has acked nothing.
 * The consumer `default` is there from the beginning. */
enum st_err store_event_each(struct store *store, const char *consumer, uint32_t limit, store_event_fn fn,
                             void *ctx) ST_MUST_CHECK;
/* All up to `number` are done for this consumer; makes the consumer. Numbers only rise. Events that every consumer
 * has acked are erased. ST_ELIMIT: a name longer than STORE_CONSUMER_MAX. */
enum st_err store_event_ack(struct store *store, const char *consumer, uint64_t number) ST_MUST_CHECK;
/* Erases events older than `before_ms`, and the oldest beyond `keep`, whoever has not acked them. *gone_r: how many
 * unacked ones. */
enum st_err store_event_prune(struct store *store, int64_t before_ms, uint64_t keep, uint64_t *gone_r) ST_MUST_CHECK;

#endif
