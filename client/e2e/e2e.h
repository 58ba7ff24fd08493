/* SafeTalk/1 as the client core uses it: open a session, encrypt a copy, decrypt a copy. Everything is pure: no I/O, no
 * clock; randomness comes from the environment. What has to be stored or erased with a decrypted message is returned as
 * effects, for the caller to put into the same transaction.
 *
 * The life of one sent copy:  e2e_set_choose, e2e_set_known -> payload -> e2e_encrypt -> one transaction { saved set,
 *   ciphertext in the outbox } -> send.
 * The life of one received:   e2e_decrypt -> payload -> e2e_set_apply_known -> one transaction { saved set, dedupe row,
 *   plaintext, effects, mac_key for later } -> ack. */
#ifndef E2E_H
#define E2E_H

#include <stdbool.h>
#include <stdint.h>

#include "client/e2e/e2e_budget.h"
#include "client/e2e/e2e_identity.h"
#include "client/e2e/e2e_limits.h"
#include "client/e2e/e2e_set.h"
#include "lib/devlist/st_prekey.h"
#include "lib/st_bytes.h"
#include "lib/st_env.h"
#include "lib/st_err.h"

/* ---- Opening a session ---- */

/* What a session is started with. All borrowed. */
struct e2e_start {
    const struct e2e_self *self;
    const struct st_bundle *bundle; /* of the peer's device */
    const struct st_devlist *list;  /* the peer's verified list, and ... */
    const uint8_t *ak;              /* ... the 32 bytes of the account key it was verified with */
    bool bypass_held; /* sessions held so far are not sent on again (E2E_RENEW_NO_RECEIPTS, _CHAIN_FULL) */
    uint64_t now_s;
};

/* Starts a session with the bundle's device and chooses it if no other is known to be shared. Draws EK, r, m. The
 * bundle is checked here, on the same bytes that are used. ST_EREFUSED or ST_EINTEGRITY (bundle), ST_EREFUSED also if
 * it is for another device than the set's, ST_ENOMEM. Nothing changes then. */
enum st_err e2e_open_outgoing(struct e2e_set *set, const struct st_env *env,
                              const struct e2e_start *start) ST_MUST_CHECK;

/* ---- Sending ---- */

/* Which message it became; (sid, R, n) also stands in the envelope. */
struct e2e_sent {
    uint8_t sid[E2E_SID_BYTES];
    uint8_t r[E2E_KEY_BYTES];
    uint32_t n;
    bool initial;               /* still a type 1 */
    uint8_t th[E2E_HASH_BYTES]; /* the session's transcript hash, which the tag covers (for `deny transcript`) */
};

/* Encrypts `plain` (at most E2E_PLAIN_MAX bytes) on the session that e2e_set_choose names at `now_s` and appends the
 * envelope to `out`. ST_ENOTFOUND without a session to send on, ST_ELIMIT if the plaintext, the chain (9,999) or `out`
 * is full. Nothing changes then. */
enum st_err e2e_encrypt(struct e2e_set *set, const struct st_env *env, struct st_view plain, uint64_t now_s,
                        struct st_buf *out, struct e2e_sent *sent_r) ST_MUST_CHECK;

/* ---- Receiving ---- */

/* How the receiving device reaches what lies in its store. Each returns ST_OK or ST_ENOTFOUND; anything else is an
 * error of the store and ends e2e_decrypt with that error, nothing changed. */
struct e2e_prekeys {
    void *ctx;
    /* The pair of an own signed prekey, or of a one-time prekey of it. */
    enum st_err (*spk)(void *ctx, uint32_t spk_id, struct e2e_pair *pair_r);
    enum st_err (*opk)(void *ctx, uint32_t opk_id, struct e2e_pair *pair_r);
    /* Is SHA-256(EK) among those remembered (for as long as their SPK is held)? */
    enum st_err (*ek_seen)(void *ctx, const uint8_t ek_hash[static E2E_HASH_BYTES]);
};

/* One copy that came in. All borrowed. */
struct e2e_incoming {
    const struct e2e_self *self;
    const uint8_t *from_acct; /* 16 bytes and a device: as the relay says. They must be the set's */
    uint32_t from_dev;
    const struct e2e_ident *listed; /* that device in the sender's verified list; NULL: no list at hand, or not in it */
    const struct e2e_prekeys *prekeys;
    struct e2e_budget *account_budget; /* of the sending account: for initial messages without a session */
    struct st_view envelope;
    uint64_t now_s;
};

/* What became of it. The first two move the session on; all others leave it as it was. */
enum e2e_verdict {
    E2E_READ = 0,
    E2E_UNREADABLE,      /* right tag, bad padding: store as unreadable, ack */
    E2E_REPLAY,          /* was read before, or can never be read any more: ack; a receipt may be owed again */
    E2E_WRONG_TAG,       /* ack. Never starts a session */
    E2E_UNKNOWN_SESSION, /* ack; if the device is listed, tell it: cannot_read */
    E2E_UNKNOWN_PREKEY,  /* error to the sender, ack */
    E2E_KNOWN_EK,        /* a replayed initial message whose session is gone: ack; cannot_read as above */
    E2E_MALFORMED,       /* breaks the format or the rules, or says another sender than the relay: ack */
    E2E_BEYOND_SKIP,     /* hold, try again after each message that is read */
    E2E_PAUSED,          /* hold */
    E2E_LIST_MISSING,    /* hold: fetch the sender's device list */
    E2E_VERDICT_COUNT
};

/* Is a copy with this verdict held un-acked? */
bool e2e_verdict_is_held(enum e2e_verdict verdict);

/* A few English words for the log. Returns a static string. */
const char *e2e_verdict_text(enum e2e_verdict verdict);

struct e2e_received {
    enum e2e_verdict verdict;
    /* Of every well-formed envelope: the key of the dedupe row. */
    uint8_t sid[E2E_SID_BYTES];
    uint8_t r[E2E_KEY_BYTES];
    uint32_t n;
    /* With E2E_READ and E2E_UNREADABLE: to be stored in the same transaction, exposed later. Secret until then. */
    uint8_t mac_key[E2E_KEY_BYTES];
    uint8_t exposed_hash[E2E_HASH_BYTES];
    uint8_t th[E2E_HASH_BYTES]; /* the session's transcript hash, which the tag covers */
    /* Effects, to be done in the same transaction. */
    bool opened;       /* this message opened the session; then: */
    bool no_opk;       /* without a one-time prekey: answer at once with an empty message, if the account is accepted */
    uint32_t opk_used; /* erase this one-time prekey; 0: none */
    uint32_t spk_id;   /* remember ek_hash for as long as this signed prekey is held */
    uint8_t ek_hash[E2E_HASH_BYTES];
    /* The session's sender, the only one to be shown: acct_id and device of the set. */
    uint8_t sender_acct[ST_ACCT_BYTES];
    uint32_t sender_dev;
};

/* Decrypts one copy. `plain` is cleared; with E2E_READ it holds the plaintext (its limit must be at least E2E_PAD_MAX).
 * ST_OK whenever there is a verdict; ST_ENOMEM, or the store's error, with nothing changed. Wipe *received_r and
 * `plain` after use. */
enum st_err e2e_decrypt(struct e2e_set *set, const struct e2e_incoming *incoming, struct st_buf *plain,
                        struct e2e_received *received_r) ST_MUST_CHECK;

#endif
