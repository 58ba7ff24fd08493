/* The messages between client and server, as C structs. Numbers in comments are the keys of the MessagePack map;
 * `?` marks optional fields (ST_HAS, ST_SET). Limits stand in the tables of st_messages.c, and in docs/PROTOCOL.md.
 * Times are milliseconds since 1970 unless the name says otherwise. */
#ifndef ST_MESSAGES_H
#define ST_MESSAGES_H

#include "proto/st_wire.h"

/* ---- liveness, errors, attaching ---- */

/* client → server, at least every 30 s when idle; device endpoint only. */
struct st_msg_ping {
    uint32_t has;
    struct st_view generation; /* 1? the newest of this device, to be kept by the relay */
};

struct st_msg_pong {
    uint32_t has;
    uint64_t pending;  /* 1: entries that wait in this device's mailbox, in flight or not */
    uint64_t opk_left; /* 2?: one-time prekeys that the server still has of this device */
};

struct st_msg_error {
    uint32_t has;
    uint64_t code;           /* 1: enum st_code */
    struct st_view sentence; /* 2: for people */
    uint64_t retry_after_s;  /* 3? */
};

struct st_msg_bye {
    uint32_t has;
    uint64_t reason;             /* 1: enum st_bye_reason */
    uint64_t reconnect_after_ms; /* 2 */
};

/* client → server on the enrol endpoint: where is the device endpoint now? */
struct st_msg_endpoints {
    uint32_t has;
};

struct st_msg_endpoint {
    uint32_t has;
    struct st_view host; /* 1 */
    uint64_t port;       /* 2 */
    struct st_view key;  /* 3: CURVE public key of the device endpoint */
};

struct st_msg_endpoints_r {
    uint32_t has;
    struct st_records endpoints; /* 1: struct st_msg_endpoint */
    struct st_view server_id;    /* 2: OPAQUE server_identity */
    uint64_t registration;       /* 3: 1 closed, 2 invite, 3 approve, 4 open */
};

/* client → server, first frame on a device connection: take me in, and send what waits. */
struct st_msg_hello {
    uint32_t has;
    struct st_view generation; /* 1?: newest generation of this device */
};

struct st_msg_welcome {
    uint32_t has;
    uint64_t pending;           /* 1 */
    struct st_view epoch;       /* 2: store epoch of this device's mailbox */
    struct st_view generation;  /* 3?: what the relay had before this hello */
    uint64_t opk_left;          /* 4 */
    uint64_t list_seq;          /* 5: newest device list of this account that the server has */
    uint64_t retention_s;       /* 6: how long an un-acked entry is kept */
    uint64_t mailbox_bytes_max; /* 7 */
    uint64_t blob_bytes_max;    /* 8: all attachments of the account */
    uint64_t registration;      /* 9 */
};

/* ---- accounts ---- */

/* OPAQUE registration request. With an invite where the server wants one. */
struct st_msg_add_user {
    uint32_t has;
    struct st_view name;    /* 1 */
    struct st_view request; /* 2: OPAQUE registration request */
    struct st_view invite;  /* 3? */
};

struct st_msg_add_user_r {
    uint32_t has;
    struct st_view response;  /* 1: OPAQUE registration response */
    struct st_view server_id; /* 2 */
};

/* A signed prekey. */
struct st_msg_spk {
    uint32_t has;
    uint64_t id;        /* 1: 32 bits */
    uint64_t created_s; /* 2: Unix seconds, as signed */
    struct st_view pub; /* 3 */
    struct st_view sig; /* 4: under the device signing key */
};

/* Everything of a new account, taken in one transaction: record, account key, first device, device list 1, signed
 * prekey. A repeat after a lost answer (same name, account id and transport key) is answered with success. */
struct st_msg_add_user_finish {
    uint32_t has;
    struct st_view name;        /* 1 */
    struct st_view record;      /* 2: OPAQUE registration record */
    struct st_view ak;          /* 3: account key */
    struct st_view list;        /* 4: device list 1 with its signatures; its only device is this one */
    struct st_records spk;      /* 5: one struct st_msg_spk */
    struct st_view device_name; /* 6 */
    struct st_view invite;      /* 7? */
};

struct st_msg_add_user_done {
    uint32_t has;
    struct st_view acct;         /* 1 */
    uint64_t dev;                /* 2 */
    struct st_records endpoints; /* 3: struct st_msg_endpoint */
};

struct st_msg_login {
    uint32_t has;
    struct st_view name; /* 1 */
    struct st_view ke1;  /* 2 */
};

struct st_msg_login_r {
    uint32_t has;
    struct st_view ke2;       /* 1 */
    struct st_view server_id; /* 2 */
};

/* Binds this connection's CURVE key. An existing device proves itself with its signing key; without `dev` and `sig`
 * the device is new, pending, and may only link. */
struct st_msg_login_finish {
    uint32_t has;
    struct st_view ke3; /* 1 */
    uint64_t dev;       /* 2? */
    struct st_view sig; /* 3?: DSK over L("SafeTalk/1 tk-bind") ‖ acct ‖ dev ‖ TK ‖ enrol key */
};

struct st_msg_login_done {
    uint32_t has;
    struct st_view acct;         /* 1 */
    uint64_t dev;                /* 2: for a pending device the number that it will have */
    uint64_t state;              /* 3: 1 active, 2 pending */
    struct st_records endpoints; /* 4 */
};

/* Erases the caller's account. Fresh OPAQUE login on the device endpoint, so that a stolen connection cannot do it. */
struct st_msg_remove_user {
    uint32_t has;
    struct st_view ke1; /* 1 */
};

struct st_msg_remove_user_r {
    uint32_t has;
    struct st_view ke2; /* 1 */
};

struct st_msg_remove_user_finish {
    uint32_t has;
    struct st_view ke3; /* 1 */
};

struct st_msg_remove_user_done {
    uint32_t has;
    uint64_t state; /* 1: 1 done, 2 pending (the account is gone, its mailboxes follow) */
};

/* A new password: OPAQUE registration again, on the device endpoint. */
struct st_msg_set_password {
    uint32_t has;
    struct st_view request; /* 1 */
};

struct st_msg_set_password_r {
    uint32_t has;
    struct st_view response; /* 1 */
};

struct st_msg_set_password_finish {
    uint32_t has;
    struct st_view record; /* 1 */
};

struct st_msg_set_password_done {
    uint32_t has;
};

/* Forgets the transport key of this device, or of all devices of the account. */
struct st_msg_logout {
    uint32_t has;
    uint64_t everywhere; /* 1: 0 or 1 */
};

struct st_msg_logout_r {
    uint32_t has;
    uint64_t devices; /* 1: how many were logged out */
};

/* ---- looking up, prekeys, device lists ---- */

struct st_msg_is_user {
    uint32_t has;
    struct st_view name; /* 1 */
};

/* No such user, or not discoverable: error not_found. */
struct st_msg_is_user_r {
    uint32_t has;
    struct st_view acct; /* 1 */
    struct st_view ak;   /* 2 */
    struct st_view list; /* 3: newest device list with its signatures */
};

struct st_msg_opk {
    uint32_t has;
    uint64_t id;        /* 1: 32 bits, not 0, higher than any uploaded before */
    struct st_view pub; /* 2 */
};

/* The receiver's half of a handshake, given in advance. */
struct st_msg_confirm_chat {
    uint32_t has;
    struct st_records spk;  /* 1?: one struct st_msg_spk, replaces the published one */
    struct st_records opks; /* 2?: struct st_msg_opk */
};

struct st_msg_confirm_chat_r {
    uint32_t has;
    uint64_t opk_left; /* 1 */
    uint64_t spk_id;   /* 2: the published one */
};

/* Take the receiver's half. The nonce makes a repeat harmless: the same nonce gets the same one-time prekeys. */
struct st_msg_start_chat {
    uint32_t has;
    struct st_view acct;  /* 1 */
    struct st_view nonce; /* 2 */
    uint64_t dev;         /* 3?: only this device */
};

/* One device's half. DSK and DIK stand in the device list. */
struct st_msg_bundle {
    uint32_t has;
    uint64_t dev;           /* 1 */
    uint64_t spk_id;        /* 2 */
    uint64_t spk_created_s; /* 3 */
    struct st_view spk;     /* 4 */
    struct st_view spk_sig; /* 5 */
    uint64_t opk_id;        /* 6?: with 7 */
    struct st_view opk;     /* 7? */
};

struct st_msg_chat_confirmed {
    uint32_t has;
    struct st_view acct;       /* 1 */
    struct st_view ak;         /* 2 */
    struct st_view list;       /* 3 */
    struct st_records bundles; /* 4: struct st_msg_bundle */
};

/* server → client: one of your one-time prekeys was taken. */
struct st_msg_chat_started {
    uint32_t has;
    uint64_t opk_left; /* 1? */
};

struct st_msg_get_list {
    uint32_t has;
    struct st_view acct; /* 1 */
    uint64_t from_seq;   /* 2: the first wanted; 0 = only the newest */
};

/* One device list as it travels. */
struct st_msg_list {
    uint32_t has;
    struct st_view list; /* 1: body ‖ signature ‖ accept signatures */
};

struct st_msg_list_r {
    uint32_t has;
    struct st_view acct;     /* 1 */
    struct st_view ak;       /* 2 */
    struct st_records lists; /* 3: struct st_msg_list, rising seq */
    struct st_view name;     /* 4: login name of the account; the server's word, as in is_user */
};

/* Compare-and-set: the first list continues the stored one, each further one its predecessor. */
struct st_msg_put_list {
    uint32_t has;
    struct st_records lists; /* 1: struct st_msg_list */
};

struct st_msg_put_list_r {
    uint32_t has;
    uint64_t seq; /* 1: newest now. Lost race: error conflict, then get_list */
};

/* A new, pending device offers its keys to the account's manager; kept ten minutes. */
struct st_msg_link_offer {
    uint32_t has;
    struct st_view dsk;    /* 1 */
    struct st_view dik;    /* 2 */
    struct st_view accept; /* 3: signature of the device over the account, SafeTalk/1 A.7 */
    struct st_view tag;    /* 4: HMAC by the code that is read from one screen and typed on the other */
    struct st_view name;   /* 5: device name */
};

struct st_msg_link_offer_r {
    uint32_t has;
    uint64_t dev; /* 1 */
};

struct st_msg_link_get {
    uint32_t has;
};

struct st_msg_link_entry {
    uint32_t has;
    uint64_t dev;          /* 1 */
    struct st_view dsk;    /* 2 */
    struct st_view dik;    /* 3 */
    struct st_view accept; /* 4 */
    struct st_view tag;    /* 5 */
    struct st_view name;   /* 6 */
};

struct st_msg_link_get_r {
    uint32_t has;
    struct st_records offers; /* 1: struct st_msg_link_entry */
};

/* ---- messages and mailboxes ---- */

struct st_msg_copy {
    uint32_t has;
    uint64_t dev;         /* 1: recipient device */
    struct st_view body;  /* 2: SafeTalk/1 envelope */
    struct st_view token; /* 3?: of the entry that this copy had; the relay stores it again only if that is gone */
};

/* All copies for the devices of one account. */
struct st_msg_message {
    uint32_t has;
    struct st_view to;        /* 1: account */
    struct st_view id;        /* 2: message id */
    struct st_records copies; /* 3: struct st_msg_copy */
};

struct st_msg_accepted_item {
    uint32_t has;
    struct st_view id;    /* 1 */
    uint64_t dev;         /* 2 */
    uint64_t status;      /* 3: enum st_copy_status */
    struct st_view epoch; /* 4?: with stored: the store epoch, read before the append */
    struct st_view token; /* 5?: with stored */
    struct st_view to;    /* 6: account */
};

struct st_msg_accepted {
    uint32_t has;
    struct st_records items; /* 1: struct st_msg_accepted_item */
};

struct st_msg_push_item {
    uint32_t has;
    struct st_view token; /* 1 */
    struct st_view from;  /* 2: account, as the gateway authenticated it */
    uint64_t from_dev;    /* 3 */
    struct st_view id;    /* 4: message id */
    uint64_t at_ms;       /* 5: when the relay took it */
    struct st_view body;  /* 6 */
};

struct st_msg_push {
    uint32_t has;
    struct st_records items; /* 1: struct st_msg_push_item, oldest first */
};

/* After the receiver's own commit. Entries of another epoch are ignored. */
struct st_msg_ack {
    uint32_t has;
    struct st_records tokens;  /* 1: list of ST_TOKEN_LEN bytes */
    struct st_view generation; /* 2? */
};

/* Start again at the mailbox's beginning, skipping what is in flight. */
struct st_msg_fetch {
    uint32_t has;
};

struct st_msg_epochs {
    uint32_t has;
    struct st_records accts; /* 1: list of ST_ACCT_LEN bytes */
};

struct st_msg_epochs_r {
    uint32_t has;
    struct st_records epochs; /* 1: list of ST_EPOCH_LEN bytes, in the order asked */
};

struct st_msg_exposed {
    uint32_t has;
    struct st_view hash; /* 1: names the message, SafeTalk/1 A.9 */
    struct st_view key;  /* 2: its used MAC key */
};

struct st_msg_expose_key {
    uint32_t has;
    struct st_records keys; /* 1: struct st_msg_exposed */
};

struct st_msg_expose_key_r {
    uint32_t has;
    uint64_t stored; /* 1 */
};

struct st_msg_get_exposed {
    uint32_t has;
    struct st_view acct; /* 1: who exposed it */
    uint64_t dev;        /* 2 */
    struct st_view hash; /* 3 */
};

/* Not there: error not_found. */
struct st_msg_get_exposed_r {
    uint32_t has;
    struct st_view key; /* 1 */
};

/* ---- attachments ---- */

/* Begins or resumes an upload. */
struct st_msg_put_blob {
    uint32_t has;
    struct st_view blob; /* 1 */
    uint64_t size;       /* 2: bytes, all chunks */
    uint64_t chunks;     /* 3 */
};

struct st_msg_put_blob_r {
    uint32_t has;
    struct st_view blob;  /* 1 */
    struct st_view there; /* 2: bitmap of the chunks that are there already */
};

struct st_msg_put_chunk {
    uint32_t has;
    struct st_view blob; /* 1 */
    uint64_t index;      /* 2 */
    struct st_view data; /* 3 */
};

struct st_msg_put_chunk_r {
    uint32_t has;
    struct st_view blob; /* 1 */
    uint64_t index;      /* 2 */
};

struct st_msg_get_blob {
    uint32_t has;
    struct st_view blob; /* 1 */
    uint64_t index;      /* 2 */
};

/* Not there, or expired: error not_found. */
struct st_msg_get_blob_r {
    uint32_t has;
    struct st_view blob; /* 1 */
    uint64_t index;      /* 2 */
    uint64_t size;       /* 3: bytes, all chunks */
    uint64_t chunks;     /* 4 */
    struct st_view data; /* 5 */
};

/* Schemas of elements of lists, for st_records_next. */
extern const struct st_schema st_schema_endpoint;
extern const struct st_schema st_schema_spk;
extern const struct st_schema st_schema_opk;
extern const struct st_schema st_schema_bundle;
extern const struct st_schema st_schema_list;
extern const struct st_schema st_schema_link_entry;
extern const struct st_schema st_schema_copy;
extern const struct st_schema st_schema_accepted_item;
extern const struct st_schema st_schema_push_item;
extern const struct st_schema st_schema_exposed;

#endif
