/* Receipts owed: written in the transaction that takes a message (or finds its duplicate), gone when the relay has
 * accepted the receipt. In between they are bound to the outbox copy that carries them. */
#ifndef CLIENT_STORE_STORE_RECEIPT_H
#define CLIENT_STORE_STORE_RECEIPT_H

#include "client/store/store_db.h"

/* On disk: only ever add. */
enum store_receipt_kind { STORE_RECEIPT_DELIVERED = 1, STORE_RECEIPT_READ = 2 };

struct store_receipt {
    struct store_device to;
    uint8_t msg_id[STORE_MSG_ID_BYTES]; /* the message it speaks of */
    enum store_receipt_kind kind;
};

/* Owes a receipt. Owed already: a free one stays as it is; one that is bound becomes free again (a duplicate came:
 * the bound one may be lost). A device may be owed both kinds for one message. */
enum st_err store_receipt_owe(struct store *store, const struct store_receipt *receipt) ST_MUST_CHECK;

typedef enum st_err (*store_receipt_fn)(void *ctx, const struct store_receipt *receipt);
/* Free receipts for one device, oldest first, at most `limit`. */
enum st_err store_receipt_each(struct store *store, const struct store_device *to, uint32_t limit, store_receipt_fn fn,
                               void *ctx) ST_MUST_CHECK;
typedef enum st_err (*store_receipt_peer_fn)(void *ctx, const struct store_device *to, uint32_t count);
/* The devices that have free receipts waiting. */
enum st_err store_receipt_each_peer(struct store *store, store_receipt_peer_fn fn, void *ctx) ST_MUST_CHECK;

/* Binds a free receipt to the outbox message `carrier`. ST_ENOTFOUND. */
enum st_err store_receipt_bind(struct store *store, const struct store_receipt *receipt,
                               const uint8_t carrier[static STORE_MSG_ID_BYTES]) ST_MUST_CHECK;
/* The relay has `carrier`: what is bound to it is done. */
enum st_err store_receipt_accepted(struct store *store, const uint8_t carrier[static STORE_MSG_ID_BYTES]) ST_MUST_CHECK;
/* `carrier` will never be sent (its session is gone): what is bound to it is free again. */
enum st_err store_receipt_free(struct store *store, const uint8_t carrier[static STORE_MSG_ID_BYTES]) ST_MUST_CHECK;
/* The device is gone, or its account is not (or no longer) accepted. */
enum st_err store_receipt_drop_device(struct store *store, const struct store_device *to) ST_MUST_CHECK;

#endif
