/* Who is let in: decisions about handshakes (PROTOCOL 4). The domain picks the policy: `enrol` takes any
 * key within the limits, `device` only keys that auth knows. 400 is said only of a request that no libzmq makes, or of
 * a key that auth definitively does not know: after it the client never tries again. Whenever we cannot know, or a
 * limit is reached, there is no answer, and the client comes again by itself. Private to the gateway core. */
#ifndef GATEWAY_ZAP_H
#define GATEWAY_ZAP_H

#include "services/gateway/gateway_state.h"

void gateway_zap_request(struct gateway_core *core, const struct gateway_zap *request);

/* auth has spoken about this key: answers the handshakes that wait for it. */
void gateway_zap_decided(struct gateway_core *core, struct gateway_key *key);

/* Drops the handshakes that wait for this key, without an answer. */
void gateway_zap_forget(struct gateway_core *core, struct gateway_key *key);

/* A connection of this key has spoken for the first time: it is no longer merely let in. */
void gateway_zap_spoken(struct gateway_core *core, struct gateway_key *key);

#endif
