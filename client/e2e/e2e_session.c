#include "client/e2e/e2e_session.h"

#include "lib/st_wipe.h"

/* What the table says besides a state. */
enum { ERROR = E2E_STATE_COUNT };

/* The table of CRYPTO 5 and 11, row by row. A cell without an entry there ("–") is an error: our own code asked for
 * what cannot be. "Ignored" is the state itself. */
static const uint8_t table[E2E_EVENT_COUNT][E2E_STATE_COUNT] = {
    /*                      INIT_SENT         ESTABLISHED       RECEIVE_ONLY      CLOSED */
    [E2E_ON_SEND] = { E2E_INIT_SENT, E2E_ESTABLISHED, ERROR, ERROR },
    [E2E_ON_READ] = { E2E_ESTABLISHED, E2E_ESTABLISHED, E2E_RECEIVE_ONLY, ERROR },
    [E2E_ON_OTHER_CHOSEN] = { E2E_RECEIVE_ONLY, E2E_RECEIVE_ONLY, E2E_RECEIVE_ONLY, E2E_CLOSED },
    [E2E_ON_CHOSEN_AGAIN] = { ERROR, ERROR, E2E_ESTABLISHED, ERROR },
    [E2E_ON_OPK_UNKNOWN] = { E2E_CLOSED, E2E_ESTABLISHED, E2E_RECEIVE_ONLY, E2E_CLOSED },
    [E2E_ON_UNANSWERED] = { E2E_RECEIVE_ONLY, E2E_ESTABLISHED, E2E_RECEIVE_ONLY, E2E_CLOSED },
    [E2E_ON_EXPIRED] = { ERROR, ERROR, E2E_CLOSED, E2E_CLOSED },
    [E2E_ON_DROPPED] = { E2E_CLOSED, E2E_CLOSED, E2E_CLOSED, E2E_CLOSED },
};

enum st_err e2e_session_next(enum e2e_state state, enum e2e_event event, enum e2e_state *next_r)
{
    *next_r = state;
    if ((unsigned)state >= E2E_STATE_COUNT || (unsigned)event >= E2E_EVENT_COUNT || table[event][state] == ERROR)
        return ST_EREFUSED;
    *next_r = (enum e2e_state)table[event][state];
    return ST_OK;
}

enum st_err e2e_session_event(struct e2e_session *session, enum e2e_event event, uint64_t now_s)
{
    enum e2e_state next;
    enum st_err err = e2e_session_next(session->state, event, &next);
    if (err != ST_OK)
        return err;
    if (next == E2E_RECEIVE_ONLY && session->state != E2E_RECEIVE_ONLY) {
        session->receive_only_since_s = now_s;
        if (event == E2E_ON_UNANSWERED)
            session->passed_over = E2E_PASSED_UNANSWERED;
    }
    if (next != E2E_RECEIVE_ONLY)
        session->receive_only_since_s = 0;
    if (event == E2E_ON_READ) {
        session->answered = true;
        ST_WIPE(session->block);
        if (session->passed_over == E2E_PASSED_UNANSWERED)
            session->passed_over = E2E_NOT_PASSED_OVER;
    }
    session->state = next;
    return ST_OK;
}

void e2e_session_deinit(struct e2e_session *session)
{
    ratchet_deinit(&session->ratchet);
    ST_WIPE(*session);
}

enum {
    FLAG_INITIATOR = 1,
    FLAG_ANSWERED = 2,
    FLAG_NO_OPK = 4,
    FLAG_ALL = 7,
    HEAD_BYTES = 3 + 4 + 4 + 8 + 8 + E2E_SID_BYTES /* state, passed over, flags, order, spk_id, times, block hash */
};

enum st_err e2e_session_save(const struct e2e_session *session, struct st_buf *out)
{
    uint8_t head[HEAD_BYTES];
    unsigned flags = 0;
    flags |= session->initiator ? FLAG_INITIATOR : 0;
    flags |= session->answered ? FLAG_ANSWERED : 0;
    flags |= session->no_opk ? FLAG_NO_OPK : 0;
    head[0] = (uint8_t)session->state;
    head[1] = (uint8_t)session->passed_over;
    head[2] = (uint8_t)flags;
    st_put_u32(head + 3, session->order);
    st_put_u32(head + 7, session->spk_id);
    st_put_u64(head + 11, session->created_s);
    st_put_u64(head + 19, session->receive_only_since_s);
    memcpy(head + 27, session->block_hash, sizeof session->block_hash);
    st_buf_append(out, head, sizeof head);
    st_buf_append(out, session->sid, sizeof session->sid);
    if (session->initiator && !session->answered)
        st_buf_append(out, session->block, sizeof session->block);
    return ratchet_save(&session->ratchet, out);
}

static bool take(struct st_view *in, void *out, size_t len)
{
    if (len > in->len)
        return false;
    memcpy(out, in->p, len);
    in->p += len;
    in->len -= len;
    return true;
}

static enum st_err load(struct e2e_session *session, struct st_view *in)
{
    uint8_t head[HEAD_BYTES];
    if (!take(in, head, sizeof head) || !take(in, session->sid, sizeof session->sid))
        return ST_EFOREIGN;
    if (head[0] >= E2E_CLOSED || head[1] > E2E_PASSED_NO_RECEIPTS || head[2] > FLAG_ALL)
        return ST_EFOREIGN;
    session->state = (enum e2e_state)head[0];
    session->passed_over = (enum e2e_passed_over)head[1];
    session->initiator = (head[2] & FLAG_INITIATOR) != 0;
    session->answered = (head[2] & FLAG_ANSWERED) != 0;
    session->no_opk = (head[2] & FLAG_NO_OPK) != 0;
    session->order = st_get_u32(head + 3);
    session->spk_id = st_get_u32(head + 7);
    session->created_s = st_get_u64(head + 11);
    session->receive_only_since_s = st_get_u64(head + 19);
    memcpy(session->block_hash, head + 27, sizeof session->block_hash);
    if (session->initiator && !session->answered && !take(in, session->block, sizeof session->block))
        return ST_EFOREIGN;
    return ratchet_load(&session->ratchet, in);
}

enum st_err e2e_session_load(struct e2e_session *session, struct st_view *in)
{
    struct st_view rest = *in;
    memset(session, 0, sizeof *session);
    enum st_err err = load(session, &rest);
    if (err != ST_OK)
        e2e_session_deinit(session);
    else
        *in = rest;
    return err;
}
