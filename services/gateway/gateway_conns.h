/* TCP connections and their caps, if the shell can see them: how many in all, how many of one address (IPv6 by /64), a
 * first frame within 15 s, and who speaks over which. Private to the gateway core. */
#ifndef GATEWAY_CONNS_H
#define GATEWAY_CONNS_H

#include "services/gateway/gateway_state.h"

void gateway_conns_opened(struct gateway_core *core, uint64_t id, enum gateway_socket socket,
                          const uint8_t address[static ST_ADDR_LEN]);

/* Forgets the connection; returns the sid of who spoke over it, 0 if nobody did. */
uint64_t gateway_conns_closed(struct gateway_core *core, uint64_t id);

/* A link with this sid speaks over the connection from now on. An unknown or zero id is fine. */
void gateway_conns_speaks(struct gateway_core *core, uint64_t id, uint64_t sid);

/* Cuts the connection shortly, so that a bye arrives first; only if this sid was the last to speak over it. */
void gateway_conns_end(struct gateway_core *core, uint64_t id, uint64_t sid);

/* Cuts it now, whoever speaks. */
void gateway_conns_cut(struct gateway_core *core, uint64_t id);

void gateway_conns_free(struct gateway_core *core);

#endif
