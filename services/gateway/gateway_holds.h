/* The barrier in front of device lists, and erasing mailboxes (PROTOCOL 4). An answer of auth that carries a device
 * list is held until a relay has opened the mailboxes of that list, so that nobody learns of a device that cannot yet
 * be written to. Private to the gateway core. */
#ifndef GATEWAY_HOLDS_H
#define GATEWAY_HOLDS_H

#include "proto/st_internal.h"
#include "services/gateway/gateway_state.h"

/* Holds `answer` for the client named by `hop` until `boxes` (a whole boxes_set frame, its account in `acct`) has been
 * carried out. When that fails, the client is told unavailable, and asks again. */
void gateway_holds_answer(struct gateway_core *core, const struct st_hop *hop, struct st_view answer,
                          struct st_view boxes, const uint8_t acct[static ST_ACCT_LEN]);

/* auth asks to have an account's mailboxes erased: passed on, and its answer passed back. */
void gateway_holds_purge(struct gateway_core *core, unsigned auth, const struct st_int_purge_req *req);

/* A relay answered boxes_set (or purge). */
void gateway_holds_done(struct gateway_core *core, uint64_t request, enum gateway_hold_kind kind, struct st_view acct);

void gateway_holds_free(struct gateway_core *core);

#endif
