/* The newest device list of each account, our own too, and every device that ever stood in one. */
#ifndef CLIENT_STORE_STORE_LIST_H
#define CLIENT_STORE_STORE_LIST_H

#include "client/store/store_db.h"

enum {
    STORE_LIST_MAX = 73 + 76 * 8 + 64 + 64 * 8, /* body ‖ sig ‖ accept signatures, 8 devices: 1,257 bytes */
    STORE_HASH16_BYTES = 16
};

/* The newest device list of an account, ours or another's, contact or not. */
struct store_list {
    uint64_t seq;
    uint8_t hash16[STORE_HASH16_BYTES];
    int64_t expires_s;     /* Unix seconds */
    int64_t fetched_at_ms; /* when the server last offered it */
    uint64_t claimed_seq;  /* a newer seq that the peer itself names, 0: none (withheld list, A.7) */
    int64_t claimed_at_ms;
    size_t len;
    uint8_t bytes[STORE_LIST_MAX]; /* body ‖ sig ‖ accept signatures */
};

/* ST_ECONFLICT: the stored one has a higher seq; nothing is changed. ST_ELIMIT: len above STORE_LIST_MAX. */
enum st_err store_list_put(struct store *store, const uint8_t acct[static STORE_ACCT_BYTES],
                           const struct store_list *list) ST_MUST_CHECK;
enum st_err store_list_get(struct store *store, const uint8_t acct[static STORE_ACCT_BYTES],
                           struct store_list *out) ST_MUST_CHECK;

/* A device that stood in a list once: its keys never change and it never comes back after removal. */
struct store_seen_device {
    struct store_device id;
    uint8_t dsk[32];
    uint8_t dik[32];
    int64_t added_s; /* Unix seconds, from the list */
    bool removed;
};

/* ST_EEXISTS: known already with exactly these keys (nothing changed); ST_ECONFLICT: known with other keys or
 * another date, or removed (nothing changed). */
enum st_err store_seen_add(struct store *store, const struct store_seen_device *device) ST_MUST_CHECK;
/* Marks it removed. ST_ENOTFOUND. */
enum st_err store_seen_remove(struct store *store, const struct store_device *id) ST_MUST_CHECK;
enum st_err store_seen_get(struct store *store, const struct store_device *id,
                           struct store_seen_device *out) ST_MUST_CHECK;

typedef enum st_err (*store_seen_fn)(void *ctx, const struct store_seen_device *device);
/* All devices of one account by dev, removed ones too. */
enum st_err store_seen_each(struct store *store, const uint8_t acct[static STORE_ACCT_BYTES], store_seen_fn fn,
                            void *ctx) ST_MUST_CHECK;

#endif
