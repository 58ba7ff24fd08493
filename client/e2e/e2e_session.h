/* One session with one device of a peer: its states (the table of CRYPTO 5 and 11) and its ratchet. */
#ifndef E2E_SESSION_H
#define E2E_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "client/e2e/e2e_budget.h"
#include "client/e2e/e2e_limits.h"
#include "client/e2e/ratchet.h"
#include "lib/st_err.h"

enum e2e_state { E2E_INIT_SENT = 0, E2E_ESTABLISHED, E2E_RECEIVE_ONLY, E2E_CLOSED, E2E_STATE_COUNT };

enum e2e_event {
    E2E_ON_SEND = 0,     /* send chooses it */
    E2E_ON_READ,         /* a message of it was read */
    E2E_ON_OTHER_CHOSEN, /* another session is chosen for sending */
    E2E_ON_CHOSEN_AGAIN, /* a receive-only one is chosen by the rule */
    E2E_ON_OPK_UNKNOWN,  /* the peer says that the one-time prekey is unknown */
    E2E_ON_UNANSWERED,   /* seven days without an answer */
    E2E_ON_EXPIRED,      /* 37 days receive-only, or evicted as the oldest of them */
    E2E_ON_DROPPED,      /* device gone from the list, rollback, reset by the user */
    E2E_EVENT_COUNT
};

/* Why a session is passed over when one is chosen for sending. */
enum e2e_passed_over {
    E2E_NOT_PASSED_OVER = 0,
    E2E_PASSED_UNANSWERED, /* never my newest; but if the peer names it, it can be chosen */
    E2E_PASSED_NO_RECEIPTS /* never again: the peer may have lost more than a chain can pass over */
};

struct e2e_session {
    uint8_t sid[E2E_SID_BYTES];
    enum e2e_state state;
    enum e2e_passed_over passed_over;
    bool initiator;  /* we started it */
    bool answered;   /* something was received in it: no more initial messages */
    bool no_opk;     /* started without a one-time prekey */
    uint32_t order;  /* the set's count when it was made: the newest has the highest */
    uint32_t spk_id; /* of the responder's signed prekey, on either side */
    uint64_t created_s;
    uint64_t receive_only_since_s;     /* 0: it is not */
    uint8_t block[E2E_BLOCK_BYTES];    /* initiator, until answered: ident ‖ EK ‖ spk_id ‖ opk_id */
    uint8_t block_hash[E2E_SID_BYTES]; /* responder: start of SHA-256 of the block that opened it */
    struct ratchet ratchet;
    struct e2e_budget budget; /* in memory only */
};

/* The state table: the state after `event`. ST_EREFUSED where the table says "error" or has no entry; *next_r is then
 * the state unchanged. */
enum st_err e2e_session_next(enum e2e_state state, enum e2e_event event, enum e2e_state *next_r) ST_MUST_CHECK;

/* Lets the event happen to a session, keeping receive_only_since_s and `answered` right. ST_EREFUSED as above. */
enum st_err e2e_session_event(struct e2e_session *session, enum e2e_event event, uint64_t now_s) ST_MUST_CHECK;

/* Wipes everything. */
void e2e_session_deinit(struct e2e_session *session);

/* A session as part of a saved set; as ratchet_save and ratchet_load. */
enum st_err e2e_session_save(const struct e2e_session *session, struct st_buf *out) ST_MUST_CHECK;
enum st_err e2e_session_load(struct e2e_session *session, struct st_view *in) ST_MUST_CHECK;

#endif
