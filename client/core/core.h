/* What the files of the engine share. Private to client/core.
 *
 * One file, one concern: link (connections, requests and their answers), account (registration, login, password),
 * sync (what happens when the server has welcomed us), prekeys, lists (device lists and contacts), peer (sessions in
 * memory, encrypting), outbox, inbox, order (gaps), receipts, expose, blobs, send. */
#ifndef CLIENT_CORE_CORE_H
#define CLIENT_CORE_CORE_H

#include "client/core/client.h"
#include "client/e2e/e2e.h"
#include "client/e2e/payload.h"
#include "proto/st_messages.h"

enum {
    REQUESTS_MAX = 64, /* answers awaited at one time */
    TIMER_NEVER = 0    /* a due time of 0 means: nothing planned */
};

/* The answer to a request. Exactly one of `reply` and `failure` is there; both are borrowed. */
typedef void (*reply_fn)(struct client *client, void *ctx, const struct st_frame *reply,
                         const struct client_result *failure);

struct request {
    uint64_t id; /* 0: free */
    enum client_link link;
    int64_t deadline_ms; /* monotonic */
    reply_fn fn;
    void *ctx;
};

/* One of the two connections. */
struct link {
    bool open;                 /* the shell was told to open it */
    bool up;                   /* its handshake is done */
    enum client_reason reason; /* the newest failure */
};

/* Where the device endpoints are. */
enum { ENDPOINTS_MAX = ST_ENDPOINTS_MAX };
struct endpoint {
    char host[ST_HOST_MAX + 1];
    uint16_t port;
    uint8_t key[ST_KEY_LEN];
};

/* This account and device, once registered. Secrets lie in sodium_malloc memory. */
struct identity {
    bool loaded;
    char name[ST_NAME_MAX + 1];
    struct st_address address;
    uint8_t acct[ST_ACCT_LEN];
    uint32_t dev;
    uint8_t ak[ST_KEY_LEN];
    uint8_t tk_public[ST_KEY_LEN];
    uint8_t server_id[ST_SERVER_ID_LEN];
    uint8_t *tk_secret;               /* 32 bytes */
    struct e2e_sign_pair *dsk;        /* secret */
    struct e2e_sign_pair *manager_ak; /* secret; NULL on a device that does not manage the list */
    uint8_t *dik_secret;              /* 32 bytes */
    uint8_t dik[ST_KEY_LEN];
    struct e2e_self self;
    struct endpoint endpoints[ENDPOINTS_MAX];
    size_t endpoint_count;
    size_t endpoint_next; /* which one the next attempt takes */
};

enum sync_state {
    SYNC_OFF,     /* not wanted */
    SYNC_LINKING, /* device link opened, no handshake yet */
    SYNC_HELLO,   /* hello sent */
    SYNC_ONLINE
};

struct account_flow;
struct sync;
struct peers;
struct outbox;
struct inbox;
struct lists;
struct prekeys;
struct blobs;
struct expose;
struct sender;

struct client {
    struct store *store;
    struct client_config config;
    const struct st_env *env;
    struct client_out out;
    struct identity self;
    struct link links[CLIENT_LINKS];
    struct request requests[REQUESTS_MAX];
    uint64_t next_request;
    struct st_buf frame;  /* scratch for one outgoing frame */
    int64_t upkeep_at_ms; /* monotonic (upkeep.c) */
    int64_t order_at_ms;  /* when a held message is due, TIMER_NEVER: none is held (order.c) */
    struct account_flow *account;
    struct sync *sync;
    struct peers *peers;
    struct outbox *outbox;
    struct inbox *inbox;
    struct lists *lists;
    struct prekeys *prekeys;
    struct blobs *blobs;
    struct expose *expose;
    struct sender *sender;
};

static inline int64_t core_mono(const struct client *client)
{
    return st_env_mono_ms(client->env);
}

static inline int64_t core_wall(const struct client *client)
{
    return st_env_wall_ms(client->env);
}

/* The earlier of two due times, where TIMER_NEVER is never. */
static inline int64_t core_earlier(int64_t a, int64_t b)
{
    if (a == TIMER_NEVER || (b != TIMER_NEVER && b < a))
        return b;
    return a;
}

/* ---- results (result.c) ---- */

struct client_result core_result(enum client_reason reason);
/* CLIENT_STORE with the error, or CLIENT_OK for ST_OK. */
struct client_result core_store_result(enum st_err err);
/* What a server's `error` frame means for an operation. A frame that does not read is CLIENT_PROTOCOL. */
struct client_result core_error_result(const struct st_frame *frame);
void core_warn(struct client *client, const char *text);

/* ---- link.c ---- */

void link_open_enrol(struct client *client, const uint8_t own_public[static ST_KEY_LEN], const uint8_t *own_secret);
void link_open_device(struct client *client);
/* Closes the link and fails what was asked over it with CLIENT_UNREACHABLE. */
void link_close(struct client *client, enum client_link link);
/* Sends a request and keeps who wants its answer. On an error nothing was sent and `fn` will not be called. */
enum st_err link_request(struct client *client, enum client_link link, enum st_type type, const void *msg, reply_fn fn,
                         void *ctx) ST_MUST_CHECK;
/* Sends a message that has no answer of its own. */
enum st_err link_send(struct client *client, enum client_link link, enum st_type type, const void *msg) ST_MUST_CHECK;
/* Fails what was asked over the link. */
void link_fail_requests(struct client *client, enum client_link link, enum client_reason reason);
/* Gives a frame to whoever asked for it. False: nobody did. */
bool link_deliver(struct client *client, enum client_link link, const struct st_frame *frame);
void link_tick(struct client *client);
int64_t link_next_ms(const struct client *client);

/* ---- identity.c ---- */

/* Makes the keys of a new account and device, in the open transaction. */
enum st_err identity_create(struct client *client, const struct client_registration *registration) ST_MUST_CHECK;
/* Loads what is there. ST_ENOTFOUND: no identity yet. `loaded` is set only for a registered account. */
enum st_err identity_load(struct client *client) ST_MUST_CHECK;
enum st_err identity_store_endpoints(struct client *client, struct st_records endpoints) ST_MUST_CHECK;
/* Puts a new transport key in place, in the open transaction. */
enum st_err identity_store_tk(struct client *client, const uint8_t tk_public[static ST_KEY_LEN],
                              const uint8_t tk_secret[static ST_KEY_LEN]) ST_MUST_CHECK;
void identity_wipe(struct client *client);

/* ---- tx.c: transactions ---- */

/* Begins a transaction of the store. */
enum st_err tx_begin(struct client *client) ST_MUST_CHECK;
/* Saves the peers that changed, raises the generation, and commits. On an error everything is rolled back and the
 * peers in memory are forgotten, to be loaded again. */
enum st_err tx_commit(struct client *client) ST_MUST_CHECK;
void tx_rollback(struct client *client);
/* Commits if `err` is ST_OK, else rolls back; returns the first error. */
enum st_err tx_end(struct client *client, enum st_err err) ST_MUST_CHECK;

/* ---- account.c ---- */

enum st_err account_new(struct client *client) ST_MUST_CHECK;
void account_free(struct client *client);
void account_link_event(struct client *client, enum client_link_state state);
/* The device link was welcomed, or cannot be: go on with what waited for it. */
void account_online(struct client *client);
void account_offline(struct client *client, enum client_reason reason);
/* The server has taken the prekeys that were uploaded. */
void account_prekeys_uploaded(struct client *client);
void account_tick(struct client *client);
int64_t account_next_ms(const struct client *client);

/* ---- sync.c: the device link from hello to bye ---- */

enum st_err sync_new(struct client *client) ST_MUST_CHECK;
void sync_free(struct client *client);
void sync_link_event(struct client *client, enum client_link_state state);
void sync_bye(struct client *client, const struct st_frame *frame);
void sync_enrol_event(struct client *client, enum client_link_state state);
/* Is the enrol link ours just now (asking for the endpoints)? */
bool sync_owns_enrol(const struct client *client);
/* Gives it up: it is wanted for an account operation, or not needed any more. */
void sync_release_enrol(struct client *client);
void sync_tick(struct client *client);
int64_t sync_next_ms(const struct client *client);
/* Copies went out: the server is to be told our generation soon. */
void sync_sent(struct client *client);
/* The newest generation of this device with its tag, to be sent now; false if there is none yet or the store fails. */
bool sync_generation(struct client *client, uint8_t out[static ST_GENERATION_LEN]);
enum sync_state sync_state_of(const struct client *client);
/* Is the mailbox known to be empty, but for what is held? */
bool sync_mailbox_empty(const struct client *client);
/* A push came: the mailbox is not known to be empty any more. */
void sync_push_seen(struct client *client);
/* Does the server's policy mean that strangers wait for an answer? */
bool sync_ask_strangers(const struct client *client);
/* What the server last told, from the store. */
void sync_load_policy(struct client *client);
void sync_fill_status(const struct client *client, struct client_status *out);

/* ---- peers.c: sessions in memory ---- */

/* One device of a peer with its sessions. */
struct peer {
    struct store_device id;
    struct e2e_set set;
    bool in_use;
    bool dirty;           /* to be saved by tx_commit */
    uint64_t touched;     /* for eviction */
    int64_t heard_ms;     /* monotonic; when a payload of it was last read. 0: not yet */
    int64_t told_lost_ms; /* when it was last told of a session that we lost */
    int64_t stepped_ms;   /* when a ratchet step was last asked for */
};

enum st_err peers_new(struct client *client) ST_MUST_CHECK;
void peers_free(struct client *client);
/* The peer, loaded or fresh; borrowed until the next call of a peers_ function. */
enum st_err peers_get(struct client *client, const struct store_device *id, struct peer **peer_r) ST_MUST_CHECK;
enum st_err peers_save(struct client *client) ST_MUST_CHECK; /* for tx_commit */
void peers_forget(struct client *client);                    /* for a failed transaction: all that changed */
void peers_forget_all(struct client *client);
struct e2e_budget *peers_budget(struct client *client, const uint8_t acct[static ST_ACCT_LEN]);

/* What goes into one payload. */
struct peers_message {
    uint64_t type;     /* enum payload_type */
    const uint8_t *id; /* ST_MSG_ID_LEN */
    uint64_t seq;
    int64_t sent_at_ms;
    struct st_view body;
    const uint8_t *chat; /* NULL, or the account that was written to (own devices) */
    enum store_copy_kind kind;
    int64_t message_row; /* 0: not for the wire log */
};

/* Encrypts for one device and puts the copy into the outbox, in the open transaction. ST_ENOTFOUND: there is no session
 * to send on. */
enum st_err peers_send(struct client *client, const struct store_device *to,
                       const struct peers_message *message) ST_MUST_CHECK;
/* A control message with a random id, on the session that the rules choose. */
enum st_err peers_send_control(struct client *client, const struct store_device *to, uint64_t type,
                               const void *body) ST_MUST_CHECK;
/* Does the next message to this device need a new session, and why? */
enum st_err peers_renewal(struct client *client, const struct store_device *to, enum e2e_renewal *why_r) ST_MUST_CHECK;

/* ---- lists.c: device lists and contacts ---- */

enum st_err lists_new(struct client *client) ST_MUST_CHECK;
void lists_free(struct client *client);
/* The newest list taken of an account (ours too), parsed. ST_ENOTFOUND. */
enum st_err lists_get(struct client *client, const uint8_t acct[static ST_ACCT_LEN],
                      struct st_devlist *list_r) ST_MUST_CHECK;
/* Stores a list as the newest of an account, with the devices in it, in the open transaction. */
enum st_err lists_store(struct client *client, const uint8_t acct[static ST_ACCT_LEN],
                        const struct st_devlist *list) ST_MUST_CHECK;
/* A genuine list that contradicts the one we hold: sending to the account stops until the user has confirmed. In the
 * open transaction. */
enum st_err lists_mark_changed(struct client *client, const uint8_t acct[static ST_ACCT_LEN]) ST_MUST_CHECK;
/* A list that the server offers: judges it, and on "ok" (or "stale" at first contact) takes it in a transaction of its
 * own, with what follows: devices seen, sessions with removed devices closed, a notice for new ones. */
struct lists_offer {
    const uint8_t *acct;
    const uint8_t *ak;
    struct st_view wire;
    bool between;
};
enum st_err lists_offer(struct client *client, const struct lists_offer *offer,
                        enum st_devlist_verdict *verdict_r) ST_MUST_CHECK;
/* Fetches what is newer than the stored list. When it ends, inbox_retry and sender_list_fetched are told. */
void lists_fetch(struct client *client, const uint8_t acct[static ST_ACCT_LEN]);
/* Makes or checks the contact of (name, account, key). CLIENT_KEY_CHANGED: the name is known under another account; the
 * new one is pending now. In a transaction of its own. */
struct client_result lists_meet(struct client *client, const char *name, const struct lists_offer *offer);
/* The account keys: of a contact, a stranger met by its list, or ourselves. ST_ENOTFOUND. */
enum st_err lists_account_key(struct client *client, const uint8_t acct[static ST_ACCT_LEN],
                              uint8_t ak_r[static ST_KEY_LEN]) ST_MUST_CHECK;
/* Signs our own list anew when it is a week old; publishes it when the server has an older one. */
void lists_renew_own(struct client *client, uint64_t server_seq);
/* A notice among the events: kind and text as safetalk(1) has them. */
enum st_err lists_notice(struct client *client, int64_t chat, const char *kind, const char *text) ST_MUST_CHECK;

/* ---- prekeys.c ---- */

/* Makes the first signed prekey, in the open transaction. */
enum st_err prekeys_create_first(struct client *client) ST_MUST_CHECK;
/* Refills and rotates when the server has `opk_left`. */
void prekeys_refill(struct client *client, uint64_t opk_left);
/* Erases signed prekeys that nothing can need any more, with what hangs on them, in the open transaction. */
enum st_err prekeys_expire(struct client *client) ST_MUST_CHECK;
struct e2e_prekeys prekeys_access(struct client *client);
enum st_err prekeys_new(struct client *client) ST_MUST_CHECK;
void prekeys_free(struct client *client);

/* ---- outbox.c ---- */

enum st_err outbox_new(struct client *client) ST_MUST_CHECK;
void outbox_free(struct client *client);
/* Loads what the store knows of our own mailbox. */
void outbox_load(struct client *client);
/* Sends what may be sent now. */
void outbox_pump(struct client *client);
/* Welcomed: nothing is in flight any more; compare the store epochs. */
void outbox_online(struct client *client, const uint8_t own_epoch[static ST_EPOCH_LEN]);
void outbox_offline(struct client *client);
/* The store epoch of an account's mailbox is this now: sends again what another epoch may have lost. */
void outbox_epoch(struct client *client, const uint8_t acct[static ST_ACCT_LEN],
                  const uint8_t epoch[static ST_EPOCH_LEN]);
void outbox_accepted(struct client *client, const struct st_frame *frame);
/* The server said rate_limited or unavailable without naming a request. */
void outbox_pause(struct client *client, const struct client_result *failure);
void outbox_tick(struct client *client);
int64_t outbox_next_ms(const struct client *client);
/* Copies that were sent and are not answered. */
size_t outbox_flights(const struct client *client);
/* Nothing that could be sent is unsent or unanswered. */
bool outbox_settled(const struct client *client);
/* Fills a copy's own_epoch: the epoch of our mailbox as last seen. */
void outbox_own_epoch(const struct client *client, uint8_t out[static ST_EPOCH_LEN]);
/* A receipt for our message came from one device, in the open transaction. */
enum st_err outbox_receipt(struct client *client, const struct store_device *from,
                           const uint8_t id[static ST_MSG_ID_LEN], enum store_state state) ST_MUST_CHECK;
/* The server has no such account any more: what was not stored for it has failed. */
void outbox_account_gone(struct client *client, const uint8_t acct[static ST_ACCT_LEN]);
/* Encrypts anew what has no receipt and went out on the lost session, in the open transaction. */
enum st_err outbox_encrypt_again(struct client *client, const struct store_device *to,
                                 const uint8_t sid[static E2E_SID_BYTES]) ST_MUST_CHECK;
/* This side has lost all its sessions, in the open transaction: what is in the outbox will be encrypted anew, as soon
 * as there are others; receipts are owed again. */
enum st_err outbox_begin_anew(struct client *client) ST_MUST_CHECK;
/* The peer says that these numbers of ours never came, in the open transaction. */
enum st_err outbox_send_again(struct client *client, const struct store_device *to, uint64_t first,
                              uint64_t last) ST_MUST_CHECK;

/* ---- inbox.c ---- */

enum st_err inbox_new(struct client *client) ST_MUST_CHECK;
void inbox_free(struct client *client);
void inbox_push(struct client *client, const struct st_frame *frame);
/* The connection is lost: tokens of held entries are worth nothing, they come again. */
void inbox_offline(struct client *client);
/* Tries again what is held of this account (NULL: of all). */
void inbox_retry(struct client *client, const uint8_t *acct);
/* The account does not exist any more: what is held of it will never be read. */
void inbox_account_gone(struct client *client, const uint8_t acct[static ST_ACCT_LEN]);
size_t inbox_held(const struct client *client);
void inbox_tick(struct client *client);
int64_t inbox_next_ms(const struct client *client);

/* A copy that was read, on its way to the handler of its type. All borrowed. */
struct inbox_message {
    struct store_device from;
    const struct payload *payload;
    const struct e2e_received *received;
    struct st_view envelope;
    struct st_view plain; /* the whole payload */
    bool accepted;        /* the sender's account is one that the user has accepted */
};

/* ---- claims.c: device lists as the other side sees them ---- */

/* Compares what a payload says of its sender's list and of ours with what we hold, in the open transaction. A server
 * that shows different people different lists, or withholds one, is found out here. *fetch_r: the sender's list is to
 * be fetched. */
enum st_err claims_take(struct client *client, const struct store_device *from, const struct payload *payload,
                        bool *fetch_r) ST_MUST_CHECK;
/* Has the server withheld a list of this account, which its owner names, for more than two days? */
bool claims_withheld(struct client *client, const uint8_t acct[static ST_ACCT_LEN]);

/* ---- upkeep.c ---- */

/* Hourly: old prekeys, events and wire logs are erased. */
void upkeep_tick(struct client *client);

/* ---- deliver.c: what each payload type does ---- */

enum st_err deliver_payload(struct client *client, const struct inbox_message *message) ST_MUST_CHECK;

/* ---- order.c: gaps ---- */

/* Takes a message that was stored but not shown: shows it if its turn has come, and those behind it. */
enum st_err order_place(struct client *client, int64_t chat, const struct store_device *sender, uint64_t seq,
                        int64_t row) ST_MUST_CHECK;
/* Looks when the next held message is due: at start, and after a message was held. */
void order_wake(struct client *client);
void order_tick(struct client *client);
int64_t order_next_ms(const struct client *client);
bool order_settled(const struct client *client);

/* ---- receipts.c ---- */

void receipts_pump(struct client *client);
bool receipts_settled(struct client *client);

/* ---- expose.c ---- */

enum st_err expose_new(struct client *client) ST_MUST_CHECK;
void expose_free(struct client *client);
void expose_tick(struct client *client);
int64_t expose_next_ms(const struct client *client);

/* ---- blobs.c ---- */

enum st_err blobs_new(struct client *client) ST_MUST_CHECK;
void blobs_free(struct client *client);
/* A message with files was queued, or an upload is to begin again. */
void blobs_wake(struct client *client);
/* Goes on with uploads. */
void blobs_online(struct client *client);
void blobs_offline(struct client *client);
void blobs_tick(struct client *client);
int64_t blobs_next_ms(const struct client *client);
bool blobs_settled(const struct client *client);
/* Reads and encrypts one file into the blob folder; fills all of `out` but message and index. */
enum st_err blobs_seal(struct client *client, const struct client_file *file,
                       struct store_attachment *out) ST_MUST_CHECK;
/* The peer does not find this blob: upload it again, in the open transaction. */
enum st_err blobs_send_again(struct client *client, const uint8_t blob[static ST_BLOB_ID_LEN]) ST_MUST_CHECK;

/* ---- send.c ---- */

enum st_err sender_new(struct client *client) ST_MUST_CHECK;
void sender_free(struct client *client);
void sender_online(struct client *client);
void sender_offline(struct client *client, enum client_reason reason);
void sender_confirmed(struct client *client, const struct store_device *from);
void sender_list_fetched(struct client *client, const uint8_t acct[static ST_ACCT_LEN]);
void sender_tick(struct client *client);
int64_t sender_next_ms(const struct client *client);
/* The body of a text message as stored, for the first sending and for encrypting again. */
enum st_err sender_compose(struct client *client, int64_t row, struct st_buf *body) ST_MUST_CHECK;
/* State was lost: begins one new session with that device, and says on it which session cannot be read (NULL: none). */
void sender_renew(struct client *client, const struct store_device *to, const uint8_t *sid);

#endif
