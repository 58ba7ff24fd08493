/* The table of keys that knocked at the device endpoint: what auth says of each, for how long that is believed, its
 * buckets and strikes, and the batches of tk_check that ask. Private to the gateway core.
 *
 * A key that auth knew is believed for 60 s. A key that auth did not know is forgotten at once: it may be registered
 * through another gateway a second later. While it has a session it is asked about again every 60 s, and the session
 * ends after 15 min in which no auth confirmed it. */
#ifndef GATEWAY_KEYS_H
#define GATEWAY_KEYS_H

#include "services/gateway/gateway_state.h"

struct gateway_key *gateway_keys_find(const struct gateway_core *core, const uint8_t tk[static ST_KEY_LEN]);

/* The key's record, made if there is none. NULL without room or memory. */
struct gateway_key *gateway_keys_make(struct gateway_core *core, const uint8_t tk[static ST_KEY_LEN]);

/* Did auth know it within the last 60 s? */
bool gateway_keys_is_fresh(const struct gateway_core *core, const struct gateway_key *key);

/* Asks auth, with the next flush. */
void gateway_keys_ask(struct gateway_core *core, struct gateway_key *key);

/* Sets the key's timer by what it is used for now: to be called when it gets a session. */
void gateway_keys_plan(struct gateway_core *core, struct gateway_key *key);

/* Sends the queued questions, ≤ 256 a packet. Without a live auth they stay queued. */
void gateway_keys_flush(struct gateway_core *core);

/* An answer to such a packet. */
void gateway_keys_answer(struct gateway_core *core, uint64_t request, struct st_records items);

/* auth ended this device (dev 0: all of the account): sessions get bye(reason), keys are forgotten. */
void gateway_keys_revoke(struct gateway_core *core, const uint8_t acct[static ST_ACCT_LEN], uint32_t dev,
                         enum st_bye_reason reason);

/* An auth's answer told the account's newest device list. */
void gateway_keys_list(struct gateway_key *key, uint64_t seq, struct st_records devs);

/* Frees the record if nothing needs it: no session, no wait, and auth never knew it. Else its timer will. */
void gateway_keys_drop_if_unknown(struct gateway_core *core, struct gateway_key *key);

/* Frees all keys with their waits; the sessions have gone before. */
void gateway_keys_free(struct gateway_core *core);

#endif
