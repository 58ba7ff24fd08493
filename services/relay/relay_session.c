#include <stdlib.h>

#include "services/relay/relay_internal.h"

struct relay_session *relay_session_get(const struct relay_core *core, const struct mailbox_key *key)
{
    return st_map_get(core->sessions, key);
}

static struct mailbox_presence presence_of(const struct relay_core *core, const struct relay_session *session)
{
    struct mailbox_presence presence = {
        .relay = core->options.name, .gateway = session->gateway, .sid = session->sid, .attach = session->attach
    };
    return presence;
}

bool relay_session_is(const struct relay_core *core, const struct relay_session *session,
                      const struct mailbox_presence *presence)
{
    struct mailbox_presence mine = presence_of(core, session);
    return mailbox_presence_equal(&mine, presence);
}

/* ---- the queue of reads ---- */

static void enqueue(struct relay_core *core, struct relay_session *session)
{
    if (session->queued || session->gone)
        return;
    session->queued = true;
    session->queue_prev = core->queue.last;
    session->queue_next = NULL;
    if (core->queue.last != NULL)
        core->queue.last->queue_next = session;
    else
        core->queue.first = session;
    core->queue.last = session;
    core->queue.count++;
}

static void dequeue(struct relay_core *core, struct relay_session *session)
{
    if (!session->queued)
        return;
    session->queued = false;
    if (session->queue_prev != NULL)
        session->queue_prev->queue_next = session->queue_next;
    else
        core->queue.first = session->queue_next;
    if (session->queue_next != NULL)
        session->queue_next->queue_prev = session->queue_prev;
    else
        core->queue.last = session->queue_prev;
    session->queue_prev = NULL;
    session->queue_next = NULL;
    core->queue.count--;
}

struct relay_session *relay_session_dequeue(struct relay_core *core)
{
    struct relay_session *session = core->queue.first;
    if (session != NULL)
        dequeue(core, session);
    return session;
}

void relay_session_want(struct relay_core *core, struct relay_session *session)
{
    bool blocked = session->blocked_until_ms > relay_mono_ms(core);
    if (session->behind && !blocked && relay_inflight_has_credit(&session->inflight, 1))
        enqueue(core, session);
}

void relay_session_block(struct relay_core *core, struct relay_session *session)
{
    session->behind = true;
    session->blocked_until_ms = relay_mono_ms(core) + RELAY_RETRY_MS;
    relay_session_arm(core, session, session->blocked_until_ms);
}

void relay_session_rewind(struct relay_core *core, struct relay_session *session)
{
    memset(session->cursor, 0, sizeof session->cursor);
    session->behind = true;
    relay_session_want(core, session);
}

void relay_session_see_epoch(struct relay_core *core, struct relay_session *session,
                             const uint8_t epoch[static ST_EPOCH_LEN])
{
    if (memcmp(session->epoch, epoch, ST_EPOCH_LEN) == 0)
        return;
    memcpy(session->epoch, epoch, ST_EPOCH_LEN);
    relay_inflight_clear(&session->inflight);
    relay_session_rewind(core, session);
}

/* ---- opening and closing ---- */

void relay_session_arm(struct relay_core *core, struct relay_session *session, int64_t at_ms)
{
    if (session->gone || (st_heap_node_is_set(&session->timer) && session->timer.at_ms <= at_ms))
        return;
    /* The timer of a session that is in the table is always set, so moving it cannot fail. */
    if (st_heap_set(&core->timers, &session->timer, at_ms) != ST_OK)
        relay_session_close(core, session, false);
}

static enum st_err add_session(struct relay_core *core, const struct mailbox_key *key, struct relay_session **session_r)
{
    struct relay_session *session = calloc(1, sizeof *session);
    if (session == NULL)
        return ST_ENOMEM;
    session->key = *key;
    enum st_err err = st_heap_set(&core->timers, &session->timer, INT64_MAX);
    if (err == ST_OK)
        err = st_map_put(core->sessions, key, session);
    if (err != ST_OK) {
        st_heap_cancel(&core->timers, &session->timer);
        free(session);
        return err;
    }
    *session_r = session;
    return ST_OK;
}

enum st_err relay_session_open(struct relay_core *core, const struct mailbox_key *key,
                               const struct mailbox_presence *presence, const uint8_t epoch[static ST_EPOCH_LEN],
                               struct relay_session **session_r)
{
    struct relay_session *session = relay_session_get(core, key);
    *session_r = NULL;
    if (session == NULL) {
        enum st_err err = add_session(core, key, &session);
        if (err != ST_OK)
            return err;
    }
    session->gateway = presence->gateway;
    session->sid = presence->sid;
    session->attach = presence->attach;
    memcpy(session->epoch, epoch, ST_EPOCH_LEN);
    session->seen_ms = relay_mono_ms(core);
    session->blocked_until_ms = 0;
    relay_inflight_clear(&session->inflight);
    relay_session_rewind(core, session);
    relay_session_arm(core, session, session->seen_ms + ST_PRESENCE_LEASE_MS);
    *session_r = session;
    return ST_OK;
}

void relay_session_close(struct relay_core *core, struct relay_session *session, bool clear_presence)
{
    if (session->gone)
        return;
    session->gone = true;
    session->clear_presence = clear_presence;
    dequeue(core, session);
    st_heap_cancel(&core->timers, &session->timer);
    st_map_remove(core->sessions, &session->key);
    session->next_gone = core->gone;
    core->gone = session;
}

void relay_session_clear_presence(struct relay_core *core, const struct mailbox_key *key,
                                  const struct mailbox_presence *presence)
{
    struct mailbox_presence_clear clear = { .key = *key, .presence = *presence };
    enum st_err err = mailbox_presence_clear(&core->deps.mailbox, &clear, 1);
    if (err != ST_OK)
        relay_send_log_store(core, "presence_clear", err);
}

static void clear_presences(struct relay_core *core)
{
    struct mailbox_presence_clear clears[RELAY_READ_BATCH];
    size_t count = 0;
    for (const struct relay_session *session = core->gone;; session = session->next_gone) {
        if (count == RELAY_READ_BATCH || (session == NULL && count > 0)) {
            enum st_err err = mailbox_presence_clear(&core->deps.mailbox, clears, count);
            if (err != ST_OK)
                relay_send_log_store(core, "presence_clear", err);
            count = 0;
        }
        if (session == NULL)
            return;
        if (!session->clear_presence)
            continue;
        clears[count].key = session->key;
        clears[count++].presence = presence_of(core, session);
        core->stats.stale_presences++;
    }
}

void relay_session_reap(struct relay_core *core)
{
    clear_presences(core);
    while (core->gone != NULL) {
        struct relay_session *session = core->gone;
        core->gone = session->next_gone;
        relay_inflight_deinit(&session->inflight);
        free(session);
    }
}

void relay_session_free_all(struct relay_core *core)
{
    size_t cursor = 0;
    void *value;
    while (core->sessions != NULL && st_map_next(core->sessions, &cursor, NULL, &value))
        relay_session_close(core, value, false);
    while (core->gone != NULL) {
        struct relay_session *session = core->gone;
        core->gone = session->next_gone;
        relay_inflight_deinit(&session->inflight);
        free(session);
    }
    st_map_free(&core->sessions);
    st_heap_deinit(&core->timers);
}

/* ---- timers ---- */

/* Sets the timer to whatever comes next for this session. */
static void arm_next(struct relay_core *core, struct relay_session *session)
{
    int64_t now_ms = relay_mono_ms(core);
    int64_t next_ms = session->seen_ms + ST_PRESENCE_LEASE_MS;
    int64_t oldest_ms = relay_inflight_oldest_ms(&session->inflight);
    if (oldest_ms != INT64_MAX && oldest_ms + ST_PUSH_AGAIN_MS < next_ms)
        next_ms = oldest_ms + ST_PUSH_AGAIN_MS;
    if (session->blocked_until_ms > now_ms && session->blocked_until_ms < next_ms)
        next_ms = session->blocked_until_ms;
    if (st_heap_set(&core->timers, &session->timer, next_ms > now_ms ? next_ms : now_ms + 1) != ST_OK)
        relay_session_close(core, session, false);
}

/* Pushes again what was not acknowledged in time, to whoever is attached now. */
static void push_again(struct relay_core *core, struct relay_session **sessions, size_t count)
{
    struct mailbox_presence_get gets[RELAY_READ_BATCH];
    int64_t now_ms = relay_mono_ms(core);
    for (size_t i = 0; i < count; i++)
        gets[i].key = sessions[i]->key;
    enum st_err err = mailbox_presence_get(&core->deps.mailbox, gets, count);
    if (err != ST_OK)
        relay_send_log_store(core, "presence_get", err);
    for (size_t i = 0; i < count; i++) {
        struct relay_session *session = sessions[i];
        if (err != ST_OK) {
            relay_session_block(core, session);
        } else if (!gets[i].present || !relay_session_is(core, session, &gets[i].presence)) {
            relay_session_close(core, session, false);
        } else {
            core->stats.pushed_again += relay_inflight_drop_until(&session->inflight, now_ms - ST_PUSH_AGAIN_MS);
            relay_session_rewind(core, session);
            arm_next(core, session);
        }
    }
}

/* Handles one session whose timer rang. True if it has overdue entries. */
static bool ring(struct relay_core *core, struct relay_session *session, int64_t now_ms)
{
    if (now_ms - session->seen_ms >= ST_PRESENCE_LEASE_MS) {
        relay_session_close(core, session, false); /* its presence has ended too */
        return false;
    }
    if (session->blocked_until_ms > now_ms) {
        arm_next(core, session);
        return false;
    }
    relay_session_want(core, session);
    int64_t oldest_ms = relay_inflight_oldest_ms(&session->inflight);
    bool overdue = oldest_ms != INT64_MAX && now_ms - oldest_ms >= ST_PUSH_AGAIN_MS;
    if (overdue)
        overdue = st_heap_set(&core->timers, &session->timer, now_ms + RELAY_RETRY_MS) == ST_OK;
    else
        arm_next(core, session);
    return overdue;
}

void relay_session_tick(struct relay_core *core)
{
    struct relay_session *overdue[RELAY_READ_BATCH];
    size_t count = 0;
    int64_t now_ms = relay_mono_ms(core);
    struct st_heap_node *node;
    while ((node = st_heap_first(&core->timers)) != NULL && node->at_ms <= now_ms) {
        struct relay_session *session = st_heap_owner(node, struct relay_session, timer);
        if (!ring(core, session, now_ms))
            continue;
        overdue[count++] = session;
        if (count == RELAY_READ_BATCH) {
            push_again(core, overdue, count);
            count = 0;
        }
    }
    if (count > 0)
        push_again(core, overdue, count);
}

/* ---- epochs ---- */

static bool tell_epochs(struct relay_core *core, struct relay_session **sessions, size_t count)
{
    uint8_t accts[RELAY_READ_BATCH * ST_ACCT_LEN] = { 0 };
    uint8_t epochs[RELAY_READ_BATCH * ST_EPOCH_LEN];
    for (size_t i = 0; i < count; i++)
        memcpy(accts + i * ST_ACCT_LEN, sessions[i]->key.acct, ST_ACCT_LEN);
    enum st_err err = mailbox_epochs(&core->deps.mailbox, accts, count, epochs);
    if (err != ST_OK) {
        relay_send_log_store(core, "epochs", err);
        return false;
    }
    for (size_t i = 0; i < count; i++)
        relay_session_see_epoch(core, sessions[i], epochs + i * ST_EPOCH_LEN);
    return true;
}

void relay_session_look_epochs(struct relay_core *core)
{
    struct relay_session *sessions[RELAY_READ_BATCH];
    size_t count = 0, cursor = 0;
    uint64_t changes = 0;
    void *value;
    enum st_err err = mailbox_changes(&core->deps.mailbox, &changes);
    core->epoch_look_ms = relay_mono_ms(core) + RELAY_EPOCH_LOOK_MS;
    if (err != ST_OK) {
        relay_send_log_store(core, "changes", err);
        return;
    }
    if (changes == core->epoch_changes)
        return;
    core->stats.epoch_changes++;
    st_log_event(core->deps.log, ST_LOG_WARN, "store_epoch_changed");
    bool told = true;
    while (st_map_next(core->sessions, &cursor, NULL, &value)) {
        sessions[count++] = value;
        if (count == RELAY_READ_BATCH) {
            told = tell_epochs(core, sessions, count) && told;
            count = 0;
        }
    }
    if (count > 0)
        told = tell_epochs(core, sessions, count) && told;
    if (told)
        core->epoch_changes = changes;
}
