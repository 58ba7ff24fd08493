/* All sessions with one device of a peer (CRYPTO 5 and 11): which of them to send on, what the peer is known to hold,
 * and when a session ends. The client core holds one set for each (account, device) it talks with, and saves it in the
 * same transaction as what the call brought about (a plaintext, an outbox row). If that transaction fails, drop the set
 * and load it again. The budgets of failed tags live in memory only, so a set that is in use is better kept loaded.
 *
 * Keep a set's saved form for as long as the store's birth lasts, also when it has no session left: its counter must
 * not step back. After a wipe, start anew with a new birth. Times are Unix seconds. */
#ifndef E2E_SET_H
#define E2E_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/e2e/e2e_limits.h"
#include "client/e2e/e2e_session.h"
#include "lib/devlist/st_devlist.h"
#include "lib/st_bytes.h"
#include "lib/st_env.h"
#include "lib/st_err.h"

/* `known`: what one side says it holds. With count 0 it means "only the session this came on". */
struct e2e_known {
    uint8_t birth[E2E_BIRTH_BYTES];
    uint32_t counter;
    uint8_t count;                                 /* 0 to 4 */
    uint8_t sids[E2E_SESSIONS_MAX][E2E_SID_BYTES]; /* rising */
};

struct e2e_set {
    uint8_t acct_id[ST_ACCT_BYTES]; /* the peer's */
    uint32_t dev_id;
    uint8_t birth[E2E_BIRTH_BYTES]; /* of our store */
    uint32_t counter;               /* raised with each change of what we hold */
    uint32_t next_order;
    struct e2e_known peer; /* the highest list that the peer has sent */
    bool peer_told;        /* it has sent one */
    uint64_t opk_day;      /* day (Unix time / 86400) of the counts below */
    uint8_t opk_retries;   /* that day, after "unknown prekey" */
    uint64_t renewal_day;  /* day of the last session that was started because state was lost; 0: never */
    size_t count;
    struct e2e_session *sessions[E2E_SESSIONS_MAX]; /* owned; in the order they were made */
};

/* Birth of a store: draws 4 random bytes behind the seconds. At creation and at each wipe. */
void e2e_set_birth(const struct st_env *env, uint64_t now_s, uint8_t birth_r[static E2E_BIRTH_BYTES]);

/* An empty set for a peer's device. */
void e2e_set_init(struct e2e_set *set, const uint8_t acct_id[static ST_ACCT_BYTES], uint32_t dev_id,
                  const uint8_t birth[static E2E_BIRTH_BYTES]);

/* Wipes and frees all. An all-zero set is fine. */
void e2e_set_deinit(struct e2e_set *set);

/* Appends the saved form: versioned, with lengths and a checksum. About 0.7 KB with one session and nothing skipped.
 * Secret: it goes into the encrypted database and nowhere else. */
enum st_err e2e_set_save(const struct e2e_set *set, struct st_buf *out) ST_MUST_CHECK;

/* Reads it. ST_EFOREIGN on damaged, hostile or newer bytes (or ST_ENOMEM); the set is then empty and all zero. */
enum st_err e2e_set_load(struct e2e_set *set, struct st_view bytes) ST_MUST_CHECK;

/* Does what time does: sessions unanswered for 7 days become receive-only, those receive-only for 37 days are erased,
 * keys older than 30 days go. True if something changed (save the set). Call it at start and once a day; choosing,
 * encrypting and reading do it too. */
bool e2e_set_tick(struct e2e_set *set, uint64_t now_s);

/* Chooses the session to send on and lets the choice take effect: the smallest sid that both are known to hold, else my
 * newest. Borrowed; NULL: a new session is needed (e2e_open_outgoing). */
struct e2e_session *e2e_set_choose(struct e2e_set *set, uint64_t now_s);

/* The session with that sid, borrowed, or NULL. */
struct e2e_session *e2e_set_find(const struct e2e_set *set, const uint8_t sid[static E2E_SID_BYTES]);

/* The smallest sid that both are known to hold, borrowed, or NULL: is a session shared? (for `cannot_read`) */
const struct e2e_session *e2e_set_shared(const struct e2e_set *set);

/* Why the next message needs a new session. */
enum e2e_renewal {
    E2E_RENEW_NO = 0,
    E2E_RENEW_NONE_HELD,   /* there is none to send on (none yet, all closed, unanswered for 7 days) */
    E2E_RENEW_NO_RECEIPTS, /* 1,000 copies without an end-to-end receipt: open with .bypass_held */
    E2E_RENEW_CHAIN_FULL   /* 9,999 messages without an answer: open with .bypass_held */
};

/* `copies_without_receipt`: what the outbox counts for the session that e2e_set_choose names. */
enum e2e_renewal e2e_set_renewal(struct e2e_set *set, uint32_t copies_without_receipt, uint64_t now_s);

/* Messages in the sending chain without an answer, of the session that is sent on (0 without one). From
 * E2E_CHAIN_STEP_AT on: send `start_chat` if the peer is online. */
uint32_t e2e_set_chain_len(const struct e2e_set *set);

/* Is a ratchet step ours to do with the next message? (a start_chat is then answered by any message) */
bool e2e_set_step_due(const struct e2e_set *set);

/* Our own `known`, for a payload that goes out on `session`: without sids if it is the only one. */
void e2e_set_known(const struct e2e_set *set, const struct e2e_session *session, struct e2e_known *known_r);

/* After a payload was read on `sid`: takes its `known` if it is not older than the one we have, and chooses again.
 * True if it was taken. */
bool e2e_set_apply_known(struct e2e_set *set, const uint8_t sid[static E2E_SID_BYTES], const struct e2e_known *known,
                         uint64_t now_s);

/* The peer's device says that the prekey of session `sid` is unknown (a claim of the server: not authenticated).
 * ST_OK           closed; fetch a new bundle and open again
 * ST_ELIMIT       closed, but the fourth time today: wait until tomorrow
 * ST_EREFUSED     ignored: not in INIT_SENT, or a session is known to be held by both
 * ST_ENOTFOUND    no such session */
enum st_err e2e_set_opk_unknown(struct e2e_set *set, const uint8_t sid[static E2E_SID_BYTES],
                                uint64_t now_s) ST_MUST_CHECK;

/* State was lost and no session is shared: may one new session be started today for that? Marks the day. */
bool e2e_set_take_renewal(struct e2e_set *set, uint64_t now_s);

/* The signed prekey `spk_id` of ours is erased: what depends on it goes. True if something changed. */
bool e2e_set_spk_erased(struct e2e_set *set, uint32_t spk_id);

/* Closes every session: the device left the list, rollback, `session_reset`. */
void e2e_set_close_all(struct e2e_set *set);

/* ---- For e2e.c ---- */

/* Takes a new session (its struct is moved out and zeroed) and chooses again. Of five, the oldest receive-only one
 * goes. With `bypass_held` those held so far are never sent on again. ST_ENOMEM, and nothing changed. */
enum st_err e2e_set_add(struct e2e_set *set, struct e2e_session *session, bool bypass_held,
                        uint64_t now_s) ST_MUST_CHECK;

#endif
