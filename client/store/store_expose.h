/* Used MAC keys on their way to exposure (E2E-PROTOCOL A.9), and the wire log that a transcript is made from. */
#ifndef CLIENT_STORE_STORE_EXPOSE_H
#define CLIENT_STORE_STORE_EXPOSE_H

#include "client/store/store_db.h"

enum {
    STORE_EXPOSE_BATCH = 64,
    STORE_PAYLOAD_MAX = 65536,
    STORE_WIRE_KEEP_BYTES = 64 << 20 /* what store_wire_prune is asked to keep by default */
};

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

/* One message as it went over the wire. Kept for messages only, one for each copy, and erased with them. */
struct store_wire {
    int64_t message; /* row */
    struct store_device peer;
    bool incoming;
    uint8_t hash[STORE_HASH_BYTES]; /* as in struct store_exposure */
    uint8_t th[32];                 /* the session's transcript hash, which the tag covers */
    bool exposed;                   /* mac_key is public and here */
    uint8_t mac_key[32];
    struct st_view envelope;
    struct st_view payload; /* the plaintext under it, before padding */
};

/* `exposed` and mac_key are ignored: not exposed yet. ST_EEXISTS: this hash is there. ST_ELIMIT: an envelope or a
 * payload beyond its limit. */
enum st_err store_wire_add(struct store *store, const struct store_wire *wire) ST_MUST_CHECK;
/* The key of a message that *we sent*, as the relay gave it after the other side exposed it. ST_ENOTFOUND. */
enum st_err store_wire_set_key(struct store *store, const uint8_t hash[static STORE_HASH_BYTES],
                               const uint8_t mac_key[static 32]) ST_MUST_CHECK;

typedef enum st_err (*store_wire_fn)(void *ctx, const struct store_wire *wire);
/* Of a chat in the order of its messages. */
enum st_err store_wire_each(struct store *store, int64_t chat, store_wire_fn fn, void *ctx) ST_MUST_CHECK;
/* Erases the oldest beyond `keep_bytes` of envelopes and payloads. */
enum st_err store_wire_prune(struct store *store, uint64_t keep_bytes) ST_MUST_CHECK;

#endif
