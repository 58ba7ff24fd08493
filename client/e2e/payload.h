/* What a SafeTalk/1 envelope carries (CRYPTO 8 and 9): a canonical MessagePack map, padded and encrypted. Every
 * payload says who holds which sessions and lists; the body depends on the type and travels as bytes, so that a type
 * that this version does not know can be kept and shown as such. */
#ifndef CLIENT_E2E_PAYLOAD_H
#define CLIENT_E2E_PAYLOAD_H

#include "client/e2e/e2e_set.h"
#include "lib/st_bytes.h"
#include "lib/st_err.h"
#include "proto/st_limits.h"
#include "proto/st_schema.h"

enum {
    PAYLOAD_SID_LEN = 16,
    PAYLOAD_BIRTH_LEN = 8,
    PAYLOAD_HASH16_LEN = 16,
    PAYLOAD_KNOWN_SIDS_MAX = 4,
    PAYLOAD_TEXT_MAX = 65000,
    PAYLOAD_ATTACHMENTS_MAX = 16,
    PAYLOAD_RECEIPTS_MAX = 256,
    PAYLOAD_FILE_NAME_MAX = 255,
    PAYLOAD_MIME_MAX = 127,
    PAYLOAD_MAX = 65535 /* what padding leaves of the largest bucket */
};

/* Numbers are for ever. */
enum payload_type {
    PAYLOAD_TEXT = 1,         /* struct payload_text */
    PAYLOAD_RECEIPT = 2,      /* struct payload_receipt */
    PAYLOAD_START_CHAT = 3,   /* struct payload_nonce: asks for a ratchet step */
    PAYLOAD_CONFIRM_CHAT = 4, /* struct payload_nonce: is the step */
    PAYLOAD_EMPTY = 5,        /* struct payload_empty: a ratchet step, or only the news in the head */
    PAYLOAD_CANNOT_READ = 6,  /* struct payload_cannot_read: a session is lost */
    PAYLOAD_GAP = 7,          /* struct payload_gap: these numbers of yours never came */
    PAYLOAD_BLOB_MISSING = 8  /* struct payload_blob_missing: upload it again */
};

struct payload {
    uint32_t has;
    uint64_t type;         /* 1: enum payload_type, or one that we do not know */
    struct st_view id;     /* 2: message id, the same in all copies */
    uint64_t seq;          /* 3: the sending device's number in this conversation, from 1; 0 = not shown to people */
    uint64_t sent_at_ms;   /* 4 */
    uint64_t own_list_seq; /* 5: newest device list of the sender's own account */
    struct st_view own_list_hash;  /* 6: its hash16 */
    uint64_t peer_list_seq;        /* 7: newest list of the recipient's account that the sender has */
    struct st_view peer_list_hash; /* 8 */
    struct st_view known_birth;    /* 9: store birth of the sender */
    uint64_t known_counter;        /* 10 */
    struct st_records known_sids;  /* 11: list of session ids; empty = only the one that this came on */
    struct st_view chat;           /* 12?: in a copy for one's own other devices: the account that was written to */
    struct st_view body;           /* 13 */
};

struct payload_attachment {
    uint32_t has;
    struct st_view blob;   /* 1 */
    struct st_view key;    /* 2: secret */
    struct st_view digest; /* 3: SHA-256 of the ciphertext */
    struct st_view sha256; /* 4: of the plain file */
    uint64_t bytes;        /* 5: of the plain file */
    uint64_t sealed_bytes; /* 6: of the ciphertext */
    uint64_t chunks;       /* 7 */
    struct st_view name;   /* 8 */
    struct st_view mime;   /* 9 */
};

struct payload_text {
    uint32_t has;
    struct st_view text;           /* 1: may be empty if there are attachments */
    struct st_records attachments; /* 2?: struct payload_attachment */
};

struct payload_receipt {
    uint32_t has;
    uint64_t state;        /* 1: 1 delivered, 2 read */
    struct st_records ids; /* 2: list of message ids */
};

struct payload_nonce {
    uint32_t has;
    struct st_view nonce; /* 1 */
};

struct payload_empty {
    uint32_t has;
};

struct payload_cannot_read {
    uint32_t has;
    struct st_view sid; /* 1 */
};

struct payload_gap {
    uint32_t has;
    uint64_t first; /* 1 */
    uint64_t last;  /* 2 */
};

struct payload_blob_missing {
    uint32_t has;
    struct st_view blob; /* 1 */
};

extern const struct st_schema payload_schema_attachment;

/* Appends the payload. The views of `payload` are borrowed. ST_ELIMIT if it is larger than PAYLOAD_MAX. */
enum st_err payload_write(const struct payload *payload, struct st_buf *out) ST_MUST_CHECK;

/* Reads one; views point into `bytes`. ST_EMALFORMED. The body is not looked at. */
enum st_err payload_read(struct st_view bytes, struct payload *payload_r) ST_MUST_CHECK;

/* Writes and reads a body by the type of its payload; `body` is the struct named there. ST_ENOTFOUND: a type that this
 * version does not know. */
enum st_err payload_body_write(enum payload_type type, const void *body, struct st_buf *out) ST_MUST_CHECK;
enum st_err payload_body_read(uint64_t type, struct st_view bytes, void *body_r) ST_MUST_CHECK;

/* Puts `known` (e2e_set_known) into a payload that is to be written; borrows it until then. */
void payload_known_put(struct payload *payload, const struct e2e_known *known);

/* Takes it out of one that was read, for e2e_set_apply_known. ST_EMALFORMED if the session ids do not rise strictly. */
enum st_err payload_known_get(const struct payload *payload, struct e2e_known *known_r) ST_MUST_CHECK;

#endif
