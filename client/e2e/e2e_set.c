#include "client/e2e/e2e_set.h"

#include <stdlib.h>

#include "lib/st_wipe.h"

enum { DAY_S = 86400 };

void e2e_set_birth(const struct st_env *env, uint64_t now_s, uint8_t birth_r[static E2E_BIRTH_BYTES])
{
    st_put_u32(birth_r, (uint32_t)now_s);
    st_env_random(env, birth_r + 4, 4);
}

void e2e_set_init(struct e2e_set *set, const uint8_t acct_id[static ST_ACCT_BYTES], uint32_t dev_id,
                  const uint8_t birth[static E2E_BIRTH_BYTES])
{
    memset(set, 0, sizeof *set);
    memcpy(set->acct_id, acct_id, ST_ACCT_BYTES);
    set->dev_id = dev_id;
    memcpy(set->birth, birth, E2E_BIRTH_BYTES);
}

static void free_session(struct e2e_session *session)
{
    e2e_session_deinit(session);
    free(session);
}

void e2e_set_deinit(struct e2e_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        free_session(set->sessions[i]);
    ST_WIPE(*set);
}

static void raise_counter(struct e2e_set *set)
{
    if (set->counter < UINT32_MAX)
        set->counter++;
}

/* Takes the session out of the set and wipes it. */
static void erase(struct e2e_set *set, size_t index)
{
    free_session(set->sessions[index]);
    memmove(&set->sessions[index], &set->sessions[index + 1], (set->count - index - 1) * sizeof set->sessions[0]);
    set->count--;
    set->sessions[set->count] = NULL;
    raise_counter(set);
}

/* Lets an event happen; a session that it closes is erased. True if the session is gone. */
static bool happen(struct e2e_set *set, size_t index, enum e2e_event event, uint64_t now_s)
{
    struct e2e_session *session = set->sessions[index];
    if (e2e_session_event(session, event, now_s) != ST_OK || session->state != E2E_CLOSED)
        return false;
    erase(set, index);
    return true;
}

static bool passed(uint64_t since_s, uint64_t now_s, uint64_t span_s)
{
    return now_s > since_s && now_s - since_s >= span_s;
}

bool e2e_set_tick(struct e2e_set *set, uint64_t now_s)
{
    bool changed = false;
    for (size_t i = 0; i < set->count;) {
        struct e2e_session *session = set->sessions[i];
        size_t chains = session->ratchet.old_count;
        ratchet_age(&session->ratchet, now_s);
        changed = changed || session->ratchet.old_count != chains;
        if (session->state == E2E_INIT_SENT && passed(session->created_s, now_s, E2E_UNANSWERED_S)) {
            happen(set, i, E2E_ON_UNANSWERED, now_s);
            changed = true;
        }
        bool old =
            session->state == E2E_RECEIVE_ONLY && passed(session->receive_only_since_s, now_s, E2E_RECEIVE_ONLY_LIFE_S);
        if (old && happen(set, i, E2E_ON_EXPIRED, now_s))
            changed = true;
        else
            i++;
    }
    return changed;
}

static bool peer_holds(const struct e2e_set *set, const uint8_t *sid)
{
    for (size_t i = 0; i < set->peer.count; i++)
        if (memcmp(set->peer.sids[i], sid, E2E_SID_BYTES) == 0)
            return true;
    return false;
}

static struct e2e_session *pick_shared(const struct e2e_set *set)
{
    struct e2e_session *best = NULL;
    for (size_t i = 0; i < set->count; i++) {
        struct e2e_session *session = set->sessions[i];
        if (session->passed_over == E2E_PASSED_NO_RECEIPTS || !peer_holds(set, session->sid))
            continue;
        if (best == NULL || memcmp(session->sid, best->sid, E2E_SID_BYTES) < 0)
            best = session;
    }
    return best;
}

/* The rule: the smallest sid that both are known to hold, else my newest. */
static struct e2e_session *pick(const struct e2e_set *set)
{
    struct e2e_session *best = pick_shared(set);
    if (best != NULL)
        return best;
    for (size_t i = 0; i < set->count; i++) {
        struct e2e_session *session = set->sessions[i];
        if (session->passed_over == E2E_NOT_PASSED_OVER && (best == NULL || session->order > best->order))
            best = session;
    }
    return best;
}

/* Picks, and lets the choice take effect: one session is sent on, all others only receive. */
static struct e2e_session *settle(struct e2e_set *set, uint64_t now_s)
{
    struct e2e_session *chosen = pick(set);
    if (chosen == NULL)
        return NULL;
    for (size_t i = 0; i < set->count; i++) {
        struct e2e_session *session = set->sessions[i];
        enum st_err err = ST_OK;
        if (session != chosen)
            err = e2e_session_event(session, E2E_ON_OTHER_CHOSEN, now_s);
        else if (session->state == E2E_RECEIVE_ONLY)
            err = e2e_session_event(session, E2E_ON_CHOSEN_AGAIN, now_s);
        if (err != ST_OK)
            return NULL;
    }
    return chosen;
}

struct e2e_session *e2e_set_choose(struct e2e_set *set, uint64_t now_s)
{
    e2e_set_tick(set, now_s);
    return settle(set, now_s);
}

struct e2e_session *e2e_set_find(const struct e2e_set *set, const uint8_t sid[static E2E_SID_BYTES])
{
    for (size_t i = 0; i < set->count; i++)
        if (memcmp(set->sessions[i]->sid, sid, E2E_SID_BYTES) == 0)
            return set->sessions[i];
    return NULL;
}

const struct e2e_session *e2e_set_shared(const struct e2e_set *set)
{
    return pick_shared(set);
}

enum e2e_renewal e2e_set_renewal(struct e2e_set *set, uint32_t copies_without_receipt, uint64_t now_s)
{
    const struct e2e_session *session = e2e_set_choose(set, now_s);
    if (session == NULL)
        return E2E_RENEW_NONE_HELD;
    if (copies_without_receipt >= E2E_COPIES_MAX)
        return E2E_RENEW_NO_RECEIPTS;
    if (e2e_set_chain_len(set) >= E2E_SENT_MAX)
        return E2E_RENEW_CHAIN_FULL;
    return E2E_RENEW_NO;
}

uint32_t e2e_set_chain_len(const struct e2e_set *set)
{
    const struct e2e_session *session = pick(set);
    return session == NULL || session->ratchet.step_due ? 0 : session->ratchet.sent;
}

bool e2e_set_step_due(const struct e2e_set *set)
{
    const struct e2e_session *session = pick(set);
    return session != NULL && session->ratchet.step_due;
}

/* Puts the sid where it belongs in the rising order. */
static void insert_sid(struct e2e_known *known, const uint8_t *sid)
{
    size_t at = known->count;
    while (at > 0 && memcmp(known->sids[at - 1], sid, E2E_SID_BYTES) > 0) {
        memcpy(known->sids[at], known->sids[at - 1], E2E_SID_BYTES);
        at--;
    }
    memcpy(known->sids[at], sid, E2E_SID_BYTES);
    known->count++;
}

void e2e_set_known(const struct e2e_set *set, const struct e2e_session *session, struct e2e_known *known_r)
{
    memset(known_r, 0, sizeof *known_r);
    memcpy(known_r->birth, set->birth, E2E_BIRTH_BYTES);
    known_r->counter = set->counter;
    if (set->count == 1 && set->sessions[0] == session)
        return;
    for (size_t i = 0; i < set->count; i++)
        insert_sid(known_r, set->sessions[i]->sid);
}

/* birth ‖ counter, compared as one integer. */
static bool is_older(const struct e2e_known *a, const struct e2e_known *b)
{
    int births = memcmp(a->birth, b->birth, E2E_BIRTH_BYTES);
    return births != 0 ? births < 0 : a->counter < b->counter;
}

bool e2e_set_apply_known(struct e2e_set *set, const uint8_t sid[static E2E_SID_BYTES], const struct e2e_known *known,
                         uint64_t now_s)
{
    if (known->count > E2E_SESSIONS_MAX || (set->peer_told && is_older(known, &set->peer)))
        return false;
    set->peer = *known;
    set->peer_told = true;
    if (known->count == 0)
        insert_sid(&set->peer, sid);
    (void)e2e_set_choose(set, now_s);
    return true;
}

enum st_err e2e_set_opk_unknown(struct e2e_set *set, const uint8_t sid[static E2E_SID_BYTES], uint64_t now_s)
{
    size_t i = 0;
    while (i < set->count && memcmp(set->sessions[i]->sid, sid, E2E_SID_BYTES) != 0)
        i++;
    if (i == set->count)
        return ST_ENOTFOUND;
    if (pick_shared(set) != NULL || !happen(set, i, E2E_ON_OPK_UNKNOWN, now_s))
        return ST_EREFUSED;
    if (set->opk_day != now_s / DAY_S) {
        set->opk_day = now_s / DAY_S;
        set->opk_retries = 0;
    }
    if (set->opk_retries >= E2E_OPK_RETRIES_PER_DAY)
        return ST_ELIMIT;
    set->opk_retries++;
    return ST_OK;
}

bool e2e_set_take_renewal(struct e2e_set *set, uint64_t now_s)
{
    if (pick_shared(set) != NULL || set->renewal_day == now_s / DAY_S)
        return false;
    set->renewal_day = now_s / DAY_S;
    return true;
}

bool e2e_set_spk_erased(struct e2e_set *set, uint32_t spk_id)
{
    bool changed = false;
    for (size_t i = 0; i < set->count;) {
        struct e2e_session *session = set->sessions[i];
        size_t chains = session->ratchet.old_count;
        bool ours = !session->initiator && session->spk_id == spk_id;
        bool close = ours && ratchet_forget_spk(&session->ratchet);
        changed = changed || close || session->ratchet.old_count != chains;
        if (!close || !happen(set, i, E2E_ON_DROPPED, 0))
            i++;
    }
    return changed;
}

void e2e_set_close_all(struct e2e_set *set)
{
    while (set->count > 0)
        erase(set, set->count - 1);
}

/* The place of a fifth session: the oldest receive-only one goes, never the one that is sent on. */
static void evict(struct e2e_set *set, uint64_t now_s)
{
    const struct e2e_session *active = pick(set);
    size_t oldest = E2E_SESSIONS_MAX;
    for (size_t i = 0; i < set->count; i++) {
        const struct e2e_session *session = set->sessions[i];
        if (session == active || session->state != E2E_RECEIVE_ONLY)
            continue;
        if (oldest == E2E_SESSIONS_MAX || session->receive_only_since_s < set->sessions[oldest]->receive_only_since_s)
            oldest = i;
    }
    if (oldest < set->count)
        happen(set, oldest, E2E_ON_EXPIRED, now_s);
}

enum st_err e2e_set_add(struct e2e_set *set, struct e2e_session *session, bool bypass_held, uint64_t now_s)
{
    struct e2e_session *place = malloc(sizeof *place);
    if (place == NULL)
        return ST_ENOMEM;
    (void)settle(set, now_s);
    if (set->count == E2E_SESSIONS_MAX)
        evict(set, now_s);
    if (set->count == E2E_SESSIONS_MAX) {
        free(place);
        return ST_ELIMIT;
    }
    for (size_t i = 0; i < set->count && bypass_held; i++)
        set->sessions[i]->passed_over = E2E_PASSED_NO_RECEIPTS;
    *place = *session;
    ST_WIPE(*session);
    place->order = set->next_order++;
    set->sessions[set->count++] = place;
    raise_counter(set);
    (void)settle(set, now_s);
    return ST_OK;
}
