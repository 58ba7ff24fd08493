/* Every size and count that the wire fixes, in one place. docs/PROTOCOL.md prints them. */
#ifndef ST_LIMITS_H
#define ST_LIMITS_H

enum {
    /* Sizes of fixed fields, bytes */
    ST_ACCT_LEN = 16,    /* account id */
    ST_MSG_ID_LEN = 16,  /* message id, chosen by the sender */
    ST_BLOB_ID_LEN = 16, /* attachment id, random */
    ST_NONCE_LEN = 16,
    ST_KEY_LEN = 32,        /* any public key */
    ST_SIG_LEN = 64,        /* Ed25519 signature */
    ST_EPOCH_LEN = 8,       /* store epoch */
    ST_TOKEN_LEN = 24,      /* mailbox entry token: store epoch (8) ‖ entry id (16) */
    ST_GENERATION_LEN = 40, /* counter (8) ‖ tag (32) */
    ST_SERVER_ID_LEN = 16,
    ST_HASH_LEN = 32,
    ST_INVITE_LEN = 12, /* characters of an invite code, normal form, without dashes */
    ST_ADDR_LEN = 16,   /* client address as the server keeps it: IPv6 or mapped IPv4 */

    /* OPAQUE, RFC 9807 with ristretto255-SHA512 */
    ST_OPAQUE_REQUEST_LEN = 32,
    ST_OPAQUE_RESPONSE_LEN = 64,
    ST_OPAQUE_RECORD_LEN = 192,
    ST_KE1_LEN = 96,
    ST_KE2_LEN = 320,
    ST_KE3_LEN = 64,

    /* Frames */
    ST_HEADER_LEN = 12,
    ST_FRAME_MAX = 98304,      /* device endpoint and between services */
    ST_ENROL_FRAME_MAX = 4096, /* enrol endpoint, before anybody is known */
    ST_PUSH_FRAME_MAX = 98304,

    /* Texts, bytes */
    ST_NAME_MIN = 3,
    ST_NAME_MAX = 32,
    ST_DEVICE_NAME_MAX = 32,
    ST_HOST_MAX = 255,
    ST_SENTENCE_MAX = 200, /* the human sentence of an error */

    /* SafeTalk/1 envelopes, bytes: 128 + 256 + 32 up to 284 + 65,536 + 32 */
    ST_ENVELOPE_MIN = 416,
    ST_ENVELOPE_MAX = 65852,

    /* Device lists as they travel: body (73 + 76n) ‖ signature (64) ‖ n accept signatures (64), n from 1 to 8 */
    ST_DEVICES_MAX = 8,
    ST_LIST_MIN = 73 + 76 + 64 + 64,
    ST_LIST_MAX = 73 + 76 * 8 + 64 + 64 * 8,
    ST_LISTS_MAX = 8, /* lists in one answer or one put_list */

    /* Counts in one frame */
    ST_COPIES_MAX = 16,
    ST_ACCEPTED_MAX = 256,
    ST_PUSH_ITEMS_MAX = 100,
    ST_ACK_TOKENS_MAX = 256,
    ST_OPK_UPLOAD_MAX = 100,
    ST_OPK_STORED_MAX = 200,
    ST_EXPOSE_MAX = 64,
    ST_EPOCHS_MAX = 256,
    ST_ENDPOINTS_MAX = 16,
    ST_TK_CHECK_MAX = 256,
    ST_ALIVE_MAX = 256,

    /* Attachments */
    ST_BLOB_CHUNK_MAX = 65600,            /* 64 KiB of plaintext, sealed: 65,553, and 24 more for the first */
    ST_BLOB_CHUNKS_MAX = 1025,            /* 64 MiB, and one for the padding */
    ST_BLOB_BYTES_MAX = 68 * 1024 * 1024, /* sealed and padded */
    ST_BLOB_BITMAP_MAX = 129              /* one bit a chunk, the first in the highest bit of byte 0 */
};

/* Policy defaults of the server (configurable) */
enum {
    ST_MAILBOX_ENTRIES_MAX = 10000,
    ST_MAILBOX_BYTES_MAX = 64 * 1024 * 1024,
    ST_PUSH_CREDIT_ENTRIES = 256, /* un-acked entries in flight to one device */
    ST_PUSH_CREDIT_BYTES = 1024 * 1024,
    ST_PUSH_AGAIN_MS = 30 * 1000, /* what is not acked by then is pushed again */
    ST_PRESENCE_LEASE_MS = 90 * 1000,
    ST_PING_INTERVAL_MS = 30 * 1000,
    ST_RETENTION_DAYS = 30
};

#endif
