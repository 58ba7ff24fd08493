/* The services that the gateway talks to: which are in rotation, and which of them a request goes to. A service is in
 * rotation while it answers a ping each second (ST_SVC_PING) and does not say that it drains; 3 s of silence take it
 * out. Any relay can serve any account; rendezvous hashing makes one of them the usual one, the same at every gateway.
 * Private to the gateway core. */
#ifndef GATEWAY_ROUTE_H
#define GATEWAY_ROUTE_H

#include "proto/st_internal.h"
#include "services/gateway/gateway_state.h"

enum st_err gateway_route_add(struct gateway_core *core, enum gateway_role role, const char *endpoint,
                              unsigned *peer_r) ST_MUST_CHECK;
void gateway_route_remove(struct gateway_core *core, unsigned peer);

/* The relay of an account now, or GATEWAY_NO_PEER: highest SipHash-2-4(key of the relay's endpoint, acct). */
unsigned gateway_route_relay(const struct gateway_core *core, const uint8_t acct[static ST_ACCT_LEN]);

/* An auth, each call the next one in rotation, or GATEWAY_NO_PEER. */
unsigned gateway_route_auth(struct gateway_core *core);

bool gateway_route_is_live(const struct gateway_core *core, unsigned peer);

/* The peer, if it is live and still the same process as when `boot` was noted; else GATEWAY_NO_PEER. */
unsigned gateway_route_same(const struct gateway_core *core, unsigned peer, uint64_t boot);

void gateway_route_pong(struct gateway_core *core, unsigned peer, const struct st_int_svc_pong *pong);

#endif
