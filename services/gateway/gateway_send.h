/* Sending: to clients over their link, to services as packets. Private to the gateway core. */
#ifndef GATEWAY_SEND_H
#define GATEWAY_SEND_H

#include "services/gateway/gateway_state.h"

/* Sends a whole frame. A client that is gone is marked, and its timer moved to now; a full queue loses the frame (what
 * matters is still in the mailbox or asked again). */
void gateway_send_client(struct gateway_core *core, struct gateway_link *link, struct st_view frame);

/* Writes a message of the gateway's own and sends it. */
void gateway_send_message(struct gateway_core *core, struct gateway_link *link, enum st_type type, uint64_t request,
                          const void *msg);

void gateway_send_error(struct gateway_core *core, struct gateway_link *link, uint64_t request, enum st_code code,
                        uint64_t retry_after_s);

void gateway_send_bye(struct gateway_core *core, struct gateway_link *link, enum st_bye_reason reason,
                      int64_t reconnect_ms);

/* Sends a packet to a service. ST_EUNAVAILABLE or ST_ENOTFOUND from the shell; ST_ENOTFOUND for GATEWAY_NO_PEER. */
enum st_err gateway_send_service(struct gateway_core *core, unsigned peer, const struct st_hop *hop,
                                 struct st_view frame) ST_MUST_CHECK;

/* Writes an internal message and sends it; `hop` NULL means from the gateway itself. */
enum st_err gateway_send_internal(struct gateway_core *core, unsigned peer, const struct st_hop *hop, enum st_type type,
                                  uint64_t request, const void *msg) ST_MUST_CHECK;

/* The same under a request id of its own, for what may be lost: whoever needs it asks again, or learns it elsewhere. */
void gateway_send_note(struct gateway_core *core, unsigned peer, const struct st_hop *hop, enum st_type type,
                       const void *msg);

#endif
