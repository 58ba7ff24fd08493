/* Our own prekeys with their private halves, and the initial keys seen (CRYPTO 5 and 11). None of it goes into
 * a backup. */
#ifndef CLIENT_STORE_STORE_PREKEY_H
#define CLIENT_STORE_STORE_PREKEY_H

#include "client/store/store_db.h"

/* A signed prekey. The caller wipes it. */
struct store_spk {
    uint32_t id;
    uint8_t priv[32];
    uint8_t pub[32];
    uint8_t sig[64];
    int64_t created_s;       /* Unix seconds, as signed */
    int64_t confirmed_at_ms; /* the server has it; 0: not yet */
    int64_t replaced_at_ms;  /* the server confirmed its replacement; 0: not yet */
};

/* A one-time prekey. The caller wipes it. */
struct store_opk {
    uint32_t id;
    uint32_t spk_id; /* the generation it was uploaded with and goes with */
    uint8_t priv[32];
    uint8_t pub[32];
    bool uploaded;
};

/* Takes `count` ids, never given out before, from 1 upwards: *first_r … *first_r + count − 1. ST_ELIMIT: used up. */
enum st_err store_spk_take_ids(struct store *store, uint32_t count, uint32_t *first_r) ST_MUST_CHECK;
enum st_err store_opk_take_ids(struct store *store, uint32_t count, uint32_t *first_r) ST_MUST_CHECK;
/* Raises the next id above `id`, for a store that was rolled back behind what the server has seen; never lowers. */
enum st_err store_spk_skip_ids(struct store *store, uint32_t id) ST_MUST_CHECK;
enum st_err store_opk_skip_ids(struct store *store, uint32_t id) ST_MUST_CHECK;

/* ST_EEXISTS: this id is there. */
enum st_err store_spk_put(struct store *store, const struct store_spk *spk) ST_MUST_CHECK;
enum st_err store_spk_get(struct store *store, uint32_t id, struct store_spk *out) ST_MUST_CHECK;
/* The one with the highest id. ST_ENOTFOUND. */
enum st_err store_spk_newest(struct store *store, struct store_spk *out) ST_MUST_CHECK;
/* The server has `id`: sets confirmed_at_ms of it, and replaced_at_ms of every lower id that has none yet. */
enum st_err store_spk_confirm(struct store *store, uint32_t id, int64_t now_ms) ST_MUST_CHECK;
/* Erases every SPK replaced before `before_ms`, with its OPKs and remembered EKs. For each one erased `fn` (may be
 * NULL) is told the id first, so that sessions that hang on it can be closed. */
typedef enum st_err (*store_spk_fn)(void *ctx, uint32_t id);
enum st_err store_spk_expire(struct store *store, int64_t before_ms, store_spk_fn fn, void *ctx) ST_MUST_CHECK;
enum st_err store_spk_count(struct store *store, uint32_t *count_r) ST_MUST_CHECK;

enum st_err store_opk_put(struct store *store, const struct store_opk *opk) ST_MUST_CHECK;
enum st_err store_opk_get(struct store *store, uint32_t id, struct store_opk *out) ST_MUST_CHECK;
/* Erases it, in the transaction that accepts the first message. ST_ENOTFOUND. */
enum st_err store_opk_delete(struct store *store, uint32_t id) ST_MUST_CHECK;
/* All ids up to `id` are at the server. */
enum st_err store_opk_uploaded(struct store *store, uint32_t up_to_id) ST_MUST_CHECK;
/* Held and unused, in all. */
enum st_err store_opk_count(struct store *store, uint32_t *count_r) ST_MUST_CHECK;

typedef enum st_err (*store_opk_fn)(void *ctx, const struct store_opk *opk);
/* Those not uploaded yet, by id, at most `limit`. */
enum st_err store_opk_each_new(struct store *store, uint32_t limit, store_opk_fn fn, void *ctx) ST_MUST_CHECK;

/* Remembers SHA-256(EK) of an initial message for as long as the SPK lives. ST_EEXISTS: seen before. */
enum st_err store_ek_add(struct store *store, uint32_t spk_id,
                         const uint8_t hash[static STORE_HASH_BYTES]) ST_MUST_CHECK;
enum st_err store_ek_seen(struct store *store, const uint8_t hash[static STORE_HASH_BYTES], bool *seen_r) ST_MUST_CHECK;

#endif
