/* The insides of the relay's core, shared by its files and by nobody else. Each part of it says here what the others
 * may call; relay_core.c holds the table of messages. */
#ifndef RELAY_INTERNAL_H
#define RELAY_INTERNAL_H

#include "lib/st_bucket.h"
#include "lib/st_heap.h"
#include "lib/st_map.h"
#include "proto/st_messages.h"
#include "services/relay/relay_arena.h"
#include "services/relay/relay_core.h"
#include "services/relay/relay_groups.h"
#include "services/relay/relay_inflight.h"
#include "services/relay/relay_window.h"

enum {
    RELAY_BATCH_MAX = 1024, /* frames taken, and copies appended, in one batch */
    RELAY_COPIES_MAX = RELAY_BATCH_MAX + ST_COPIES_MAX /* the last frame of a batch may overshoot */,
    RELAY_BATCH_BYTES = 8 * 1024 * 1024,     /* of frames */
    RELAY_GATHER_MAX = 256,                  /* attaches, detaches, boxes in one store call */
    RELAY_READ_BATCH = 16,                   /* mailboxes in one read */
    RELAY_READ_ENTRIES = 64,                 /* entries of one mailbox in one read */
    RELAY_READS_PER_RUN = 64,                /* mailboxes read before other work gets its turn */
    RELAY_PUSH_OVERHEAD = ST_HEADER_LEN + 8, /* of a push frame: header, map, key, longest head of an array */
    RELAY_RETRY_MS = 1000,                   /* a full gateway, a failed read */
    RELAY_EPOCH_LOOK_MS = 1000,
    RELAY_EXPOSED_KEEP_DAYS = 90,
    RELAY_PURGE_MEMORY_DAYS = 40,
    RELAY_PURGE_BLOBS_MAX = 1024, /* attachments erased in one purge; the rest at its next try */
    RELAY_ASKERS_MAX = 8192       /* devices whose get_exposed is counted */
};

/* A frame that waits for its turn. Its body lies in the arena. */
struct relay_item {
    const struct relay_row *row; /* NULL: it is refused with `refusal` */
    struct service_peer from;    /* the gateway */
    enum st_hop_kind kind;
    struct mailbox_key who; /* kind device: whose frame it is */
    uint64_t sid;
    enum st_code refusal;
    struct st_frame frame;
};

/* What a type is, and what happens to it. Control messages of one batch are carried out first and in their order, then
 * all messages together, then all acks. `take` handles a frame or gathers it; `finish`, where there is one, carries out
 * what was gathered: at the end of a run of frames of this type, or when there is no more room. */
struct relay_row {
    uint8_t type;
    enum st_hop_kind kind; /* the only kind of hop that may bring it */
    enum relay_phase { RELAY_CONTROL, RELAY_MESSAGES, RELAY_ACKS, RELAY_PHASES } phase;
    void (*take)(struct relay_core *core, const struct relay_item *item);
    void (*finish)(struct relay_core *core);
};

/* A device that is attached here. */
struct relay_session {
    struct mailbox_key key;
    struct service_peer gateway;
    uint64_t sid;
    uint64_t attach;
    uint8_t epoch[ST_EPOCH_LEN];       /* of its mailbox; all that is known of it holds in this epoch only */
    uint8_t cursor[MAILBOX_ENTRY_LEN]; /* what stands up to here was pushed or acknowledged */
    bool behind;                       /* something may stand behind the cursor */
    bool gone;                         /* out of the table; freed by relay_sessions_reap */
    bool clear_presence;               /* when it goes: its gateway is gone, so remove the presence if unchanged */
    int64_t seen_ms;                   /* last attach or alive */
    int64_t blocked_until_ms;          /* no reading or pushing before */
    struct relay_inflight inflight;
    struct st_heap_node timer;
    bool queued; /* in the queue of sessions that wait for a read */
    struct relay_session *queue_prev, *queue_next;
    struct relay_session *next_gone;
};

/* One copy of a message of this batch. */
struct relay_copy {
    const struct relay_item *item;
    const uint8_t *msg_id;
    struct mailbox_key to;
    size_t append;                      /* its index in `appends`, also of the copy that it repeats */
    size_t next;                        /* next copy of the same sender, SIZE_MAX = last */
    bool repeats;                       /* a repeat inside this batch: answered, not appended */
    uint8_t sender_epoch[ST_EPOCH_LEN]; /* before the append */
};

/* The chain of copies of one sender, or of entries for one recipient. */
struct relay_chain {
    size_t first, last;
};

struct relay_accepting {
    struct relay_copy *copies;      /* owned; RELAY_COPIES_MAX */
    struct mailbox_append *appends; /* owned; RELAY_COPIES_MAX */
    size_t *append_next;            /* owned; next append for the same recipient, SIZE_MAX = last */
    struct relay_chain *chains;     /* owned; RELAY_COPIES_MAX, of senders, then of recipients */
    uint8_t *accts, *epochs;        /* owned; what mailbox_epochs is asked and answers */
    size_t copy_count, append_count;
    struct relay_groups *senders, *recipients;
    struct relay_window *window;
};

/* What is gathered of the other types, until its `finish`. */
struct relay_gathered {
    const struct relay_item *items[RELAY_BATCH_MAX];
    size_t count;
    void *requests;                         /* owned; room for RELAY_GATHER_MAX of the largest request */
    struct mailbox_remove *removes;         /* owned; RELAY_BATCH_MAX */
    struct mailbox_generation *generations; /* owned; RELAY_BATCH_MAX */
    size_t generation_count;
};

/* The push frame that is being filled. */
struct relay_pusher {
    struct relay_session *session; /* NULL between frames */
    struct st_buf items;           /* encoded push items */
    size_t count;
    uint8_t cursor_before[MAILBOX_ENTRY_LEN];
};

struct relay_queue {
    struct relay_session *first, *last;
    size_t count;
};

enum relay_sweep_phase { RELAY_SWEEP_IDLE, RELAY_SWEEP_MAILBOXES, RELAY_SWEEP_BLOBS };

struct relay_sweeping {
    enum relay_sweep_phase phase;
    int64_t next_ms; /* monotonic */
    struct mailbox_sweep boxes;
    struct blob_sweep blobs;
    uint64_t expired;
};

struct relay_core {
    struct relay_options options;
    struct relay_deps deps;
    uint64_t boot;
    bool draining;

    struct relay_item *items; /* owned; RELAY_BATCH_MAX */
    size_t item_count;
    struct relay_arena arena;
    struct st_buf frame; /* the frame that is being sent */

    struct st_map *sessions; /* mailbox_key → struct relay_session, owned */
    struct st_heap timers;
    struct relay_queue queue; /* sessions to be read, in fair order */
    struct relay_session *gone;

    struct relay_accepting accepting;
    struct relay_gathered gathered;
    struct relay_pusher pusher;
    struct relay_sweeping sweeping;

    struct st_map *askers; /* mailbox_key → struct relay_asker, owned */
    struct st_buf chunk;   /* an attachment's chunk on its way out */

    uint64_t epoch_changes; /* as the store counts them */
    int64_t epoch_look_ms;
    int64_t error_said_ms; /* a store error was logged then */
    struct relay_stats stats;
};

/* ---- relay_send.c: answers ---- */

/* Reads the item's body; if that fails, answers `malformed` and returns false. */
bool relay_send_read(struct relay_core *core, const struct relay_item *item, void *msg_r) ST_MUST_CHECK;

/* Sends one message to a gateway. */
enum st_err relay_send(struct relay_core *core, const struct service_peer *to, const struct st_hop *hop,
                       enum st_type type, uint64_t request, const void *msg);

/* Answers the frame. What cannot be sent will be asked again. */
void relay_send_reply(struct relay_core *core, const struct relay_item *item, enum st_type type, const void *msg);
void relay_send_error(struct relay_core *core, const struct relay_item *item, enum st_code code, const char *sentence);
void relay_send_rate_limited(struct relay_core *core, const struct relay_item *item, uint64_t retry_after_s);

/* Answers `unavailable` after a store call failed, and logs that. `what` names the call. */
void relay_send_unavailable(struct relay_core *core, const struct relay_item *item);
void relay_send_log_store(struct relay_core *core, const char *what, enum st_err err);

/* A hop that leads to this device's session. */
struct st_hop relay_send_hop(const struct mailbox_key *key, uint64_t sid);

/* Tells a gateway that a session holds its mailbox no longer. */
void relay_send_drop(struct relay_core *core, const struct service_peer *gateway, uint64_t sid, uint64_t attach,
                     enum st_bye_reason reason);

/* ---- relay_session.c: who is attached ---- */

struct relay_session *relay_session_get(const struct relay_core *core, const struct mailbox_key *key);

/* Makes the session of this presence the current one, replacing what was there. Its mailbox is to be read from the
 * beginning. ST_ELIMIT, ST_ENOMEM. */
enum st_err relay_session_open(struct relay_core *core, const struct mailbox_key *key,
                               const struct mailbox_presence *presence, const uint8_t epoch[static ST_EPOCH_LEN],
                               struct relay_session **session_r) ST_MUST_CHECK;

/* Removes a presence if it is still this one. A failure is logged; the lease ends it then. */
void relay_session_clear_presence(struct relay_core *core, const struct mailbox_key *key,
                                  const struct mailbox_presence *presence);

/* Takes the session out of the table. With `clear_presence` its presence is removed, if unchanged, by
 * relay_session_reap. The struct stays readable until then. */
void relay_session_close(struct relay_core *core, struct relay_session *session, bool clear_presence);

/* Clears presences and frees what was closed. */
void relay_session_reap(struct relay_core *core);

/* Is this presence the session's? */
bool relay_session_is(const struct relay_core *core, const struct relay_session *session,
                      const struct mailbox_presence *presence);

/* Reads the mailbox again from its beginning, skipping what is in flight. */
void relay_session_rewind(struct relay_core *core, struct relay_session *session);

/* Goes on behind the cursor if something may stand there and there is credit. */
void relay_session_want(struct relay_core *core, struct relay_session *session);

/* The next session of the queue, taken off it, or NULL. */
struct relay_session *relay_session_dequeue(struct relay_core *core);

/* Leaves the session alone for RELAY_RETRY_MS: its gateway takes no more, or its mailbox cannot be read. */
void relay_session_block(struct relay_core *core, struct relay_session *session);

/* If the mailbox has another epoch than the session knows: forgets cursor and in-flight set, and reads anew. */
void relay_session_see_epoch(struct relay_core *core, struct relay_session *session,
                             const uint8_t epoch[static ST_EPOCH_LEN]);

/* Lets the session's timer ring at the latest then. */
void relay_session_arm(struct relay_core *core, struct relay_session *session, int64_t at_ms);

/* Timers that are due: leases, pushing again. */
void relay_session_tick(struct relay_core *core);

/* Looks whether the store's epoch has changed, and tells every session. */
void relay_session_look_epochs(struct relay_core *core);

void relay_session_free_all(struct relay_core *core);

/* ---- relay_push.c ---- */

/* Adds one entry to the push frame of the session, sending full frames on the way. False if there is no credit, or the
 * gateway takes no more: the session is behind then. */
bool relay_push_add(struct relay_core *core, struct relay_session *session, const struct mailbox_entry *entry);

/* Sends what was added. False if the gateway did not take it. */
bool relay_push_end(struct relay_core *core);

/* Reads mailboxes from the queue and pushes, a bounded number of them. */
void relay_push_reads(struct relay_core *core);

/* ---- handlers: take and finish of each type ---- */

enum st_err relay_accept_init(struct relay_core *core) ST_MUST_CHECK;
void relay_accept_deinit(struct relay_core *core);
void relay_accept_take(struct relay_core *core, const struct relay_item *item);
void relay_accept_finish(struct relay_core *core);

enum st_err relay_gather_init(struct relay_core *core) ST_MUST_CHECK;
void relay_gather_deinit(struct relay_core *core);
/* Remembers the item; when there is no more room, `finish` is called first. */
void relay_gather_add(struct relay_core *core, const struct relay_item *item, size_t max,
                      void (*finish)(struct relay_core *core));

void relay_attach_take(struct relay_core *core, const struct relay_item *item);
void relay_attach_finish(struct relay_core *core);
void relay_attach_take_detach(struct relay_core *core, const struct relay_item *item);
/* A number for a new attach: random, so that no two relays give the same. Never 0, and within the wire's integers. */
uint64_t relay_attach_number(struct relay_core *core);
/* Tells the gateway of an older connection that it holds the mailbox no longer; not if it is the same connection. */
void relay_attach_drop_old(struct relay_core *core, const struct mailbox_presence *old,
                           const struct mailbox_presence *presence);
void relay_alive_take(struct relay_core *core, const struct relay_item *item);

void relay_ack_take(struct relay_core *core, const struct relay_item *item);
void relay_ack_finish(struct relay_core *core);
void relay_ack_take_fetch(struct relay_core *core, const struct relay_item *item);
void relay_ack_take_wake(struct relay_core *core, const struct relay_item *item);

void relay_boxes_take(struct relay_core *core, const struct relay_item *item);
void relay_boxes_finish(struct relay_core *core);
void relay_boxes_take_purge(struct relay_core *core, const struct relay_item *item);

void relay_ask_take_ping(struct relay_core *core, const struct relay_item *item);
void relay_ask_take_epochs(struct relay_core *core, const struct relay_item *item);
void relay_ask_take_notify(struct relay_core *core, const struct relay_item *item);

enum st_err relay_exposed_init(struct relay_core *core) ST_MUST_CHECK;
void relay_exposed_deinit(struct relay_core *core);
void relay_exposed_take_put(struct relay_core *core, const struct relay_item *item);
void relay_exposed_take_get(struct relay_core *core, const struct relay_item *item);

void relay_blobs_take_begin(struct relay_core *core, const struct relay_item *item);
void relay_blobs_take_chunk(struct relay_core *core, const struct relay_item *item);
void relay_blobs_take_get(struct relay_core *core, const struct relay_item *item);

/* ---- relay_sweep.c ---- */

void relay_sweep_init(struct relay_core *core);
/* One bounded step, if it is time. */
void relay_sweep_tick(struct relay_core *core);

static inline int64_t relay_mono_ms(const struct relay_core *core)
{
    return st_env_mono_ms(&core->deps.env);
}

/* The wall clock, never below 0: the wire has no negative times. */
static inline int64_t relay_wall_ms(const struct relay_core *core)
{
    int64_t now_ms = st_env_wall_ms(&core->deps.env);
    return now_ms < 0 ? 0 : now_ms;
}

#endif
