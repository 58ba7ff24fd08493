/* What services say: internal messages for the gateway, and answers and pushes for its clients. A table says which role
 * may send what; nothing is believed because it came from inside. Private to the gateway core. */
#ifndef GATEWAY_SERVICES_H
#define GATEWAY_SERVICES_H

#include "services/gateway/gateway_state.h"

void gateway_services_input(struct gateway_core *core, unsigned peer, struct st_view hop, struct st_view frame,
                            struct st_view boxes);

#endif
