/* A session and its relay (PROTOCOL 4): hello → attach → welcome, ping → alive → pong, wakes,
 * and moving sessions when relays come or go. Private to the gateway core. */
#ifndef GATEWAY_ATTACH_H
#define GATEWAY_ATTACH_H

#include "proto/st_internal.h"
#include "proto/st_messages.h"
#include "services/gateway/gateway_state.h"

/* A hello on a connection of this key: makes a session, or attaches the one that is there again. */
void gateway_attach_hello(struct gateway_core *core, struct gateway_key *key, const struct gateway_client *from,
                          uint64_t request, const struct st_msg_hello *hello);

/* auth has spoken about the session's key; may end the session. */
void gateway_attach_checked(struct gateway_core *core, struct gateway_session *session);

/* Asks the relay that is right now to attach the session; takes it off the one where it was. */
void gateway_attach_start(struct gateway_core *core, struct gateway_session *session);

/* Takes the device off its relay, if it is attached. */
void gateway_attach_detach(struct gateway_core *core, struct gateway_session *session);

void gateway_attach_answer(struct gateway_core *core, unsigned peer, const struct st_hop *hop, uint64_t request,
                           const struct st_int_attach_r *answer);

/* A ping of the client. */
void gateway_attach_ping(struct gateway_core *core, struct gateway_session *session, uint64_t request,
                         const struct st_msg_ping *ping);

/* Sends the gathered pings of every relay. */
void gateway_attach_flush(struct gateway_core *core);

void gateway_attach_alive(struct gateway_core *core, unsigned peer, struct st_records items);

/* Another relay has appended: tell the relay where the device is attached, now or once it is. */
void gateway_attach_wake(struct gateway_core *core, const struct st_int_wake *wake);

/* The relay gave the presence to a newer session, or closed the mailbox. */
void gateway_attach_drop(struct gateway_core *core, const struct st_int_drop *drop);

/* Attaches sessions whose relay changed, as many as the rate allows. */
void gateway_attach_move(struct gateway_core *core);

#endif
