/* The wire: one ZeroMQ frame is one message. A fixed header of 12 bytes, then one MessagePack map (ARCHITECTURE,
 * "The wire"; docs/PROTOCOL.md is the specification and is held to the tables here).
 *
 *   offset 0  version, 1      offset 2  flags, 0 (two bytes)
 *   offset 1  message type    offset 4  request id, echoed in the reply; 0 = unsolicited (eight bytes, big-endian)
 *
 * No sockets here. */
#ifndef ST_WIRE_H
#define ST_WIRE_H

#include <stdint.h>

#include "lib/st_bytes.h"
#include "lib/st_err.h"
#include "proto/st_limits.h"
#include "proto/st_schema.h"

enum { ST_WIRE_VERSION = 1 };

/* Message types. Numbers are for ever; a new meaning takes a new number. 1 to 127 travel between client and server,
 * 128 and above only between services. */
enum st_type {
    ST_PING = 1,
    ST_PONG = 2,
    ST_ERROR = 3,
    ST_BYE = 4,
    ST_ENDPOINTS = 5,
    ST_ENDPOINTS_R = 6,
    ST_HELLO = 7,
    ST_WELCOME = 8,

    ST_ADD_USER = 10,
    ST_ADD_USER_R = 11,
    ST_ADD_USER_FINISH = 12,
    ST_ADD_USER_DONE = 13,
    ST_LOGIN = 14,
    ST_LOGIN_R = 15,
    ST_LOGIN_FINISH = 16,
    ST_LOGIN_DONE = 17,
    ST_REMOVE_USER = 18,
    ST_REMOVE_USER_R = 19,
    ST_REMOVE_USER_FINISH = 20,
    ST_REMOVE_USER_DONE = 21,
    ST_SET_PASSWORD = 22,
    ST_SET_PASSWORD_R = 23,
    ST_SET_PASSWORD_FINISH = 24,
    ST_SET_PASSWORD_DONE = 25,
    ST_LOGOUT = 26,
    ST_LOGOUT_R = 27,

    ST_IS_USER = 30,
    ST_IS_USER_R = 31,
    ST_CONFIRM_CHAT = 32,
    ST_CONFIRM_CHAT_R = 33,
    ST_START_CHAT = 34,
    ST_CHAT_CONFIRMED = 35,
    ST_CHAT_STARTED = 36,
    ST_GET_LIST = 37,
    ST_LIST_R = 38,
    ST_PUT_LIST = 39,
    ST_PUT_LIST_R = 40,
    ST_LINK_OFFER = 41,
    ST_LINK_OFFER_R = 42,
    ST_LINK_GET = 43,
    ST_LINK_GET_R = 44,

    ST_MESSAGE = 50,
    ST_ACCEPTED = 51,
    ST_PUSH = 52,
    ST_ACK = 53,
    ST_FETCH = 54,
    ST_EPOCHS = 55,
    ST_EPOCHS_R = 56,
    ST_EXPOSE_KEY = 57,
    ST_EXPOSE_KEY_R = 58,
    ST_GET_EXPOSED = 59,
    ST_GET_EXPOSED_R = 60,
    ST_PUT_BLOB = 61,
    ST_PUT_BLOB_R = 62,
    ST_PUT_CHUNK = 63,
    ST_PUT_CHUNK_R = 64,
    ST_GET_BLOB = 65,
    ST_GET_BLOB_R = 66,

    ST_SVC_PING = 128,
    ST_SVC_PONG = 129,
    ST_TK_CHECK = 130,
    ST_TK_CHECK_R = 131,
    ST_REVOKE = 132,
    ST_PURGE_REQ = 133,
    ST_PURGED = 134,
    ST_BOXES_SET = 135,
    ST_BOXES_SET_R = 136,
    ST_PURGE = 137,
    ST_PURGE_R = 138,
    ST_ATTACH = 139,
    ST_ATTACH_R = 140,
    ST_DETACH = 141,
    ST_ALIVE = 142,
    ST_ALIVE_R = 143,
    ST_WAKE = 144,
    ST_DROP = 145,
    ST_NOTIFY = 146
};

/* Codes of `error`. Stable: programs act on the code, people read the sentence. */
enum st_code {
    ST_CODE_MALFORMED = 1, /* the frame breaks the protocol */
    ST_CODE_UNKNOWN_TYPE = 2,
    ST_CODE_WRONG_VERSION = 3,
    ST_CODE_WRONG_STATE = 4,  /* not now: for instance a second login on one connection */
    ST_CODE_NOT_ALLOWED = 5,  /* not on this endpoint, not about this object */
    ST_CODE_RATE_LIMITED = 6, /* retry_after tells when */
    ST_CODE_UNAVAILABLE = 7,  /* a service or its store cannot be reached; retry */
    ST_CODE_LOGIN_FAILED = 8, /* wrong name or password, not told which */
    ST_CODE_ACCOUNT_DISABLED = 9,
    ST_CODE_DEVICE_REVOKED = 10,
    ST_CODE_NAME_TAKEN = 11, /* now, or by a deleted account */
    ST_CODE_INVITE_REQUIRED = 12,
    ST_CODE_INVITE_UNKNOWN = 13,
    ST_CODE_INVITE_USED = 14,
    ST_CODE_INVITE_EXPIRED = 15,
    ST_CODE_REGISTRATION_CLOSED = 16,
    ST_CODE_NOT_FOUND = 17,     /* no such user, list, chunk or key, or not discoverable */
    ST_CODE_CONFLICT = 18,      /* somebody else changed it first */
    ST_CODE_LIST_REJECTED = 19, /* a device list or key material that does not verify */
    ST_CODE_QUOTA = 20,         /* attachments of this account */
    ST_CODE_TOO_LARGE = 21
};

/* Fate of one copy of a message, in `accepted`. */
enum st_copy_status {
    ST_COPY_STORED = 1, /* on the server's disk */
    ST_COPY_MAILBOX_FULL = 2,
    ST_COPY_NO_SUCH_DEVICE = 3, /* fetch the device list again */
    ST_COPY_UNAVAILABLE = 4     /* the store could not write; send it again */
};

enum st_bye_reason {
    ST_BYE_REPLACED = 1, /* a newer connection of this device took over */
    ST_BYE_DRAIN = 2,    /* the server goes down or restarts */
    ST_BYE_REVOKED = 3,
    ST_BYE_STRIKES = 4 /* too many malformed frames */
};

/* A frame with its header read. `body` is borrowed and not yet looked at. */
struct st_frame {
    uint8_t type;
    uint64_t request;
    struct st_view body;
};

/* Reads the header. ST_EMALFORMED: shorter than a header, flags not 0; ST_EREFUSED: another version;
 * ST_ELIMIT: longer than `frame_max`. The type is not judged here. */
enum st_err st_frame_open(struct st_view frame, size_t frame_max, struct st_frame *frame_r) ST_MUST_CHECK;

/* A row of the table of messages. */
struct st_message_type {
    uint8_t type;
    const char *from; /* "client", "server", "service" */
    const struct st_schema *schema;
};

/* The table row of a type, or NULL if there is no such type. */
const struct st_message_type *st_message_type(uint8_t type);

/* The two halves of the table, by rising type: what travels between client and server, and between services. */
const struct st_message_type *st_message_types(size_t *count_r);
const struct st_message_type *st_service_message_types(size_t *count_r);

/* Reads the body of `frame` into the C struct of its type (proto/st_messages.h, proto/st_internal.h). The caller has
 * looked at frame->type and passes the struct that belongs to it. */
enum st_err st_frame_read(const struct st_frame *frame, void *msg_r) ST_MUST_CHECK;

/* Appends a whole frame, header and map, to `out`. */
enum st_err st_frame_write(enum st_type type, uint64_t request, const void *msg, struct st_buf *out) ST_MUST_CHECK;

/* Appends an `error` frame. `sentence` is for people; it is cut at ST_SENTENCE_MAX. `retry_after_s` 0 = not given. */
enum st_err st_error_write(uint64_t request, enum st_code code, const char *sentence, uint64_t retry_after_s,
                           struct st_buf *out) ST_MUST_CHECK;

/* The name of a code, as docs and logs write it, for instance "rate_limited"; "unknown" for no code of ours. */
const char *st_code_name(uint64_t code);

#endif
