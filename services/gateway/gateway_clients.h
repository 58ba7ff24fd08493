/* What clients say: who it is, whether it is well-formed, whether he may say it now and so often, and where it goes.
 * The frame is passed on untouched. Private to the gateway core. */
#ifndef GATEWAY_CLIENTS_H
#define GATEWAY_CLIENTS_H

#include "services/gateway/gateway_state.h"

void gateway_clients_input(struct gateway_core *core, const struct gateway_client *from, struct st_view frame);

#endif
