/* Sessions of the device endpoint: made by a hello, bound to (routing id, key), ended by bye, silence, or the end of
 * the connection. One session a key and one a device: the newest wins. Private to the gateway core. */
#ifndef GATEWAY_SESSIONS_H
#define GATEWAY_SESSIONS_H

#include "services/gateway/gateway_state.h"

/* A new session of this key; older ones of the key and of the device end with bye(replaced). NULL without memory: the
 * older ones have ended then, too. */
struct gateway_session *gateway_sessions_start(struct gateway_core *core, struct gateway_key *key,
                                               const struct gateway_client *from);

/* Says bye, takes the device off its relay, cuts the connection shortly after, frees the session. A drain brings the
 * reconnect hint. */
void gateway_sessions_end(struct gateway_core *core, struct gateway_session *session, enum st_bye_reason reason);

/* The client is gone, or must not be told: as above without a bye. */
void gateway_sessions_drop(struct gateway_core *core, struct gateway_session *session);

/* The relay knows already that this session is over (drop, replaced): bye without a detach. */
void gateway_sessions_replaced(struct gateway_core *core, struct gateway_session *session, enum st_bye_reason reason);

struct gateway_session *gateway_sessions_by_sid(const struct gateway_core *core, uint64_t sid);
struct gateway_session *gateway_sessions_by_device(const struct gateway_core *core,
                                                   const uint8_t acct[static ST_ACCT_LEN], uint64_t dev);

/* Does a frame from there belong to this session? */
bool gateway_sessions_is_from(const struct gateway_session *session, struct st_view rid);

/* Sets the timer to whatever comes next: idle, attach again, the hello's patience. */
void gateway_sessions_plan(struct gateway_core *core, struct gateway_session *session);

/* The hop frame of its packets. */
struct st_hop gateway_sessions_hop(const struct gateway_session *session);

/* A reconnect hint: the configured time to twice that, so that clients do not come back at one moment. */
int64_t gateway_sessions_hint_ms(struct gateway_core *core);

void gateway_sessions_free(struct gateway_core *core);

#endif
