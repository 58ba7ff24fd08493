/* What a ratchet remembers of messages that have not come yet: closed receiving chains and partial keys, within their
 * limits (CRYPTO 18). Used by the ratchet's own files only. */
#ifndef RATCHET_PAST_H
#define RATCHET_PAST_H

#include "client/e2e/ratchet.h"

enum { RATCHET_NO_KEY = E2E_KEYS_MAX /* an index that no key has */ };

/* Index of the partial key (chain, n), or RATCHET_NO_KEY. */
size_t ratchet_past_find(const struct ratchet *ratchet, uint32_t chain, uint32_t n);

/* The closed chain under that R, borrowed, or NULL. */
const struct ratchet_chain *ratchet_past_chain(const struct ratchet *ratchet, const uint8_t r[static E2E_KEY_BYTES]);

/* Is R that of a closed chain without keys? */
bool ratchet_past_is_gone(const struct ratchet *ratchet, const uint8_t r[static E2E_KEY_BYTES]);

/* Makes sure that `count` keys more (at most E2E_KEYS_MAX), and one closed chain more, can be taken without memory. */
enum st_err ratchet_past_reserve(struct ratchet *ratchet, size_t count) ST_MUST_CHECK;

/* Takes the keys (reserved before), oldest first; those that are too many go, oldest first. */
void ratchet_past_add(struct ratchet *ratchet, const struct ratchet_key *keys, size_t count);

/* Wipes one key. If it was the last of a closed chain, the chain's own m goes with it. */
void ratchet_past_use(struct ratchet *ratchet, size_t index);

/* The open receiving chain is closed: it is kept if it has keys, else only remembered. */
void ratchet_past_close(struct ratchet *ratchet, uint64_t now_s);

/* Drops chains and their keys: those closed `E2E_KEY_LIFE_S` ago or earlier; those whose own M is the signed prekey. */
void ratchet_past_age(struct ratchet *ratchet, uint64_t now_s);
void ratchet_past_drop_spk(struct ratchet *ratchet);

#endif
