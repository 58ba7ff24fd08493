/* Messages between gateway and service, and the small frame in front that says who a client's frame is from, or which
 * client it is for.
 *
 * A packet between gateway and service is two or three ZeroMQ frames:
 *   1. hop: who, in the fixed layout below (origin of the gateway's, destination of the service's);
 *   2. one wire frame: a client's, untouched, or an internal message (hop kind ST_HOP_SERVICE);
 *   3. only from auth, and only if the answer carries a device list: an internal `boxes_set` frame. The gateway has it
 *      carried out by the relay of that account, and waits for the answer, before it forwards frame 2.
 *
 *   hop: version 1 (1) ‖ kind (1) ‖ dev (4) ‖ acct (16) ‖ sid (8), and for kind enrol: tk (32) ‖ addr (16) */
#ifndef ST_INTERNAL_H
#define ST_INTERNAL_H

#include "proto/st_wire.h"

enum st_hop_kind {
    ST_HOP_SERVICE = 0, /* the gateway or service itself */
    ST_HOP_ENROL = 1,   /* a client on the enrol endpoint; acct and dev are zero */
    ST_HOP_DEVICE = 2   /* an authenticated device */
};

enum { ST_HOP_LEN = 30, ST_HOP_ENROL_LEN = 78 };

struct st_hop {
    enum st_hop_kind kind;
    uint32_t dev;
    uint8_t acct[ST_ACCT_LEN];
    uint64_t sid;              /* session number, given by the gateway, never used twice in one gateway's life */
    uint8_t tk[ST_KEY_LEN];    /* enrol only: CURVE key of the client, as libzmq authenticated it */
    uint8_t addr[ST_ADDR_LEN]; /* enrol only: where it comes from, IPv6 cut to /64 */
};

/* Writes the frame; returns its length, ST_HOP_LEN or ST_HOP_ENROL_LEN. */
size_t st_hop_write(const struct st_hop *hop, uint8_t out[static ST_HOP_ENROL_LEN]);

/* Reads it; any other length, version or kind is ST_EMALFORMED. */
enum st_err st_hop_read(struct st_view frame, struct st_hop *hop_r) ST_MUST_CHECK;

/* gateway → every service, each second; the answer keeps the service in rotation. */
struct st_int_svc_ping {
    uint32_t has;
    uint64_t boot; /* 1: random, new at each start of the gateway */
};

struct st_int_svc_pong {
    uint32_t has;
    uint64_t boot;         /* 1: random, new at each start of the service */
    uint64_t draining;     /* 2: 0 or 1 */
    uint64_t registration; /* 3?: auth only, as in endpoints_r */
};

struct st_int_tk_check {
    uint32_t has;
    struct st_records tks; /* 1: list of ST_KEY_LEN bytes */
};

enum st_tk_state { ST_TK_NONE = 0, ST_TK_ACTIVE = 1, ST_TK_PENDING = 2, ST_TK_DISABLED = 3 };

struct st_int_tk_item {
    uint32_t has;
    struct st_view tk;      /* 1 */
    uint64_t state;         /* 2: enum st_tk_state; the rest only if it is active or pending */
    struct st_view acct;    /* 3? */
    uint64_t dev;           /* 4? */
    uint64_t list_seq;      /* 5? */
    struct st_records devs; /* 6?: list of 4 bytes, big-endian: devices of the newest list */
    uint64_t opk_left;      /* 7? */
};

struct st_int_tk_check_r {
    uint32_t has;
    struct st_records items; /* 1: struct st_int_tk_item, in the order asked */
};

/* auth → every gateway: end these sessions, forget the cache. */
struct st_int_revoke {
    uint32_t has;
    struct st_view acct; /* 1 */
    uint64_t dev;        /* 2: 0 = all */
    uint64_t reason;     /* 3: enum st_bye_reason */
};

/* auth → a gateway: have a relay erase these mailboxes. */
struct st_int_purge_req {
    uint32_t has;
    struct st_view acct;    /* 1 */
    struct st_records devs; /* 2: list of 4 bytes */
};

struct st_int_purged {
    uint32_t has;
    struct st_view acct; /* 1 */
};

/* Opens the mailboxes of these devices and closes all others of the account; older seq than stored: no effect. */
struct st_int_boxes_set {
    uint32_t has;
    struct st_view acct;    /* 1 */
    uint64_t seq;           /* 2 */
    struct st_records devs; /* 3: list of 4 bytes */
};

struct st_int_boxes_set_r {
    uint32_t has;
    struct st_view acct; /* 1 */
    uint64_t seq;        /* 2: stored now */
};

struct st_int_purge {
    uint32_t has;
    struct st_view acct;    /* 1 */
    struct st_records devs; /* 2 */
};

struct st_int_purge_r {
    uint32_t has;
    struct st_view acct; /* 1 */
};

/* gateway → relay; acct, dev and sid are in the hop frame, kind device. */
struct st_int_attach {
    uint32_t has;
    struct st_view generation; /* 1? */
    uint64_t list_seq;         /* 2 */
    struct st_records devs;    /* 3: list of 4 bytes */
};

struct st_int_attach_r {
    uint32_t has;
    uint64_t attach;           /* 1: attach number; 0 = this device has no mailbox: drop the session */
    struct st_view epoch;      /* 2 */
    struct st_view generation; /* 3?: what was stored before */
    uint64_t pending;          /* 4 */
};

struct st_int_detach {
    uint32_t has;
    uint64_t attach; /* 1; acct, dev, sid in the hop frame */
};

/* gateway → relay: these sessions have shown life. */
struct st_int_alive_item {
    uint32_t has;
    struct st_view acct;       /* 1 */
    uint64_t dev;              /* 2 */
    uint64_t sid;              /* 3 */
    uint64_t attach;           /* 4 */
    struct st_view generation; /* 5? */
};

struct st_int_alive {
    uint32_t has;
    struct st_records items; /* 1: struct st_int_alive_item */
};

struct st_int_alive_r_item {
    uint32_t has;
    uint64_t sid;      /* 1 */
    uint64_t attach;   /* 2: current number; it differs from the one sent if the relay attached the session anew */
    uint64_t pending;  /* 3 */
    uint64_t replaced; /* 4: 1 = another session holds the presence */
};

struct st_int_alive_r {
    uint32_t has;
    struct st_records items; /* 1: struct st_int_alive_r_item */
};

/* relay → gateway named in the presence → relay where that device is attached: read the mailbox again. */
struct st_int_wake {
    uint32_t has;
    struct st_view acct; /* 1 */
    uint64_t dev;        /* 2 */
};

/* relay → gateway: a newer attach holds the presence, or the mailbox is closed. */
struct st_int_drop {
    uint32_t has;
    uint64_t sid;    /* 1 */
    uint64_t attach; /* 2 */
    uint64_t reason; /* 3: enum st_bye_reason */
};

/* auth → gateway → relay of that account → gateway of that device: tell an online device something that may be lost. */
struct st_int_notify {
    uint32_t has;
    struct st_view acct; /* 1 */
    uint64_t dev;        /* 2 */
    uint64_t kind;       /* 3: 1 = chat_started */
    uint64_t number;     /* 4?: one-time prekeys left */
};

extern const struct st_schema st_schema_tk_item;
extern const struct st_schema st_schema_alive_item;
extern const struct st_schema st_schema_alive_r_item;

#endif
