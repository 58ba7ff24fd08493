/* The inside of auth's core: what its files share. Private to services/auth/auth_*.c.
 *
 *   auth_core.c     packets in, table of types, batches, timers
 *   auth_reply.c    what is to be sent once the batch is on disk
 *   auth_ake.c      logins between KE1 and KE3
 *   auth_enrol.c    new accounts            auth_login.c    password logins
 *   auth_account.c  password, logout        auth_erase.c    removing an account, purging its mailboxes
 *   auth_prekey.c   prekeys and bundles     auth_list.c     looking up, device lists
 *   auth_link.c     linking a device        auth_session.c  gateways, tk_check, revoke
 *   auth_sweep.c    what expires */
#ifndef AUTH_INTERNAL_H
#define AUTH_INTERNAL_H

#include "lib/devlist/st_devlist.h"
#include "lib/st_map.h"
#include "proto/st_messages.h"
#include "services/auth/auth_core.h"
#include "services/auth/auth_secrets.h"
#include "services/auth/auth_throttle.h"
#include "services/auth/opaque/opaque_server.h"

/* ---- logins between KE1 and KE3 ---- */

enum auth_ake_kind { AUTH_AKE_LOGIN, AUTH_AKE_REMOVE };

enum { AUTH_AKE_KEY = SERVICE_PEER_MAX + 1 + 8 }; /* gateway's name, zero-padded ‖ sid */

struct auth_ake {
    uint8_t key[AUTH_AKE_KEY];
    enum auth_ake_kind kind;
    int64_t expires_ms; /* monotonic; all live equally long, so the list below is sorted by it */
    struct opaque_server_login login;
    struct auth_text name;
    bool has_account;
    uint8_t acct[ST_ACCT_LEN];
    uint8_t record_hash[ST_HASH_LEN]; /* of the record that KE2 was made with */
    uint8_t tk[ST_KEY_LEN];           /* the client's, as OPAQUE's context has it */
    struct auth_ake *older, *newer;
};

struct auth_ake_table {
    struct st_map *map;
    struct auth_ake *oldest, *newest;
    size_t max;
};

enum st_err auth_ake_init(struct auth_ake_table *table, size_t max, const struct st_env *env) ST_MUST_CHECK;
void auth_ake_deinit(struct auth_ake_table *table);

/* Takes the login in, in place of an earlier one of the same session. `ake` is copied, its key and times are set.
 * ST_ELIMIT: too many at once; ST_ENOMEM. */
enum st_err auth_ake_put(struct auth_ake_table *table, const struct service_peer *from, uint64_t sid, int64_t now_ms,
                         const struct auth_ake *ake) ST_MUST_CHECK;

/* Takes it out: it serves once. The caller frees it with auth_ake_free. NULL: this session has none of this kind. */
struct auth_ake *auth_ake_take(struct auth_ake_table *table, const struct service_peer *from, uint64_t sid,
                               int64_t now_ms, enum auth_ake_kind kind);

/* Wipes and frees; NULL is fine. */
void auth_ake_free(struct auth_ake *ake);

/* Drops what is too old. */
void auth_ake_expire(struct auth_ake_table *table, int64_t now_ms);

/* ---- the core ---- */

enum { AUTH_REMOVALS_MAX = 256, AUTH_LETTERS_MAX = 65536 };

/* A packet that waits for the flush. */
struct auth_packet {
    struct service_peer from;
    struct st_hop hop;
    uint8_t *frame; /* owned */
    size_t len;
};

/* What happens to a letter if the batch cannot be committed. */
enum auth_letter_kind {
    AUTH_LETTER_ANSWER, /* its sender is told `unavailable` instead */
    AUTH_LETTER_EFFECT, /* nothing has happened, nothing is told */
    AUTH_LETTER_ALWAYS  /* it has nothing to do with the store */
};

/* What is to be sent at the end of the batch. */
struct auth_letter {
    enum auth_letter_kind kind;
    struct service_peer to;
    struct st_hop hop;
    uint64_t request; /* of an answer */
    struct st_buf frame;
    struct st_buf boxes; /* empty, or the third frame */
};

struct auth_gateway {
    struct service_peer peer;
    int64_t seen_ms; /* monotonic */
};

/* A remove_user that waits for its mailboxes to be erased, or for its time. */
struct auth_removal {
    struct service_peer to;
    struct st_hop hop;
    uint64_t request;
    int64_t deadline_ms; /* monotonic */
    bool fresh;          /* of the batch that is not committed yet */
};

/* The hourly sweep. An offset is wall clock minus monotonic clock: it stays while nobody sets the wall clock. */
struct auth_sweeper {
    unsigned what;       /* enum auth_sweep: the next step */
    int64_t next_ms;     /* monotonic */
    int64_t offset_ms;   /* the one that is believed */
    bool doubt;          /* the wall clock was set … */
    int64_t doubt_ms;    /* … to this offset … */
    int64_t doubt_since; /* … and that was first seen then (monotonic) */
};

struct auth_core {
    struct auth_config config;
    struct auth_secrets secrets;
    struct st_env env;
    struct service_out out;
    struct auth_store store;
    struct st_log *log;
    uint64_t boot;
    bool draining;
    struct auth_stats stats;

    struct auth_packet packets[AUTH_BATCH_FRAMES];
    size_t packet_count;
    size_t packet_bytes;

    enum st_err batch_err; /* why the batch could not begin */
    struct auth_letter *letters;
    size_t letter_count, letter_cap;

    struct auth_ake_table akes;
    struct auth_gateway gateways[AUTH_GATEWAYS_MAX];
    size_t gateway_count;
    struct auth_removal removals[AUTH_REMOVALS_MAX];
    size_t removal_count;
    int64_t erase_next_ms; /* monotonic: when to look for due jobs */
    struct auth_sweeper sweeper;
    struct st_msg_endpoint endpoints[ST_ENDPOINTS_MAX]; /* the configured ones, as answers carry them */
};

/* A request while it is handled. */
struct auth_request {
    struct auth_core *core;
    const struct service_peer *from;
    const struct st_hop *hop;
    uint64_t id;
    int64_t now_ms;              /* wall clock */
    struct auth_account account; /* of a device hop: who asks, as the database knows him */
    struct auth_device device;
};

/* Handles one type; `msg` is its struct. It answers through auth_reply.c, always exactly once (internal types: at
 * most).
 */
typedef void (*auth_handler_fn)(struct auth_request *request, const void *msg);

void auth_add_user(struct auth_request *request, const void *msg);
void auth_add_user_finish(struct auth_request *request, const void *msg);
void auth_login(struct auth_request *request, const void *msg);
void auth_login_finish(struct auth_request *request, const void *msg);
void auth_endpoints(struct auth_request *request, const void *msg);
void auth_remove_user(struct auth_request *request, const void *msg);
void auth_remove_user_finish(struct auth_request *request, const void *msg);
void auth_set_password(struct auth_request *request, const void *msg);
void auth_set_password_finish(struct auth_request *request, const void *msg);
void auth_logout(struct auth_request *request, const void *msg);
void auth_is_user(struct auth_request *request, const void *msg);
void auth_confirm_chat(struct auth_request *request, const void *msg);
void auth_start_chat(struct auth_request *request, const void *msg);
void auth_get_list(struct auth_request *request, const void *msg);
void auth_put_list(struct auth_request *request, const void *msg);
void auth_link_offer(struct auth_request *request, const void *msg);
void auth_link_get(struct auth_request *request, const void *msg);
void auth_svc_ping(struct auth_request *request, const void *msg);
void auth_tk_check(struct auth_request *request, const void *msg);
void auth_purged(struct auth_request *request, const void *msg);

/* ---- batches ---- */

/* Everything between the two is one transaction of the store. The second sends what was to be sent. */
void auth_batch_begin(struct auth_core *core);
void auth_batch_end(struct auth_core *core);

/* ---- answers ---- */

void auth_answer(struct auth_request *request, enum st_type type, const void *msg);

/* An answer that carries a device list: the mailboxes of its devices are opened before it is forwarded. */
void auth_answer_with_boxes(struct auth_request *request, enum st_type type, const void *msg,
                            const struct st_devlist *list);

/* An error. The sentence says what to do. */
void auth_refuse(struct auth_request *request, enum st_code code, const char *sentence);
void auth_refuse_for(struct auth_request *request, enum st_code code, const char *sentence, uint64_t retry_after_s);

/* An error with its sentence, for functions that leave the answering to their caller: they return ST_EREFUSED and set a
 * pointer to one of these. */
struct auth_refusal {
    enum st_code code;
    const char *sentence;
};

/* Answers `err`: the refusal for ST_EREFUSED, else auth_fail. */
void auth_refuse_with(struct auth_request *request, enum st_err err, const struct auth_refusal *refusal);

/* The store failed, or something that cannot be: `unavailable`, and a line in the log. */
void auth_fail(struct auth_request *request, enum st_err err);

/* Refuses what auth_throttle_* answered: rate_limited, or the store's failure. */
void auth_refuse_throttled(struct auth_request *request, enum st_err err, uint64_t retry_after_s);

/* Sends an internal message to a gateway when the batch is committed. */
void auth_tell(struct auth_core *core, const struct service_peer *to, enum st_type type, const void *msg);

/* remove_user_done with that state, to one who has waited. */
void auth_answer_removal(struct auth_core *core, const struct auth_removal *removal, enum auth_letter_kind kind,
                         uint64_t state);

/* As auth_answer, whatever becomes of the batch. */
void auth_answer_always(struct auth_request *request, enum st_type type, const void *msg);

/* Sends all letters; with `committed` false their replacements. Used by auth_batch_end. */
void auth_letters_send(struct auth_core *core, bool committed);
void auth_letters_free(struct auth_core *core);

/* ---- small helps ---- */

/* Ends a request's own transaction: commits if `err` is ST_OK, else undoes it. Returns `err`, or the commit's. */
enum st_err auth_end(const struct auth_core *core, enum st_err err) ST_MUST_CHECK;

/* The throttle with everything in it that the request has. */
struct auth_throttle auth_throttle_of(const struct auth_request *request);

/* Reads the account's newest list and parses it. ST_EFOREIGN if it is not there or damaged. */
enum st_err auth_newest_list(const struct auth_core *core, const struct auth_account *account, struct auth_list *wire_r,
                             struct st_devlist *list_r) ST_MUST_CHECK;

/* The device numbers of a list, as boxes_set and tk_check carry them: 4 bytes each. Returns how many. */
size_t auth_list_devs(const struct st_devlist *list, uint8_t out[static ST_DEVICES_MAX * 4]);

void auth_set_text(struct auth_text *text, struct st_view from);

/* Is this signed prekey good for that device now? ST_EREFUSED, ST_EINTEGRITY. */
enum st_err auth_check_spk(const struct st_msg_spk *msg, const struct st_device *device,
                           const uint8_t acct[static ST_ACCT_LEN], int64_t now_ms) ST_MUST_CHECK;

/* Makes the rows that stand in for names that do not exist, where they are not there. */
enum st_err auth_make_decoys(const struct auth_core *core) ST_MUST_CHECK;

/* Looks for the account of a name: one row found and one not, whether the name exists or not. ST_ENOTFOUND. */
enum st_err auth_find_account(const struct auth_core *core, struct st_view name,
                              struct auth_account *account_r) ST_MUST_CHECK;

/* OPAQUE's first half for one name; `account` NULL if nobody has it. Fills `ake` (but for its kind) and KE2. */
enum st_err auth_start_ake(struct auth_request *request, struct auth_ake *ake, const struct auth_account *account,
                           struct st_view ke1, struct st_opaque_ke2 *ke2_r) ST_MUST_CHECK;

/* Does the KE3 fit, and does the account still have the record that KE2 was made with? ST_OK, ST_EINTEGRITY (no), or a
 * store error. The account is read with a lock. */
enum st_err auth_finish_ake(struct auth_request *request, struct auth_ake *ake, struct st_view ke3,
                            struct auth_account *account_r) ST_MUST_CHECK;

/* ---- gateways ---- */

/* Tells every live gateway to end these sessions; dev 0 is all of the account. With `except` that one is left out. */
void auth_revoke(struct auth_core *core, const uint8_t acct[static ST_ACCT_LEN], uint32_t dev,
                 const struct service_peer *except);

/* Tells one. */
void auth_revoke_at(struct auth_core *core, const struct service_peer *gateway, const uint8_t acct[static ST_ACCT_LEN],
                    uint32_t dev);

/* One of the live gateways, another one for another `turn`; NULL if there is none. */
const struct service_peer *auth_any_gateway(const struct auth_core *core, uint32_t turn);

/* ---- timers ---- */

/* Removals whose time is up. */
void auth_removals_tick(struct auth_core *core);
/* The batch is over: what was fresh counts, or is refused. */
void auth_removals_settle(struct auth_core *core, bool committed);
/* Jobs that are due: asks a gateway again. */
void auth_erase_tick(struct auth_core *core);
/* One step of the sweep, if it is time. */
void auth_sweep_tick(struct auth_core *core);
void auth_sweep_init(struct auth_core *core);

#endif
