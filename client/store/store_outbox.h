/* The outbox: the exact bytes of every copy that has not reached its end (ARCHITECTURE 7). */
#ifndef CLIENT_STORE_STORE_OUTBOX_H
#define CLIENT_STORE_STORE_OUTBOX_H

#include "client/store/store_db.h"

enum { STORE_ENVELOPE_MAX = 65852 /* bytes of one copy */ };

/* On disk: only ever add. */
enum store_copy_kind {
    STORE_COPY_MESSAGE = 0, /* dropped by the receipt of its device */
    STORE_COPY_RECEIPT = 1, /* dropped when the relay has it */
    STORE_COPY_CONTROL = 2  /* dropped when the relay has it */
};
enum store_copy_state {
    STORE_COPY_NEW = 0,   /* no answer of a relay yet */
    STORE_COPY_STORED = 1 /* the relay has it on disk */
};

struct store_copy {
    int64_t row; /* local number; 0 on the way in */
    uint8_t msg_id[STORE_MSG_ID_BYTES];
    struct store_device to;
    enum store_copy_kind kind;
    enum store_copy_state state;
    uint8_t sid[STORE_SID_BYTES];         /* session it was encrypted in */
    uint8_t epoch[STORE_EPOCH_BYTES];     /* stored: the recipient's store epoch, from `accepted` */
    uint8_t token[STORE_TOKEN_BYTES];     /* stored: the entry, from `accepted` */
    uint8_t own_epoch[STORE_EPOCH_BYTES]; /* epoch of our own mailbox when it was queued, or last sent again for it */
    uint64_t order;                       /* rising with every copy added: the ratchet's order for each device */
    uint32_t attempts;
    int64_t next_try_at_ms;
    int64_t queued_at_ms;
    char reason[65];         /* why the last try did not succeed; empty: none */
    struct st_view envelope; /* the exact bytes */
};

/* Adds a copy in state new with the next order number; row, order, state, epoch, token, attempts and reason are
 * ignored. ST_EEXISTS: (msg_id, to) is there. ST_ELIMIT: longer than STORE_ENVELOPE_MAX. */
enum st_err store_outbox_add(struct store *store, const struct store_copy *copy, int64_t *row_r) ST_MUST_CHECK;

/* The relay has it: state stored, with epoch and token. ST_ENOTFOUND: no such copy (a receipt was faster). */
enum st_err store_outbox_stored(struct store *store, const uint8_t msg_id[static STORE_MSG_ID_BYTES],
                                const struct store_device *to, const uint8_t epoch[static STORE_EPOCH_BYTES],
                                const uint8_t token[static STORE_TOKEN_BYTES]) ST_MUST_CHECK;
/* Sent or refused: counts an attempt, sets the next try and the reason (NULL: none). ST_ENOTFOUND. */
enum st_err store_outbox_tried(struct store *store, int64_t row, int64_t next_try_at_ms,
                               const char *reason) ST_MUST_CHECK;
/* To be sent again: state new, next try now. The bytes stay. With `own_epoch` not NULL the copy's own_epoch becomes
 * that. */
enum st_err store_outbox_again(struct store *store, int64_t row, int64_t now_ms,
                               const uint8_t *own_epoch) ST_MUST_CHECK;
/* Drops one copy: a receipt came, or it will never arrive. *left_r (may be NULL): copies of the same msg_id to any
 * device that remain. ST_ENOTFOUND: none was there (*left_r is right even so). */
enum st_err store_outbox_drop(struct store *store, const uint8_t msg_id[static STORE_MSG_ID_BYTES],
                              const struct store_device *to, uint32_t *left_r) ST_MUST_CHECK;
/* All copies for a device that was removed. */
enum st_err store_outbox_drop_device(struct store *store, const struct store_device *to,
                                     uint32_t *count_r) ST_MUST_CHECK;

/* Which copies. Zero or NULL means "no such condition". */
struct store_outbox_query {
    const struct store_device *to;
    const uint8_t *acct;          /* 16 bytes: all devices of this account */
    const uint8_t *msg_id;        /* 16 bytes */
    const uint8_t *sid;           /* 16 bytes */
    const uint8_t *not_epoch;     /* 8 bytes: stored in another epoch than this */
    const uint8_t *not_own_epoch; /* 8 bytes: own_epoch is another than this */
    int64_t due_ms;               /* state new, and next_try_at_ms is at or before */
    uint64_t after_order;         /* continue behind this one */
    uint32_t limit;               /* at most so many */
    int kind;                     /* 0: any; else 1 + enum store_copy_kind */
    int state;                    /* 0: any; else 1 + enum store_copy_state */
};

typedef enum st_err (*store_copy_fn)(void *ctx, const struct store_copy *copy);
/* By order. */
enum st_err store_outbox_each(struct store *store, const struct store_outbox_query *query, store_copy_fn fn,
                              void *ctx) ST_MUST_CHECK;

/* The devices that something is due for, the one that has waited longest first. */
typedef enum st_err (*store_outbox_peer_fn)(void *ctx, const struct store_device *to);
enum st_err store_outbox_each_due_peer(struct store *store, int64_t now_ms, store_outbox_peer_fn fn,
                                       void *ctx) ST_MUST_CHECK;
/* The nearest next_try_at_ms of a copy in state new. ST_ENOTFOUND: none waits. */
enum st_err store_outbox_next_try(struct store *store, int64_t *at_ms_r) ST_MUST_CHECK;

/* How many, over all. */
struct store_outbox_counts {
    uint32_t copies;
    uint32_t messages; /* distinct msg_id of kind message */
    uint32_t fresh;    /* copies in state new */
    uint32_t stored;   /* copies in state stored */
};
enum st_err store_outbox_count(struct store *store, struct store_outbox_counts *out) ST_MUST_CHECK;
/* Messages of one session without a receipt (A.6: from 1,000 on a new session). */
enum st_err store_outbox_count_session(struct store *store, const uint8_t sid[static STORE_SID_BYTES],
                                       uint32_t *count_r) ST_MUST_CHECK;

/* One line of `outbox list`: a message and an account that it goes to. */
struct store_outbox_item {
    uint8_t msg_id[STORE_MSG_ID_BYTES];
    uint8_t acct[STORE_ACCT_BYTES];
    uint32_t copies;
    uint32_t stored;   /* of them at the relay */
    uint32_t attempts; /* the most of any copy */
    int64_t queued_at_ms;
    int64_t next_try_at_ms; /* the nearest of a copy in state new; 0: all are stored */
    char reason[65];
};
typedef enum st_err (*store_outbox_item_fn)(void *ctx, const struct store_outbox_item *item);
/* Of kind message only, oldest first. */
enum st_err store_outbox_each_item(struct store *store, store_outbox_item_fn fn, void *ctx) ST_MUST_CHECK;

#endif
