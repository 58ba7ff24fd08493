/* The whole system in one process, from one seed: real gateway, auth, relay and client cores over a fake network, a
 * fake clock and stores that survive the death of their core. Everything that is random comes from the seed, so that a
 * run that fails is run again, step by step the same.
 *
 * Time is virtual. A step is one event of the queue: a frame arrives, a timer is due, somebody sends, something breaks.
 * The invariants are those of ARCHITECTURE 7 (sim_check.c says how each is looked at). */
#ifndef SIM_H
#define SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/core/client.h"
#include "lib/st_env.h"
#include "lib/st_heap.h"
#include "services/auth/auth_core.h"
#include "services/auth/store_mem.h"
#include "services/gateway/gateway_core.h"
#include "services/relay/blob_mem.h"
#include "services/relay/mailbox_mem.h"
#include "services/relay/relay_core.h"

enum {
    SIM_GATEWAYS_MAX = 3,
    SIM_SERVICES_MAX = 4, /* of one kind */
    SIM_CLIENTS_MAX = 6,
    SIM_CONNS_MAX = 64,
    SIM_RID_LEN = 5
};

/* A repeatable source of chance (xoshiro256**). */
struct sim_rng {
    uint64_t s[4];
};
void sim_rng_init(struct sim_rng *rng, uint64_t seed);
uint64_t sim_rng_next(struct sim_rng *rng);
void sim_rng_fill(struct sim_rng *rng, void *out, size_t len);
/* 0 to n − 1; n is not 0. */
uint64_t sim_rng_below(struct sim_rng *rng, uint64_t n);
/* True in `permille` of 1,000 cases. */
bool sim_rng_chance(struct sim_rng *rng, unsigned permille);

/* What a run is like. */
struct sim_plan {
    uint64_t seed;
    unsigned gateways, auths, relays, clients;
    unsigned sends;               /* messages in all */
    int64_t busy_ms;              /* faults and sends happen within this */
    int64_t delay_ms;             /* longest delay of a frame */
    unsigned duplicate_permille;  /* of packets between services */
    unsigned lose_store_permille; /* of relay store faults that lose acknowledged writes */
    int64_t fault_every_ms;       /* on average; 0: none */
    bool verbose;
};

struct sim;

enum sim_event_kind {
    SIM_CALL,      /* fn(sim, arg) */
    SIM_TO_CLIENT, /* frame on a connection */
    SIM_TO_GATEWAY,
    SIM_TO_SERVICE, /* packet from a gateway */
    SIM_TO_GATEWAY_FROM_SERVICE
};

typedef void (*sim_fn)(struct sim *sim, uint64_t arg);

struct sim_event {
    struct st_heap_node node;
    enum sim_event_kind kind;
    sim_fn fn;
    uint64_t arg;
    unsigned conn;        /* index and … */
    uint64_t conn_serial; /* … which connection it was */
    unsigned gateway, service;
    uint64_t gateway_boot, service_boot; /* lost if one of them died meanwhile */
    struct st_buf hop, frame, boxes;
};

enum sim_role { SIM_AUTH, SIM_RELAY };

/* A crash that is armed: the core dies at its n-th action from now (a frame sent, a call of its store). */
struct sim_fuse {
    bool armed;
    unsigned actions;
    bool dead; /* it has died: nothing that it does reaches the world any more */
};

struct sim_gateway {
    bool alive;
    uint64_t boot;
    char name[SERVICE_PEER_MAX + 1];
    struct gateway_core *core;
    struct sim_fuse fuse;
    struct st_heap_node timer;
    unsigned peers[2][SIM_SERVICES_MAX]; /* peer number by role and service */
};

struct sim_service {
    enum sim_role role;
    unsigned index;
    bool alive;
    uint64_t boot;
    struct auth_core *auth;
    struct relay_core *relay;
    struct auth_store auth_store;
    struct mailbox mailbox;
    struct blob_store blob;
    struct sim_fuse fuse;
    struct st_heap_node timer;
    bool flush_planned;
};

enum sim_conn_state { SIM_CONN_FREE, SIM_CONN_WAIT, SIM_CONN_ZAP, SIM_CONN_UP };

/* One connection of a client's link. It reconnects by itself, as libzmq does. */
struct sim_conn {
    enum sim_conn_state state;
    uint64_t serial; /* new for each attempt */
    unsigned client;
    enum client_link link;
    unsigned gateway;
    uint64_t gateway_boot;
    uint64_t number; /* gateway's conn number */
    uint8_t rid[SIM_RID_LEN];
    uint8_t tk[ST_KEY_LEN];
    uint8_t server_key[ST_KEY_LEN];
    int64_t last_down_ms, last_up_ms; /* arrival of the newest frame in each direction: order is kept */
};

struct sim_blob {
    uint8_t id[ST_BLOB_ID_LEN];
    struct st_buf data;
};

enum { SIM_BLOBS_MAX = 64, SIM_GAPS_MAX = 256 };

struct sim_gap {
    unsigned from;
    uint64_t first, last;
};

struct sim_client {
    bool alive, registered, registering, wants_online;
    char name[ST_NAME_MAX + 1];
    struct store *store; /* durable */
    struct client *core;
    struct sim_fuse fuse;
    struct st_heap_node timer;
    struct sim_blob blobs[SIM_BLOBS_MAX]; /* durable */
    size_t blob_count;
    /* the message that is being sent */
    uint64_t last_event;
    bool events_waiting;
    bool sending;
    char text[96];
    char to[ST_NAME_MAX + 1];
    struct client_outgoing outgoing;
    struct client_file file;
    size_t file_at;
    unsigned sent; /* counts texts */
    uint8_t acct[ST_ACCT_LEN];
    struct sim_gap gaps[SIM_GAPS_MAX]; /* that were shown */
    size_t gap_count;
};

/* A message that its sender holds durably. */
struct sim_sent {
    unsigned from, to;
    uint8_t id[ST_MSG_ID_LEN];
};

enum { SIM_SENT_MAX = 4096 };

struct sim_stats {
    uint64_t steps, frames, crashes, cuts, sent, shown, store_losses, duplicates;
};

struct sim {
    struct sim_plan plan;
    struct sim_rng rng;
    struct st_env env;
    int64_t now_ms;
    struct st_heap queue;  /* events */
    struct st_heap timers; /* of nodes */
    struct auth_mem *auth_mem;
    struct mailbox_mem *mailbox_mem;
    struct blob_mem *blob_mem;
    struct auth_config auth_config;
    struct relay_options relay_options;
    struct client_config client_config;
    uint8_t enrol_key[ST_KEY_LEN];
    struct sim_gateway gateways[SIM_GATEWAYS_MAX];
    struct sim_service services[2][SIM_SERVICES_MAX];
    struct sim_conn conns[SIM_CONNS_MAX];
    uint64_t next_serial, next_number, next_boot;
    struct sim_client clients[SIM_CLIENTS_MAX];
    struct sim_sent sent[SIM_SENT_MAX];
    size_t sent_count;
    int64_t last_to[SIM_GATEWAYS_MAX][2][SIM_SERVICES_MAX]; /* arrival of the newest packet */
    int64_t last_from[SIM_GATEWAYS_MAX][2][SIM_SERVICES_MAX];
    bool quiet;        /* no more faults */
    char failure[512]; /* empty: none yet */
    struct sim_stats stats;
};

/* ---- sim.c: the world ---- */

/* Builds everything and registers the clients. False: sim->failure says why. */
bool sim_init(struct sim *sim, const struct sim_plan *plan);
void sim_deinit(struct sim *sim);
/* Runs until `until_ms` of virtual time, or `done` says so, or something failed. */
bool sim_run(struct sim *sim, int64_t until_ms, bool (*done)(struct sim *sim));
/* A plan drawn from a seed. */
struct sim_plan sim_plan_random(uint64_t seed);
/* Workload and faults of a plan, then quiet, then the final check. False: sim->failure. */
bool sim_play(struct sim *sim);
void sim_fail(struct sim *sim, const char *format, ...) ST_PRINTF(2, 3);
void sim_trace(const struct sim *sim, const char *format, ...) ST_PRINTF(2, 3);
void sim_at(struct sim *sim, int64_t at_ms, sim_fn fn, uint64_t arg);
struct sim_event *sim_event_new(struct sim *sim, enum sim_event_kind kind);
void sim_event_push(struct sim *sim, struct sim_event *event, int64_t at_ms);
int64_t sim_delay(struct sim *sim);
/* Counts an action of a core. False: it is dead, the action does not happen. */
bool sim_act(struct sim *sim, struct sim_fuse *fuse);

/* ---- sim_server.c: gateways, auths, relays ---- */

bool sim_gateway_start(struct sim *sim, unsigned index);
void sim_gateway_stop(struct sim *sim, unsigned index);
void sim_gateway_tick(struct sim *sim, unsigned index);
bool sim_service_start(struct sim *sim, enum sim_role role, unsigned index);
void sim_service_stop(struct sim *sim, enum sim_role role, unsigned index);
void sim_service_tick(struct sim *sim, struct sim_service *service);
void sim_deliver_service(struct sim *sim, struct sim_event *event);
void sim_deliver_gateway(struct sim *sim, struct sim_event *event);
unsigned sim_service_count(const struct sim *sim, enum sim_role role);

/* ---- sim_net.c: connections between clients and gateways ---- */

void sim_conn_open(struct sim *sim, unsigned client, enum client_link link, const struct client_target *target);
void sim_conn_close(struct sim *sim, unsigned client, enum client_link link);
enum st_err sim_conn_send(struct sim *sim, unsigned client, enum client_link link, struct st_view frame);
/* Breaks the connection; it reconnects by itself. */
void sim_conn_break(struct sim *sim, struct sim_conn *conn);
/* What a gateway does with its connections. */
void sim_conn_admit(struct sim *sim, unsigned gateway, struct st_view rid, unsigned status, const char *user_id);
enum st_err sim_conn_to_client(struct sim *sim, unsigned gateway, enum gateway_socket socket, struct st_view rid,
                               struct st_view frame);
void sim_conn_cut(struct sim *sim, unsigned gateway, uint64_t number);
void sim_deliver_up(struct sim *sim, struct sim_event *event);
void sim_deliver_down(struct sim *sim, struct sim_event *event);
/* The text form of a client's key, as ZAP gives it. */
struct sim_conn *sim_conn_find(struct sim *sim, unsigned client, enum client_link link);

/* ---- sim_client.c ---- */

bool sim_client_start(struct sim *sim, unsigned index);
/* Crash: the core is gone, the store keeps what was committed. */
void sim_client_stop(struct sim *sim, unsigned index);
void sim_client_tick(struct sim *sim, unsigned index);
void sim_client_send(struct sim *sim, unsigned from, unsigned to, size_t file_bytes);
void sim_client_register(struct sim *sim, unsigned index);
/* After a call into a client's core: dies if its fuse has burnt, else plans its next tick. */
void sim_client_after(struct sim *sim, unsigned index);

/* ---- sim_faults.c ---- */

void sim_faults_begin(struct sim *sim);

/* ---- sim_check.c ---- */

/* What must hold at the end, when everything has come to rest. */
bool sim_check_end(struct sim *sim);
/* Traces what keeps the world from resting. */
void sim_describe_unrest(struct sim *sim);
/* Is everything at rest: all clients settled, all outboxes empty? */
bool sim_at_rest(struct sim *sim);

#endif
