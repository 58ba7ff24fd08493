/* The end-to-end sessions: one serialised set for each peer device. The store does not look inside. */
#ifndef CLIENT_STORE_STORE_SESSION_H
#define CLIENT_STORE_STORE_SESSION_H

#include "client/store/store_db.h"

enum { STORE_SESSION_MAX = 1 << 20 /* bytes of one set */ };

/* Appends the set to `out` (the caller frees it with st_buf_wipe_free). ST_ENOTFOUND. */
enum st_err store_session_load(struct store *store, const struct store_device *peer, struct st_buf *out) ST_MUST_CHECK;
/* Adds or replaces; the former bytes are erased. ST_ELIMIT above STORE_SESSION_MAX. */
enum st_err store_session_save(struct store *store, const struct store_device *peer, struct st_view set,
                               int64_t now_ms) ST_MUST_CHECK;
/* Erases it; none is fine. */
enum st_err store_session_delete(struct store *store, const struct store_device *peer) ST_MUST_CHECK;

typedef enum st_err (*store_session_fn)(void *ctx, const struct store_device *peer, int64_t updated_at_ms);
/* All, by acct and dev; acct NULL: of every account. */
enum st_err store_session_each(struct store *store, const uint8_t *acct, store_session_fn fn, void *ctx) ST_MUST_CHECK;

/* A second blob for each peer device, for the client layer's own book-keeping (what the peer is known to hold, days
 * of notices, …), not for keys: traces of it may outlive it. It survives store_session_delete, not
 * store_wipe_ratchets. Same errors and limits. */
enum st_err store_peer_load(struct store *store, const struct store_device *peer, struct st_buf *out) ST_MUST_CHECK;
enum st_err store_peer_save(struct store *store, const struct store_device *peer, struct st_view state) ST_MUST_CHECK;
enum st_err store_peer_delete(struct store *store, const struct store_device *peer) ST_MUST_CHECK;

#endif
