/* Used MAC keys on their way to exposure (CRYPTO 12 and 13). */
#ifndef CLIENT_STORE_STORE_EXPOSE_H
#define CLIENT_STORE_STORE_EXPOSE_H

#include "client/store/store_db.h"

enum { STORE_EXPOSE_BATCH = 64 };

/* The caller wipes it. */
struct store_exposure {
    uint8_t hash[STORE_HASH_BYTES]; /* SHA-256( L("SafeTalk/1 exposed") ‖ sid ‖ R ‖ n ) */
    uint8_t mac_key[32];
    int64_t due_at_ms;
};

/* In the transaction that takes the message. ST_EEXISTS. */
enum st_err store_expose_add(struct store *store, const struct store_exposure *exposure) ST_MUST_CHECK;
/* What is due, earliest first, at most STORE_EXPOSE_BATCH, into `out`. */
enum st_err store_expose_due(struct store *store, int64_t now_ms, struct store_exposure out[static STORE_EXPOSE_BATCH],
                             size_t *count_r) ST_MUST_CHECK;
/* The nearest due_at_ms. ST_ENOTFOUND: none waits. */
enum st_err store_expose_next(struct store *store, int64_t *at_ms_r) ST_MUST_CHECK;
/* The relay has published it: the key is public now. It leaves the queue and goes into the wire log, if the message
 * is there. ST_ENOTFOUND. */
enum st_err store_expose_confirmed(struct store *store, const uint8_t hash[static STORE_HASH_BYTES]) ST_MUST_CHECK;
/* Will never be exposed. None is fine. */
enum st_err store_expose_drop(struct store *store, const uint8_t hash[static STORE_HASH_BYTES]) ST_MUST_CHECK;

#endif
