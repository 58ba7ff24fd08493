/* Attachments of messages: where the encrypted blob lies, its key, and how far a transfer has come. */
#ifndef CLIENT_STORE_STORE_ATTACHMENT_H
#define CLIENT_STORE_STORE_ATTACHMENT_H

#include "client/store/store_db.h"

enum {
    STORE_BLOB_ID_BYTES = 16,
    STORE_FILE_NAME_MAX = 255,
    STORE_MIME_MAX = 127,
    STORE_PATH_MAX = 4095,
    STORE_ATTACHMENTS_MAX = 16, /* of one message */
    STORE_CHUNKS_MAX = 2048,    /* of one blob: 64 MiB in chunks of 64 KiB, with padding to spare */
    STORE_CHUNK_MAP_BYTES = STORE_CHUNKS_MAX / 8
};

/* On disk: only ever add. */
enum store_attachment_state {
    STORE_ATTACHMENT_REMOTE = 0,
    STORE_ATTACHMENT_PARTIAL = 1,
    STORE_ATTACHMENT_LOCAL = 2,
    STORE_ATTACHMENT_EXPIRED = 3
};

struct store_attachment {
    int64_t message; /* row */
    uint32_t index;  /* from 1: MESSAGE.N */
    uint8_t blob_id[STORE_BLOB_ID_BYTES];
    uint8_t key[32];      /* of the blob; the caller wipes it */
    uint8_t digest[32];   /* SHA-256 of the ciphertext */
    uint8_t sha256[32];   /* SHA-256 of the plain file */
    uint64_t plain_bytes; /* size of the file */
    uint64_t blob_bytes;  /* size of the ciphertext */
    uint32_t chunks;      /* of the ciphertext, at most STORE_CHUNKS_MAX */
    uint32_t chunks_done; /* uploaded or downloaded; out only */
    bool upload;          /* ours, going up; else coming down */
    bool finished;        /* the transfer is complete (uploaded, or verified and in place) */
    enum store_attachment_state state;
    int64_t expires_at_ms; /* 0: unknown */
    char name[STORE_FILE_NAME_MAX + 1];
    char mime[STORE_MIME_MAX + 1];
    char path[STORE_PATH_MAX + 1]; /* of the plain file or what is encrypted from it; empty: none */
};

/* ST_EEXISTS: this index of the message is there. ST_ELIMIT: index 0 or above STORE_ATTACHMENTS_MAX, too many chunks, a
 * text without NUL. */
enum st_err store_attachment_add(struct store *store, const struct store_attachment *attachment) ST_MUST_CHECK;
enum st_err store_attachment_get(struct store *store, int64_t message, uint32_t index,
                                 struct store_attachment *out) ST_MUST_CHECK;
/* `path` NULL: stays as it is. */
enum st_err store_attachment_set_state(struct store *store, int64_t message, uint32_t index,
                                       enum store_attachment_state state, const char *path) ST_MUST_CHECK;
/* A blob that is uploaded again under another id. */
enum st_err store_attachment_set_blob(struct store *store, int64_t message, uint32_t index,
                                      const uint8_t blob_id[static STORE_BLOB_ID_BYTES]) ST_MUST_CHECK;

/* One chunk has arrived at its other end (0 … chunks − 1; else ST_ELIMIT). Twice is fine. */
enum st_err store_attachment_chunk_done(struct store *store, int64_t message, uint32_t index,
                                        uint32_t chunk) ST_MUST_CHECK;
/* Which chunks are done: bit (chunk & 7) of byte (chunk >> 3). */
enum st_err store_attachment_get_chunks(struct store *store, int64_t message, uint32_t index,
                                        uint8_t map_r[static STORE_CHUNK_MAP_BYTES]) ST_MUST_CHECK;
/* Forgets all chunks, for a transfer that starts again; `finished` becomes false. */
enum st_err store_attachment_reset(struct store *store, int64_t message, uint32_t index) ST_MUST_CHECK;
enum st_err store_attachment_finish(struct store *store, int64_t message, uint32_t index) ST_MUST_CHECK;

typedef enum st_err (*store_attachment_fn)(void *ctx, const struct store_attachment *attachment);
/* Of one message by index. */
enum st_err store_attachment_each(struct store *store, int64_t message, store_attachment_fn fn,
                                  void *ctx) ST_MUST_CHECK;
/* Transfers that are not finished: uploads, or downloads in state partial; oldest first. */
enum st_err store_attachment_each_open(struct store *store, bool upload, store_attachment_fn fn,
                                       void *ctx) ST_MUST_CHECK;

#endif
