/* The gateway core's data, shared by the files of the core and by nobody else. Who owns what:
 *
 *   key      a CURVE key that knocked at the device endpoint; owned by the table `keys`; at most one session
 *   session  an authenticated device connection that said hello; owned by its key
 *   enrol    a connection of the enrol endpoint; owned by the table `enrols`
 *   conn     a TCP connection, if the shell can see them; owned by the table `conns`
 *   wait     a handshake that waits for auth; owned by its key
 *   hold     an answer that waits for a mailbox to be opened; owned by the table `holds`
 *
 * Everything that ends by itself has a timer in one heap. No function frees what its caller still uses: a client that
 * turned out to be gone is marked and ended by its timer. */
#ifndef GATEWAY_STATE_H
#define GATEWAY_STATE_H

#include "lib/st_heap.h"
#include "lib/st_map.h"
#include "services/gateway/gateway_core.h"

enum { GATEWAY_NO_PEER = GATEWAY_PEERS_MAX };

#define GATEWAY_NEVER (INT64_MIN / 2) /* a time so long ago that every interval since has passed */
#define GATEWAY_FAR   (INT64_MAX / 2) /* a deadline that does not come */

struct gateway_timer {
    struct st_heap_node node; /* first member */
    void (*due)(struct gateway_core *core, struct gateway_timer *timer);
};

#define gateway_timer_owner(timer, type, member) ((type *)(void *)((char *)(timer)-offsetof(type, member)))

struct gateway_peer {
    bool used;
    bool live; /* answered lately and not draining */
    enum gateway_role role;
    uint8_t hash_key[16];  /* of the endpoint's text: seeds this peer's score of an account */
    uint64_t boot;         /* 0 before the first pong */
    uint64_t registration; /* auth: last told, 0 before */
    int64_t pong_ms;
    struct gateway_timer timer;   /* next ping */
    uint64_t alive[ST_ALIVE_MAX]; /* relay: sids whose ping waits to be passed on */
    size_t alive_count;
};

struct gateway_strikes {
    uint32_t count;  /* malformed frames since since_ms */
    uint32_t rounds; /* how often the count was reached */
    int64_t since_ms;
    int64_t ignore_until_ms;
};

/* One speaking connection, of either socket. */
struct gateway_link {
    enum gateway_socket socket;
    uint8_t rid[GATEWAY_RID_MAX];
    size_t rid_len;
    uint64_t conn;
    uint64_t sid;
    bool gone;    /* a send said so; ended by its timer */
    unsigned pin; /* auth of the login in progress, or GATEWAY_NO_PEER */
    uint64_t pin_boot;
    int64_t seen_ms;
    struct gateway_timer timer;
};

struct gateway_wait {
    struct gateway_timer timer;
    struct gateway_key *key;
    struct gateway_wait *next;
    uint8_t rid[GATEWAY_RID_MAX];
    uint8_t request_id[GATEWAY_RID_MAX];
    size_t rid_len, request_id_len;
};

struct gateway_key {
    uint8_t tk[ST_KEY_LEN];
    uint8_t acct[ST_ACCT_LEN];
    uint32_t dev;
    enum st_tk_state state; /* as auth said at checked_ms */
    uint64_t list_seq;
    uint64_t opk_left;
    uint8_t devs[4 * ST_DEVICES_MAX];
    size_t dev_count;
    int64_t checked_ms;
    int64_t used_ms; /* last frame or handshake */
    int64_t banned_until_ms;
    int64_t admitted_ms[GATEWAY_CONNECTIONS_PER_TK]; /* handshakes let in whose connection has not spoken yet */

    bool asked;           /* a tk_check is under way or queued */
    bool queued;          /* it is in core->ask */
    uint64_t ask_request; /* the packet that asks */
    struct gateway_key *ask_prev, *ask_next;
    struct gateway_wait *waits;

    struct gateway_session *session;
    struct st_bucket frames, acks, chunks, handshakes;
    struct gateway_strikes strikes;
    struct gateway_timer timer;
};

enum gateway_session_state {
    GATEWAY_CHECKING,  /* said hello; auth is asked about its key */
    GATEWAY_ATTACHING, /* the relay is asked */
    GATEWAY_ATTACHED,
    GATEWAY_LIMITED /* a pending device: no mailbox, may only link */
};

struct gateway_session {
    struct gateway_link link;
    struct gateway_key *key;
    uint8_t device[ST_ACCT_LEN + 4]; /* key in the table `devices` */
    enum gateway_session_state state;
    struct gateway_session *prev, *next;

    unsigned relay; /* where it is attached or asked to be, or GATEWAY_NO_PEER */
    uint64_t relay_boot;
    uint64_t attach;         /* number given by the relay, 0 = not attached */
    uint64_t attach_request; /* the packet that asks */
    int64_t attach_ms;       /* when it was sent */
    bool welcomed;
    bool hello_waits, ping_waits, alive_queued;
    bool wake_held;
    bool has_generation;
    uint8_t generation[ST_GENERATION_LEN];
    uint64_t hello_request, ping_request;
    int64_t hello_ms;
};

struct gateway_enrol {
    struct gateway_link link;
    uint8_t tk[ST_KEY_LEN];
    uint8_t addr[ST_ADDR_LEN];
    struct st_bucket frames, handshakes;
    struct gateway_strikes strikes;
};

struct gateway_address {
    uint8_t addr[ST_ADDR_LEN];
    uint32_t count[GATEWAY_SOCKETS];
};

struct gateway_conn {
    uint64_t id;
    enum gateway_socket socket;
    struct gateway_address *address;
    uint64_t sid;               /* who speaks over it, 0 = nobody yet */
    struct gateway_timer timer; /* to speak; then none; then its cut */
};

enum gateway_hold_kind { GATEWAY_HOLD_ANSWER, GATEWAY_HOLD_PURGE };

struct gateway_hold {
    struct gateway_timer timer;
    uint64_t request; /* of our packet to the relay; key in the table `holds` */
    enum gateway_hold_kind kind;
    uint8_t acct[ST_ACCT_LEN];
    int64_t until_ms;
    unsigned relay;       /* asked last, or GATEWAY_NO_PEER */
    struct st_buf order;  /* the boxes_set or purge frame */
    struct st_buf answer; /* what is held back */
    struct st_hop hop;    /* for whom */
    unsigned auth;        /* purge: who asked */
};

struct gateway_core {
    struct st_env env;
    struct gateway_out out;
    struct gateway_limits limits;
    struct gateway_promises promises;
    struct st_log *log;
    struct gateway_stats stats;

    bool draining;
    int64_t reconnect_ms;
    uint64_t boot;
    uint64_t next_sid, next_request;
    unsigned next_auth; /* where the round over the auths goes on */
    uint64_t registration;

    struct gateway_peer peers[GATEWAY_PEERS_MAX];
    struct st_map *keys;     /* tk → gateway_key */
    struct st_map *devices;  /* acct ‖ dev → gateway_session */
    struct st_map *sessions; /* sid → gateway_session */
    struct st_map *enrols;   /* tk → gateway_enrol */
    struct st_map *enrol_sids;
    struct st_map *conns;     /* id → gateway_conn */
    struct st_map *addresses; /* addr → gateway_address */
    struct st_map *holds;     /* request → gateway_hold */
    struct st_heap timers;

    struct gateway_session *first; /* all sessions */
    bool moving;                   /* the set of live relays changed: look at all sessions */
    struct gateway_session *move_next;
    struct st_bucket moves;
    struct gateway_key *ask_first, *ask_last; /* keys whose tk_check waits for the flush */
    size_t ask_count;
    size_t waiting; /* handshakes that wait */
    size_t hold_bytes;
    struct st_bucket ke1;
    struct st_buf scratch; /* one frame being written */
};

static inline int64_t gateway_now(const struct gateway_core *core)
{
    return st_env_mono_ms(&core->env);
}

/* Moves a timer that is set already: cannot fail. */
void gateway_timer_move(struct gateway_core *core, struct gateway_timer *timer, int64_t at_ms);

/* Starts a timer. ST_ELIMIT or ST_ENOMEM. */
enum st_err gateway_timer_start(struct gateway_core *core, struct gateway_timer *timer, int64_t at_ms,
                                void (*due)(struct gateway_core *core, struct gateway_timer *timer)) ST_MUST_CHECK;

void gateway_timer_stop(struct gateway_core *core, struct gateway_timer *timer);

#endif
