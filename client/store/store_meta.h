/* What the store knows about its own account: facts, settings, long-term secrets, the generation counter. */
#ifndef CLIENT_STORE_STORE_META_H
#define CLIENT_STORE_STORE_META_H

#include "client/store/store_db.h"

/* The numbers are on disk: only ever add. The comment says what lies under it. */
enum store_meta {
    STORE_META_NAME = 1,           /* text: login name */
    STORE_META_SERVER = 2,         /* text: safetalk://HOST:PORT#KEY */
    STORE_META_ENDPOINTS = 3,      /* bytes, the core's own form */
    STORE_META_SERVER_ID = 4,      /* bytes */
    STORE_META_ACCT_ID = 5,        /* 16 bytes */
    STORE_META_DEV_ID = 6,         /* u64 */
    STORE_META_BIRTH = 7,          /* 8 bytes: seconds(4) ‖ random(4); drawn at creation and by store_wipe_ratchets */
    STORE_META_KNOWN_COUNTER = 8,  /* u64: raised with each change of a `known` list */
    STORE_META_GENERATION = 9,     /* u64: through store_generation_next only */
    STORE_META_OWN_LIST_SEQ = 10,  /* u64: the newest list of our own account that we signed or took */
    STORE_META_LAST_SYNC_MS = 11,  /* u64: wall clock */
    STORE_META_TK_PUBLIC = 12,     /* 32 bytes */
    STORE_META_AK_PUBLIC = 13,     /* 32 bytes */
    STORE_META_DEVICE_NAME = 14,   /* text */
    STORE_META_TK_CREATED_MS = 15, /* u64 */
    STORE_META_POLICY = 16,        /* bytes: the server's policy as last told */
    STORE_META_NO_OPK_COUNT = 17,  /* u64 */
    STORE_META_EXPOSE_NEXT_MS = 18, /* u64: when the next batch of used MAC keys goes out */
    STORE_META_LIST_SIGNED_MS = 19, /* u64: when we last signed our own list (renewed weekly) */
    STORE_META_MAX = 63
};

enum { STORE_META_VALUE_MAX = 65536, STORE_SETTING_NAME_MAX = 64 };

/* Appends the value to `out`. ST_ENOTFOUND: never set. ST_ELIMIT: larger than `out` may hold. */
enum st_err store_meta_get(struct store *store, enum store_meta key, struct st_buf *out) ST_MUST_CHECK;
/* As store_meta_get for a value of exactly `len` bytes; another length is ST_EFOREIGN. */
enum st_err store_meta_get_exact(struct store *store, enum store_meta key, void *out, size_t len) ST_MUST_CHECK;
/* `*value_r` is 0 if it was never set (ST_OK). */
enum st_err store_meta_get_u64(struct store *store, enum store_meta key, uint64_t *value_r) ST_MUST_CHECK;
/* ST_ELIMIT above STORE_META_VALUE_MAX bytes. */
enum st_err store_meta_put(struct store *store, enum store_meta key, struct st_view value) ST_MUST_CHECK;
enum st_err store_meta_put_u64(struct store *store, enum store_meta key, uint64_t value) ST_MUST_CHECK;
enum st_err store_meta_delete(struct store *store, enum store_meta key) ST_MUST_CHECK;

/* Settings by name (at most STORE_SETTING_NAME_MAX bytes), values as above. */
enum st_err store_setting_get(struct store *store, const char *name, struct st_buf *out) ST_MUST_CHECK;
enum st_err store_setting_put(struct store *store, const char *name, struct st_view value) ST_MUST_CHECK;
enum st_err store_setting_delete(struct store *store, const char *name) ST_MUST_CHECK;

/* Long-term secrets, 32 bytes each. The numbers are on disk. */
enum store_secret {
    STORE_SECRET_AK_SEED = 1, /* only on a device that manages the list */
    STORE_SECRET_DSK_SEED = 2,
    STORE_SECRET_DIK = 3,
    STORE_SECRET_TK = 4
};
enum { STORE_SECRET_BYTES = 32 };

/* Returns new: STORE_SECRET_BYTES in sodium_malloc memory, to be given to sodium_free. ST_ENOTFOUND; *secret_r is
 * NULL on failure. */
enum st_err store_secret_get(struct store *store, enum store_secret which, uint8_t **secret_r) ST_MUST_CHECK;
enum st_err store_secret_put(struct store *store, enum store_secret which,
                             const uint8_t secret[static STORE_SECRET_BYTES]) ST_MUST_CHECK;
enum st_err store_secret_delete(struct store *store, enum store_secret which) ST_MUST_CHECK;

/* The generation (A.9, rollback): belongs into every transaction that sends or acks. The first call in a transaction
 * raises the counter, further ones give the same number. */
enum st_err store_generation_next(struct store *store, uint64_t *generation_r) ST_MUST_CHECK;
/* The committed or just raised number; 0 in a new store. */
enum st_err store_generation_get(struct store *store, uint64_t *generation_r) ST_MUST_CHECK;
/* HMAC-SHA-256( HKDF-SHA-256(salt empty, ikm K_db, info "SafeTalk/1 generation", 32), acct ‖ dev(4) ‖ generation(8) ):
 * what the relay keeps beside the number. Compare with sodium_memcmp. */
void store_generation_tag(const struct store *store, const struct store_device *own, uint64_t generation,
                          uint8_t tag_r[static 32]);

/* Rollback found (A.9): erases all sessions, prekeys, remembered initial keys and pending exposures, draws a new
 * birth and sets the known counter to 0. Contacts, chats, messages, outbox and the next prekey ids stay. */
enum st_err store_wipe_ratchets(struct store *store) ST_MUST_CHECK;

/* Inside the store: draws a new STORE_META_BIRTH and sets the known counter to 0. */
enum st_err store_meta_draw_birth(struct store *store) ST_MUST_CHECK;

#endif
