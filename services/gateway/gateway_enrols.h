/* Connections of the enrol endpoint: anybody's. A record exists for each key that was let in; it is bound to a routing
 * id by its first frame, and newest wins. Private to the gateway core. */
#ifndef GATEWAY_ENROLS_H
#define GATEWAY_ENROLS_H

#include "services/gateway/gateway_state.h"

/* May this key be let in? Makes or renews its record: 10 handshakes a minute, a bounded number of records. */
bool gateway_enrols_admit(struct gateway_core *core, const uint8_t tk[static ST_KEY_LEN]);

/* The record for a frame, bound to where it came from: another routing id than before is a new connection with a new
 * sid, and a login begun on the old one is void. NULL if this key was never let in. */
struct gateway_enrol *gateway_enrols_bind(struct gateway_core *core, const uint8_t tk[static ST_KEY_LEN],
                                          const struct gateway_client *from);

struct gateway_enrol *gateway_enrols_by_sid(const struct gateway_core *core, uint64_t sid);

/* Forgets the connection. */
void gateway_enrols_end(struct gateway_core *core, struct gateway_enrol *enrol);

void gateway_enrols_free(struct gateway_core *core);

#endif
