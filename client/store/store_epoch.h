/* The store epochs of mailboxes: they change when a server may have lost what it had acknowledged
 * (PROTOCOL 4), and decide which copies are sent again. */
#ifndef CLIENT_STORE_STORE_EPOCH_H
#define CLIENT_STORE_STORE_EPOCH_H

#include "client/store/store_db.h"

/* The last seen store epoch of an account's mailbox (our own too). ST_ENOTFOUND: never seen. */
enum st_err store_epoch_get(struct store *store, const uint8_t acct[static STORE_ACCT_BYTES],
                            uint8_t epoch_r[static STORE_EPOCH_BYTES]) ST_MUST_CHECK;
enum st_err store_epoch_put(struct store *store, const uint8_t acct[static STORE_ACCT_BYTES],
                            const uint8_t epoch[static STORE_EPOCH_BYTES]) ST_MUST_CHECK;
typedef enum st_err (*store_epoch_fn)(void *ctx, const uint8_t acct[static STORE_ACCT_BYTES]);
/* The accounts that have stored messages without a receipt: whose epochs are worth asking for; at most `limit`. */
enum st_err store_epoch_each_waiting(struct store *store, uint32_t limit, store_epoch_fn fn, void *ctx) ST_MUST_CHECK;

#endif
