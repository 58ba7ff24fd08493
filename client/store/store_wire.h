/* The wire log: messages as they went over the wire, for `deny transcript`. */
#ifndef CLIENT_STORE_STORE_WIRE_H
#define CLIENT_STORE_STORE_WIRE_H

#include "client/store/store_db.h"

enum {
    STORE_PAYLOAD_MAX = 65536,
    STORE_WIRE_KEEP_BYTES = 64 << 20 /* what store_wire_prune is asked to keep by default */
};

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
