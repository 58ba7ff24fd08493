/* The client's engine: account, connection, contacts, sessions, outbox and inbox of one account on one device. No I/O:
 * sockets, clock, randomness, files and screen are the shell's (client/core/shell.h) or the simulation's, and come in
 * through struct client_out and struct st_env. What must survive lies in the store (client/store), and the client may
 * die between any two calls.
 *
 *   shell → client   client_tick, client_link_event, client_frame, and the operations below
 *   client → shell   struct client_out: open and close a link, send a frame, blob files, events
 *
 * Operations that need the network end later, with one call of their client_done_fn; those started while another
 * of the same kind runs end at once with CLIENT_BUSY. Callbacks may call back into the client. */
#ifndef CLIENT_CORE_CLIENT_H
#define CLIENT_CORE_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "client/opaque/opaque_client.h"
#include "client/store/store.h"
#include "lib/st_address.h"
#include "lib/st_bytes.h"
#include "lib/st_env.h"
#include "lib/st_err.h"
#include "proto/st_limits.h"

struct client;

/* How an operation ended. The command line maps each to its words and exit code. */
enum client_reason {
    CLIENT_OK = 0,
    CLIENT_BUSY,             /* the same operation is running already */
    CLIENT_UNREACHABLE,      /* no answer of the server; a retry may help */
    CLIENT_WRONG_SERVER_KEY, /* somebody answers, without the pinned key */
    CLIENT_UNAVAILABLE,      /* the server says: not now */
    CLIENT_RATE_LIMITED,     /* retry_after_s */
    CLIENT_WRONG_PASSWORD,
    CLIENT_DEVICE_REVOKED, /* the server no longer knows this device's transport key: log in */
    CLIENT_ACCOUNT_DISABLED,
    CLIENT_NO_SUCH_USER,   /* or not discoverable */
    CLIENT_KEY_CHANGED,    /* the name has another account key now; nothing was sent */
    CLIENT_LIST_UNTRUSTED, /* a device list that does not verify, or contradicts the one we hold */
    CLIENT_NO_DEVICE,      /* the account has no device that can be written to now */
    CLIENT_MAILBOX_FULL,
    CLIENT_QUOTA, /* attachments of this account */
    CLIENT_NAME_TAKEN,
    CLIENT_INVITE_REQUIRED,
    CLIENT_INVITE_UNKNOWN,
    CLIENT_INVITE_USED,
    CLIENT_INVITE_EXPIRED,
    CLIENT_REGISTRATION_CLOSED,
    CLIENT_NOT_ALLOWED,
    CLIENT_NOT_FOUND, /* an attachment or key that the server does not have */
    CLIENT_DAMAGED,   /* an attachment that is truncated or whose digest is wrong */
    CLIENT_TOO_LARGE,
    CLIENT_BLOCKED,  /* the contact is blocked by the user */
    CLIENT_PROTOCOL, /* the server broke the protocol */
    CLIENT_STORE     /* the store failed: `store` says how */
};

struct client_result {
    enum client_reason reason;
    uint64_t retry_after_s;           /* 0: not told */
    enum st_err store;                /* with CLIENT_STORE */
    uint8_t id[ST_MSG_ID_LEN];        /* of the message, from client_send */
    char detail[ST_SENTENCE_MAX + 1]; /* the server's sentence, or empty; remote text */
};

typedef void (*client_done_fn)(void *ctx, const struct client_result *result);

/* ---- What the client asks of the outside ---- */

enum client_link { CLIENT_ENROL = 0, CLIENT_DEVICE = 1, CLIENT_LINKS = 2 };

/* Where a link leads, and with which keys (all binary CURVE keys). Borrowed for the call. */
struct client_target {
    const char *host;
    uint16_t port;
    const uint8_t *server_key;
    const uint8_t *own_public;
    const uint8_t *own_secret;
};

/* Things that a person or a program may want to know as they happen. */
enum client_event_kind {
    CLIENT_EVENT_ONLINE = 1, /* welcomed by the server */
    CLIENT_EVENT_OFFLINE,    /* result.reason says why, if it is known */
    CLIENT_EVENT_SHOWN,      /* the store has new events to show (store_event_each) */
    CLIENT_EVENT_STATE,      /* a message of ours: message id, state */
    CLIENT_EVENT_PROGRESS,   /* a transfer: message id, done and total bytes */
    CLIENT_EVENT_WARNING     /* a sentence for the log: `text`; no remote text inside */
};

struct client_event {
    enum client_event_kind kind;
    struct client_result result;
    uint8_t id[ST_MSG_ID_LEN];
    enum store_state state;
    uint64_t done_bytes, total_bytes;
    const char *text;
};

struct client_out {
    void *ctx;
    /* Opens a link, closing one that is there. Its fate comes by client_link_event. */
    void (*open)(void *ctx, enum client_link link, const struct client_target *target);
    void (*close)(void *ctx, enum client_link link);
    /* Sends a frame. ST_EUNAVAILABLE: the link cannot take it now. */
    enum st_err (*send)(void *ctx, enum client_link link, struct st_view frame);
    /* Encrypted blobs in the account's folder, by id. Reading beyond the end gives what there is; writing appends at
     * `offset` and is durable when blob_sync returns. */
    enum st_err (*blob_read)(void *ctx, const uint8_t id[static ST_BLOB_ID_LEN], uint64_t offset, uint8_t *out,
                             size_t *len);
    enum st_err (*blob_write)(void *ctx, const uint8_t id[static ST_BLOB_ID_LEN], uint64_t offset, struct st_view data);
    enum st_err (*blob_sync)(void *ctx, const uint8_t id[static ST_BLOB_ID_LEN]);
    void (*blob_delete)(void *ctx, const uint8_t id[static ST_BLOB_ID_LEN]);
    void (*event)(void *ctx, const struct client_event *event);
};

/* The two slow calls of OPAQUE, so that a simulation can use a cheap stretching. */
struct client_opaque {
    struct st_opaque_ksf ksf;
    enum st_err (*register_finish)(struct opaque_client_registered *out,
                                   struct opaque_client_registration *registration, struct st_view response,
                                   struct st_view password, const struct opaque_client_setup *setup,
                                   const struct st_env *env);
    enum st_err (*login_finish)(struct opaque_client_logged_in *out, struct opaque_client_login *login,
                                struct st_view ke2, struct st_view password, const struct opaque_client_setup *setup);
};

/* How strangers are met (safetalk(1), requests). */
enum client_requests { CLIENT_REQUESTS_AUTO = 0, CLIENT_REQUESTS_ASK = 1, CLIENT_REQUESTS_ACCEPT = 2 };

struct client_config {
    struct client_opaque opaque;
    enum client_requests requests;
    int64_t answer_ms;        /* longest wait for the answer to one request */
    int64_t gap_hold_ms;      /* how long a gap is held before it is shown */
    int64_t expose_after_ms;  /* a used MAC key is never exposed earlier; at least 60 s */
    int64_t expose_spread_ms; /* batches go out at random times within this */
    bool strict_handshake;    /* a ratchet step before every message while the peer is online */
};

/* Argon2id with its default cost, requests auto, 10 s, 10 s, 60 s, 10 min. */
struct client_config client_config_default(void);

/* ---- Life ---- */

/* A client over an open store; everything is borrowed and must outlive it. An account that is not registered yet has
 * an empty store. ST_EFOREIGN: the store lacks what a registered account has. */
enum st_err client_new(struct client **client_r, struct store *store, const struct client_config *config,
                       const struct st_env *env, const struct client_out *out) ST_MUST_CHECK;

/* Closes the links, wipes, frees, and NULLs the pointer. NULL is fine. */
void client_free(struct client **client);

/* Does what is due: time-outs, retries, pings, exposures, store upkeep. */
void client_tick(struct client *client);

/* When, on the monotonic clock, client_tick wants to be called next. */
int64_t client_next_ms(const struct client *client);

enum client_link_state {
    CLIENT_LINK_UP = 1,        /* handshake done */
    CLIENT_LINK_DOWN,          /* it was up and is lost; the shell goes on trying */
    CLIENT_LINK_NO_ANSWER,     /* nobody answers at that address; the shell goes on trying */
    CLIENT_LINK_BAD_HANDSHAKE, /* somebody answers, and the handshake fails: not the pinned key */
    CLIENT_LINK_REFUSED        /* the server does not know our key; the shell has closed the link */
};

/* What became of a link, from libzmq's monitor. */
void client_link_event(struct client *client, enum client_link link, enum client_link_state state);

/* A frame from the server; borrowed. */
void client_frame(struct client *client, enum client_link link, struct st_view frame);

/* ---- Account ---- */

struct client_registration {
    struct st_address address;
    const char *name;
    const char *invite; /* canonical form, or NULL */
    const char *device_name;
    struct st_view password; /* NFC; borrowed until the call returns, a copy is wiped at the end */
};

/* Registers a new account on an empty store, or goes on with a registration that a crash or a lost answer cut short
 * (same name and address). When it ends with CLIENT_OK the store holds the account. */
void client_register(struct client *client, const struct client_registration *registration, client_done_fn done,
                     void *ctx);

/* Logs in again on this device: a new transport key, vouched for by the device's signing key. */
void client_login(struct client *client, struct st_view password, client_done_fn done, void *ctx);

/* These three go online first. set_password changes the server's record only: the caller rewrites the key slot after
 * it. delete_account needs the password again. */
void client_set_password(struct client *client, struct st_view password, client_done_fn done, void *ctx);
void client_delete_account(struct client *client, struct st_view password, client_done_fn done, void *ctx);
void client_logout(struct client *client, bool everywhere, client_done_fn done, void *ctx);

/* ---- Connection ---- */

/* Connects the device link and keeps it: hello, sync, outbox, inbox. CLIENT_EVENT_ONLINE or _OFFLINE tell. */
void client_go_online(struct client *client);
void client_go_offline(struct client *client);
bool client_is_online(const struct client *client);

/* Online, and nothing is left to do just now: the mailbox is empty, what was taken is acked, every copy that can be
 * sent is stored, no receipt is owed, no upload runs, no gap is held. */
bool client_is_settled(struct client *client);

/* Why it is not online: the newest failure of the device link, or CLIENT_OK. */
enum client_reason client_link_reason(const struct client *client);

struct client_status {
    bool registered;
    bool online;
    uint8_t acct[ST_ACCT_LEN];
    uint32_t dev;
    uint64_t prekeys;      /* one-time prekeys that the server has of us, as last told */
    uint64_t no_opk_count; /* sessions that were begun without one */
    uint64_t registration; /* the server's policy as last told; 0: never told */
    uint64_t retention_s, mailbox_bytes, blob_bytes;
    int64_t synced_at_ms; /* 0: never */
};
void client_get_status(const struct client *client, struct client_status *out);

/* ---- People ---- */

/* Looks a name up and keeps the contact (trust on first use). CLIENT_KEY_CHANGED: known under another key; the new one
 * is pending until client_accept_key. */
void client_lookup(struct client *client, const char *name, client_done_fn done, void *ctx);

/* The 60 digits of a contact by name, or of the pending key if the key changed; NUL-terminated. `name` NULL gives the
 * own 30 digits. ST_ENOTFOUND. */
enum { CLIENT_SAFETY_BYTES = 61 };
enum st_err client_safety_number(struct client *client, const char *name,
                                 char out[static CLIENT_SAFETY_BYTES]) ST_MUST_CHECK;

/* The user compared the number: the contact is verified; a pending key becomes the contact's key. ST_ENOTFOUND. */
enum st_err client_set_verified(struct client *client, const char *name) ST_MUST_CHECK;

/* ---- Messages ---- */

/* A file to send. The client reads it through `read` (len in: room, out: bytes read, 0 at the end). Borrowed. */
struct client_file {
    const char *name; /* clean: last component, no control characters */
    const char *mime;
    uint64_t bytes;
    enum st_err (*read)(void *ctx, uint8_t *out, size_t *len);
    void *ctx;
};

struct client_outgoing {
    const char *to; /* login name without sigil */
    struct st_view text;
    const struct client_file *files;
    size_t file_count;
};

/* Sends. First contact needs the server, and if it cannot be reached nothing is kept (CLIENT_UNREACHABLE). Otherwise
 * `done` comes with CLIENT_OK and the id as soon as the message is durably in the outbox, encrypted for every device
 * of the recipient; CLIENT_EVENT_STATE tells what becomes of it. Files are read and encrypted before this returns or
 * fails; the struct is borrowed until `done`. */
void client_send(struct client *client, const struct client_outgoing *message, client_done_fn done, void *ctx);

/* Marks what is shown of a chat as read up to place `order`, and owes read receipts. */
enum st_err client_mark_read(struct client *client, int64_t chat, uint64_t order) ST_MUST_CHECK;

/* Fetches an attachment: the encrypted blob into the blob folder (resuming), then its digest is checked, and only then
 * is it decrypted to `write`. CLIENT_DAMAGED, CLIENT_NOT_FOUND. */
struct client_sink {
    enum st_err (*write)(void *ctx, struct st_view data);
    void *ctx;
};
void client_fetch_attachment(struct client *client, int64_t message, uint32_t index, const struct client_sink *sink,
                             client_done_fn done, void *ctx);

#endif
