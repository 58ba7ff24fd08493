/* The ratchet of one session (CRYPTO 7 and 8): the Double Ratchet with one Diffie-Hellman more for every
 * message, from a fresh e_n to the receiver's M.
 *
 * Pure: no I/O, no clock; randomness comes from the environment, in the order r, m (when a step is due), then e.
 * A call that does not succeed leaves the state as it was. All of the struct is secret and belongs to the functions
 * here; callers read the few fields marked so. */
#ifndef RATCHET_H
#define RATCHET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/e2e/e2e_envelope.h"
#include "client/e2e/e2e_identity.h"
#include "client/e2e/e2e_limits.h"
#include "lib/st_bytes.h"
#include "lib/st_env.h"
#include "lib/st_err.h"

enum {
    /* Of R, what is remembered of a closed chain without keys. Enough that a fresh R is taken for an old one once in
     * 2^42 steps, and short, since this is most of a saved session. */
    RATCHET_GONE_BYTES = 6
};

/* An own M. The responder's first one is its signed prekey, which is kept by reference only. */
struct ratchet_own {
    bool is_spk;                   /* then `secret` is unused */
    uint8_t secret[E2E_KEY_BYTES]; /* m */
    uint8_t pub[E2E_KEY_BYTES];    /* M */
};

/* A receiving chain: what the peer sends under one R, and the own M that it answers to. */
struct ratchet_chain {
    uint32_t id; /* counts the receiving chains of the session */
    uint64_t closed_s;
    uint8_t r[E2E_KEY_BYTES];
    uint8_t m[E2E_KEY_BYTES];
    struct ratchet_own own;
};

/* The partial key P_n of a message that has not come yet. */
struct ratchet_key {
    uint32_t chain; /* id of its receiving chain */
    uint32_t n;
    uint8_t p[E2E_KEY_BYTES];
};

struct ratchet {
    uint8_t th[E2E_HASH_BYTES];
    uint8_t rk[E2E_KEY_BYTES];
    /* The newest own epoch. */
    bool r_held; /* r is there: the peer has not answered yet */
    bool step_due;
    uint8_t r_secret[E2E_KEY_BYTES]; /* unused while own.is_spk: then r is the signed prekey too */
    uint8_t r_pub[E2E_KEY_BYTES];
    struct ratchet_own own;
    /* The sending chain. */
    bool sending;
    uint8_t ck_send[E2E_KEY_BYTES];
    uint32_t sent;    /* readable: messages in the sending chain so far */
    uint32_t sent_pn; /* length of the one before */
    /* The peer's newest epoch, and the receiving chain that is open. Before there is one, r and m hold the signed
     * prekey. */
    bool receiving;
    struct ratchet_chain peer;
    uint8_t ck_recv[E2E_KEY_BYTES];
    uint32_t received; /* next n to derive */
    uint32_t next_chain;
    /* Closed chains that still have keys, oldest first; and the keys, oldest first. Owned. */
    struct ratchet_chain *old;
    size_t old_count;
    size_t old_cap;
    struct ratchet_key *keys;
    size_t key_count;
    size_t key_cap;
    /* The first bytes of R of closed chains without keys, oldest first. */
    uint8_t gone[E2E_OLD_CHAINS_MAX][RATCHET_GONE_BYTES];
    size_t gone_count;
};

enum ratchet_verdict {
    RATCHET_READ = 0,
    RATCHET_UNREADABLE, /* the tag is right, the padding is not: the state has moved on */
    RATCHET_REPLAY,     /* (R, n) was used, or will never be readable any more */
    RATCHET_WRONG_TAG,
    RATCHET_REFUSED,     /* pn too low, second step, own R, another M under the same R, a low-order point */
    RATCHET_BEYOND_SKIP, /* more than 1,000 messages passed over: hold it, others may close the gap */
    RATCHET_NO_PREKEY    /* it needs the signed prekey, which is gone */
};

/* What an opened message leaves: its MAC key, to be exposed later. */
struct ratchet_opened {
    uint8_t mac_key[E2E_KEY_BYTES];
};

/* The initiator's first state. Draws r, then m. `sk` and `th` are X3DH's, `spk` the peer's signed prekey.
 * ST_EREFUSED if it is of low order. */
enum st_err ratchet_init_initiator(struct ratchet *ratchet, const struct st_env *env,
                                   const uint8_t th[static E2E_HASH_BYTES], const uint8_t sk[static E2E_KEY_BYTES],
                                   const uint8_t spk[static E2E_KEY_BYTES]) ST_MUST_CHECK;

/* The responder's: R = M = its own signed prekey `spk`. Cannot fail. */
void ratchet_init_responder(struct ratchet *ratchet, const uint8_t th[static E2E_HASH_BYTES],
                            const uint8_t sk[static E2E_KEY_BYTES], const uint8_t spk[static E2E_KEY_BYTES]);

/* Wipes and frees. An all-zero ratchet is fine. */
void ratchet_deinit(struct ratchet *ratchet);

/* What one message is sealed with besides the state. */
struct ratchet_sealing {
    const uint8_t *sid;   /* 16 */
    const uint8_t *block; /* 156: make it an initial message; NULL: an ordinary one */
    struct st_view plain;
};

/* Encrypts one message: appends the whole envelope to `out`. Does the ratchet step first if one is due.
 * ST_ELIMIT if the chain is full (n would be 9,999), the plaintext is longer than E2E_PLAIN_MAX, or `out` is;
 * ST_EREFUSED if nothing has been received yet on a responder's side; ST_ENOMEM. */
enum st_err ratchet_seal(struct ratchet *ratchet, const struct st_env *env, const struct ratchet_sealing *what,
                         struct st_buf *out) ST_MUST_CHECK;

/* How a message is opened. */
struct ratchet_opening {
    const struct e2e_envelope *envelope;
    const uint8_t *spk_secret; /* 32: the session's signed prekey; NULL if it is gone (or on the initiator's side) */
    uint64_t now_s;
};

/* Decrypts one message: *verdict_r; with RATCHET_READ the plaintext is appended to `plain` (empty before), with READ
 * and UNREADABLE opened_r->mac_key is set. In every other case the state is unchanged, `plain` is empty and *opened_r
 * zero. A repeated (R, n) is told before any MAC work. ST_ENOMEM changes nothing. */
enum st_err ratchet_open(struct ratchet *ratchet, const struct ratchet_opening *what, struct st_buf *plain,
                         struct ratchet_opened *opened_r, enum ratchet_verdict *verdict_r) ST_MUST_CHECK;

/* Drops partial keys, and the own m of closed chains, that are older than 30 days since their chain was closed. */
void ratchet_age(struct ratchet *ratchet, uint64_t now_s);

/* Does any chain that can still be read need the responder's signed prekey? Then ratchet_open wants it. */
bool ratchet_uses_spk(const struct ratchet *ratchet);

/* The signed prekey is erased: forgets what only it could read. True if the open receiving chain (or, before there is
 * one, the start) needs it: the session is then to be closed. */
bool ratchet_forget_spk(struct ratchet *ratchet);

/* Appends the state, versionless: part of a saved session. The buffer's error. */
enum st_err ratchet_save(const struct ratchet *ratchet, struct st_buf *out) ST_MUST_CHECK;

/* Reads it from the front of *in and moves *in behind it. Hostile bytes give ST_EFOREIGN (or ST_ENOMEM) and an all-zero
 * ratchet, never more than E2E_KEYS_MAX keys and E2E_OLD_CHAINS_MAX chains. */
enum st_err ratchet_load(struct ratchet *ratchet, struct st_view *in) ST_MUST_CHECK;

#endif
