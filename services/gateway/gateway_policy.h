/* The authorisation table of the gateway (ARCHITECTURE 9): one row a message type, and a type
 * without a row is refused. Rows say on which endpoint and for whom a type is allowed, where it goes, and which limit
 * counts it; a second set of rows says which service may send which type to whom. Constants only; no state. */
#ifndef GATEWAY_POLICY_H
#define GATEWAY_POLICY_H

#include <stddef.h>
#include <stdint.h>

#include "proto/st_wire.h"
#include "services/gateway/gateway_core.h"

/* Who may say it: a set. */
enum gateway_where {
    GATEWAY_WHERE_ENROL = 1,  /* any key, on the enrol endpoint */
    GATEWAY_WHERE_ACTIVE = 2, /* a device of the newest list, on the device endpoint */
    GATEWAY_WHERE_PENDING = 4 /* a device that has only a password login behind it */
};

enum gateway_to {
    GATEWAY_TO_SELF, /* the gateway answers */
    GATEWAY_TO_AUTH,
    GATEWAY_TO_RECIPIENT, /* the relay of the account that the message names */
    GATEWAY_TO_OWN_RELAY  /* the relay of the sender's account */
};

enum gateway_class {
    GATEWAY_CLASS_FRAMES, /* counted by frames */
    GATEWAY_CLASS_ACKS,
    GATEWAY_CLASS_CHUNK_IN,  /* counted by its bytes */
    GATEWAY_CLASS_CHUNK_OUT, /* counted by the bytes that the answer may have */
    GATEWAY_CLASS_KE1        /* a password attempt: also the gateway's own limit */
};

enum gateway_pin {
    GATEWAY_PIN_NONE,
    GATEWAY_PIN_SET, /* the auth that gets it also gets what continues it */
    GATEWAY_PIN_USE  /* only that auth knows the state of this login */
};

struct gateway_request_row {
    uint8_t type;
    uint8_t where; /* set of enum gateway_where */
    enum gateway_to to;
    enum gateway_class class;
    enum gateway_pin pin;
};

/* The row of a type that a client may send, or NULL: nobody may. */
const struct gateway_request_row *gateway_policy_request(uint8_t type);

/* May a service of this role send a frame of this type to a client that stands at `where` (one of the set)? */
bool gateway_policy_answer(uint8_t type, enum gateway_role role, enum gateway_where where);

/* May a service of this role send this internal type to a gateway? */
bool gateway_policy_internal(uint8_t type, enum gateway_role role);

/* The table of requests, for tests and docs. */
const struct gateway_request_row *gateway_policy_requests(size_t *count_r);

#endif
