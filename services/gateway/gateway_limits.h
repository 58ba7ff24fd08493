/* The gateway's limits, in one place: PROTOCOL 5 and ARCHITECTURE 9. What an operator may
 * change stands in struct gateway_limits; what the protocol or the memory bound fixes is a constant. */
#ifndef GATEWAY_LIMITS_H
#define GATEWAY_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/st_bucket.h"
#include "lib/st_cidr.h"

enum {
    GATEWAY_PEERS_MAX = 64,                    /* services that one gateway talks to */
    GATEWAY_RID_MAX = 16,                      /* bytes of a routing id that is taken; libzmq's own have 5 */
    GATEWAY_ENDPOINT_MAX = 255,                /* characters of a service's endpoint */
    GATEWAY_ZAP_WAITING_MAX = 4096,            /* handshakes that may wait for auth at once */
    GATEWAY_HOLDS_MAX = 4096,                  /* answers held behind boxes_set, and purges, at once */
    GATEWAY_HOLD_BYTES_MAX = 16 * 1024 * 1024, /* of those answers together */

    GATEWAY_KEY_FRESH_MS = 60 * 1000,         /* a key that auth knew is known for so long */
    GATEWAY_ZAP_WAIT_MS = 4 * 1000,           /* silence after that: the client tries again by itself */
    GATEWAY_ASK_AGAIN_MS = 1500,              /* an unanswered tk_check goes to another auth */
    GATEWAY_KEY_KEEP_MS = 10 * 60 * 1000,     /* buckets and strikes outlive the connection by so much */
    GATEWAY_WITHOUT_AUTH_MS = 15 * 60 * 1000, /* longest life of a session that no auth has confirmed */
    GATEWAY_SESSION_IDLE_MS = 75 * 1000,      /* a device pings every 30 s */
    GATEWAY_ENROL_IDLE_MS = 60 * 1000,
    GATEWAY_SPEAK_MS = 15 * 1000,       /* from accept to the first frame, handshake included */
    GATEWAY_ATTACH_AGAIN_MS = 3 * 1000, /* an unanswered attach is sent again */
    GATEWAY_HELLO_WAIT_MS = 10 * 1000,  /* then the hello is answered with unavailable */
    GATEWAY_HOLD_MS = 5 * 1000,         /* an answer behind boxes_set; then unavailable */
    GATEWAY_PEER_PING_MS = 1000,
    GATEWAY_PEER_SILENT_MS = 3 * 1000, /* out of rotation */
    GATEWAY_MOVES_PER_S = 500,         /* sessions attached anew when relays come and go */
    GATEWAY_CONNECTIONS_PER_TK = 2,
    GATEWAY_STRIKES = 5, /* malformed frames within GATEWAY_STRIKE_MS */
    GATEWAY_STRIKE_MS = 60 * 1000,
    GATEWAY_IGNORE_MS = 60 * 1000,
    GATEWAY_BAN_MS = 10 * 60 * 1000, /* who strikes out twice is not let in for so long */
    GATEWAY_LINGER_MS = 500          /* between a bye and the cut of its connection */
};

/* All of it may change while the gateway runs. */
struct gateway_limits {
    bool off;                    /* no rates at all (benchmarks); the caps below stay */
    struct st_rate frames;       /* a device's requests */
    struct st_rate acks;         /* acks and pings: what a busy receiver must send */
    struct st_rate chunk_bytes;  /* attachments, tokens are bytes */
    struct st_rate enrol_frames; /* one enrol connection */
    struct st_rate ke1;          /* password and registration attempts, whole gateway */
    struct st_rate handshakes;   /* of one registered key */
    uint32_t connections_max;    /* both endpoints together */
    uint32_t enrol_per_address;  /* connections of one IPv4 address or IPv6 /64 */
    uint32_t device_per_address;
    struct st_cidr_list trusted_proxies; /* these addresses skip the two caps above */
};

/* The defaults: 20 frames a second with burst 400, 4 MiB/s with burst 32 MiB, 50 KE1 a second, 10 handshakes a minute,
 * 10,000 connections, 32 and 64 an address. */
void gateway_limits_default(struct gateway_limits *limits_r);

#endif
