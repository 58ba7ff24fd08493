/* Device lists (CRYPTO 4): which devices an account has, signed by its account key (AK) and accepted by each
 * device's own signing key (DSK). The auth service and the client link this library, and nothing else of SafeTalk/1.
 *
 *     body = acct_id(16) ‖ seq(8) ‖ prev_hash(32) ‖ issued(8) ‖ expires(8) ‖ n(1) ‖ n × { dev_id(4) ‖ DSK(32) ‖ DIK(32)
 * ‖ added(8) } wire = body ‖ AK's signature(64) ‖ n × acceptance signature(64), in the order of the devices
 *
 * Times are Unix seconds. Nothing here does I/O or reads a clock. Everything is public data, except where said. */
#ifndef ST_DEVLIST_H
#define ST_DEVLIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/devlist/st_label.h"
#include "lib/st_bytes.h"
#include "lib/st_err.h"

enum {
    ST_ACCT_BYTES = 16,
    ST_X25519_BYTES = 32,
    ST_DEVLIST_HASH_BYTES = 32,
    ST_DEVLIST_HASH16_BYTES = 16, /* the start of the hash, as payloads carry it */
    ST_DEVLIST_DEVICES_MAX = 8,
    ST_DEVLIST_HEAD_BYTES = 73,
    ST_DEVLIST_ENTRY_BYTES = 76,
    ST_DEVLIST_BODY_MAX = ST_DEVLIST_HEAD_BYTES + ST_DEVLIST_DEVICES_MAX * ST_DEVLIST_ENTRY_BYTES,
    ST_DEVLIST_WIRE_MIN = ST_DEVLIST_HEAD_BYTES + ST_DEVLIST_ENTRY_BYTES + 2 * ST_SIG_BYTES,
    ST_DEVLIST_WIRE_MAX = ST_DEVLIST_BODY_MAX + (1 + ST_DEVLIST_DEVICES_MAX) * ST_SIG_BYTES,
    ST_DEVLIST_LIFE_MAX_S = 30 * 86400, /* expires - issued, at most */
    ST_DEVLIST_AHEAD_MAX_S = 86400      /* issued may be this far ahead of our clock */
};

/* The highest seq: what one integer of the wire can carry. */
#define ST_DEVLIST_SEQ_MAX (UINT64_C(1) << 53)

struct st_device {
    uint32_t dev_id;
    uint8_t dsk[ST_SIGN_PUB_BYTES]; /* Ed25519, device signing key */
    uint8_t dik[ST_X25519_BYTES];   /* X25519, device identity key */
    uint64_t added;                 /* when it joined */
};

struct st_devlist {
    uint8_t acct_id[ST_ACCT_BYTES];
    uint64_t seq; /* 1 for the first */
    uint8_t prev_hash[ST_DEVLIST_HASH_BYTES];
    uint64_t issued;
    uint64_t expires;                                 /* the last second in which it is fresh */
    uint8_t count;                                    /* devices in use, 1 to 8 */
    struct st_device devices[ST_DEVLIST_DEVICES_MAX]; /* dev_id rises strictly */
    uint8_t sig[ST_SIG_BYTES];
    uint8_t accept[ST_DEVLIST_DEVICES_MAX][ST_SIG_BYTES];
};

/* acct_id = SHA-256( L("SafeTalk/1 account-id") ‖ AK )[0..16]. */
void st_devlist_acct_id(uint8_t out[static ST_ACCT_BYTES], const uint8_t ak[static ST_SIGN_PUB_BYTES]);

/* Writes the body into `out`, which holds ST_DEVLIST_BODY_MAX bytes, and its length into *out_len.
 * ST_EMALFORMED if `count` is not 1 to 8 (then the length is 0). */
enum st_err st_devlist_body(const struct st_devlist *list, uint8_t out[static ST_DEVLIST_BODY_MAX],
                            size_t *out_len) ST_MUST_CHECK;

/* Appends the list as it travels. ST_EMALFORMED as above, or the buffer's error. */
enum st_err st_devlist_write(const struct st_devlist *list, struct st_buf *out) ST_MUST_CHECK;

/* Reads a list as it travels: exact length, n 1 to 8, dev_id rising strictly. Checks no signature and no meaning.
 * ST_EMALFORMED, and *out_r is then all zero. */
enum st_err st_devlist_parse(struct st_view wire, struct st_devlist *out_r) ST_MUST_CHECK;

/* SHA-256( body ‖ sig ): the next list's prev_hash; its first 16 bytes are hash16. ST_EMALFORMED on a bad count. */
enum st_err st_devlist_hash(const struct st_devlist *list, uint8_t out[static ST_DEVLIST_HASH_BYTES]) ST_MUST_CHECK;

/* The device with that id, borrowed from the list, or NULL. */
const struct st_device *st_devlist_find(const struct st_devlist *list, uint32_t dev_id);

/* Signs the body with AK (secret, libsodium's 64-byte form) into list->sig. */
enum st_err st_devlist_sign(struct st_devlist *list,
                            const uint8_t ak_secret[static ST_SIGN_SECRET_BYTES]) ST_MUST_CHECK;

/* The acceptance: the device's DSK signs acct_id ‖ dev_id ‖ AK ‖ DIK. Uses dev_id and dik of `device`. */
enum st_err st_devlist_accept_sign(uint8_t sig[static ST_SIG_BYTES],
                                   const uint8_t dsk_secret[static ST_SIGN_SECRET_BYTES],
                                   const uint8_t ak[static ST_SIGN_PUB_BYTES],
                                   const struct st_device *device) ST_MUST_CHECK;

/* Checks it under the device's DSK. ST_EINTEGRITY. */
enum st_err st_devlist_accept_check(const uint8_t sig[static ST_SIG_BYTES], const uint8_t ak[static ST_SIGN_PUB_BYTES],
                                    const struct st_device *device) ST_MUST_CHECK;

/* Everything a list must be by itself, without a past and without a clock: acct_id is that of AK; seq 1 has no past and
 * every later one has; seq 1 to ST_DEVLIST_SEQ_MAX; 0 < life <= 30 days; order; no DIK of low order; AK's signature and
 * every acceptance hold. ST_EMALFORMED, ST_EREFUSED (account, life, DIK) or ST_EINTEGRITY (a signature). */
enum st_err st_devlist_verify(const struct st_devlist *list, const uint8_t ak[static ST_SIGN_PUB_BYTES]) ST_MUST_CHECK;

/* ---- The server's side ---- */

/* May `next` be stored after `stored` (NULL: nothing is stored yet, then only seq 1 will do)? It is verified first, and
 * must say seq + 1 and the stored list's hash, and change no device that stays. With `newest` it must also be fresh at
 * `now_s`; in a chain of lists only the last one is. `stored` and the AK come from the database.
 *   ST_OK         store it, by compare-and-set on seq and prev_hash
 *   ST_EEXISTS    it is the stored list itself, byte for byte (a repeated request)
 *   ST_ECONFLICT  another seq or past than the stored one's: answer with the stored list
 *   ST_EREFUSED, ST_EINTEGRITY, ST_EMALFORMED  as st_devlist_verify; EREFUSED also when expired, issued more than a day
 *                 ahead, or when a device that stays changed a key or its time
 * That a removed dev_id never comes back is the caller's to hold (account.next_dev). */
enum st_err st_devlist_continues(const struct st_devlist *stored, const struct st_devlist *next,
                                 const uint8_t ak[static ST_SIGN_PUB_BYTES], uint64_t now_s, bool newest) ST_MUST_CHECK;

/* ---- The client's side ---- */

enum st_devlist_verdict {
    ST_DEVLIST_REJECT = 0, /* not a list to believe anything of */
    ST_DEVLIST_OK,         /* take it (or: it is the stored one, still fresh) */
    ST_DEVLIST_STALE,      /* genuine but expired: warn, take nothing new from it; on first contact it serves, with the
                              warning */
    ST_DEVLIST_GAP, /* genuine, more than one ahead: fetch the lists between, judge them in turn, then this one again */
    ST_DEVLIST_CHANGED /* genuine, but contradicts what is stored: block until the user confirms */
};

/* What the client knows when a list is offered. All pointers are borrowed. */
struct st_devlist_offer {
    const uint8_t *acct_id;          /* 16 bytes: the account that was asked for */
    const uint8_t *ak;               /* 32 bytes: the key that came with the list */
    struct st_view wire;             /* the list as it travels */
    const struct st_devlist *stored; /* the newest list taken so far; NULL on first contact */
    const struct st_device *seen;    /* every device ever seen in a list of this account that was taken, ... */
    size_t seen_count;               /* ... those of `stored` may be left out */
    uint64_t now_s;
    bool between; /* a list fetched to fill a gap: its expiry is not tested */
};

/* Judges an offered list. *list_r is the parsed list, all zero on ST_DEVLIST_REJECT. A dev_id once seen never changes
 * DSK, DIK or added, and never comes back after its removal. */
enum st_devlist_verdict st_devlist_judge(const struct st_devlist_offer *offer, struct st_devlist *list_r);

#endif
