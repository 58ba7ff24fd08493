#include "services/gateway/gateway_keys.h"

#include <stdlib.h>

#include "services/gateway/gateway_attach.h"
#include "services/gateway/gateway_route.h"
#include "services/gateway/gateway_send.h"
#include "services/gateway/gateway_sessions.h"
#include "services/gateway/gateway_zap.h"

struct gateway_key *gateway_keys_find(const struct gateway_core *core, const uint8_t tk[static ST_KEY_LEN])
{
    return st_map_get(core->keys, tk);
}

bool gateway_keys_is_fresh(const struct gateway_core *core, const struct gateway_key *key)
{
    return key->state != ST_TK_NONE && gateway_now(core) - key->checked_ms <= GATEWAY_KEY_FRESH_MS;
}

static void unqueue(struct gateway_core *core, struct gateway_key *key)
{
    if (!key->queued)
        return;
    *(key->ask_prev != NULL ? &key->ask_prev->ask_next : &core->ask_first) = key->ask_next;
    *(key->ask_next != NULL ? &key->ask_next->ask_prev : &core->ask_last) = key->ask_prev;
    key->ask_prev = key->ask_next = NULL;
    key->queued = false;
    core->ask_count--;
}

static void queue(struct gateway_core *core, struct gateway_key *key)
{
    if (key->queued)
        return;
    key->ask_prev = core->ask_last;
    *(core->ask_last != NULL ? &core->ask_last->ask_next : &core->ask_first) = key;
    core->ask_last = key;
    key->queued = true;
    core->ask_count++;
}

static void key_free(struct gateway_core *core, struct gateway_key *key)
{
    unqueue(core, key);
    gateway_zap_forget(core, key);
    gateway_timer_stop(core, &key->timer);
    st_map_remove(core->keys, key->tk);
    free(key);
}

static bool is_wanted(const struct gateway_key *key)
{
    return key->session != NULL || key->waits != NULL;
}

void gateway_keys_drop_if_unknown(struct gateway_core *core, struct gateway_key *key)
{
    if (!is_wanted(key) && key->state == ST_TK_NONE && key->banned_until_ms <= gateway_now(core))
        key_free(core, key);
}

void gateway_keys_plan(struct gateway_core *core, struct gateway_key *key)
{
    int64_t at_ms = key->checked_ms + GATEWAY_KEY_FRESH_MS;
    if (key->asked)
        at_ms = gateway_now(core) + GATEWAY_ASK_AGAIN_MS;
    else if (!is_wanted(key))
        at_ms = key->used_ms + GATEWAY_KEY_KEEP_MS;
    if (!is_wanted(key) && at_ms < key->banned_until_ms)
        at_ms = key->banned_until_ms;
    gateway_timer_move(core, &key->timer, at_ms);
}

static void key_due(struct gateway_core *core, struct gateway_timer *timer)
{
    struct gateway_key *key = gateway_timer_owner(timer, struct gateway_key, timer);
    int64_t now = gateway_now(core);
    if (key->session != NULL && now - key->checked_ms >= GATEWAY_WITHOUT_AUTH_MS)
        gateway_sessions_end(core, key->session, ST_BYE_DRAIN);
    if (!is_wanted(key)) {
        unqueue(core, key);
        key->asked = false;
        if (now >= key->used_ms + GATEWAY_KEY_KEEP_MS && now >= key->banned_until_ms) {
            key_free(core, key);
            return;
        }
    } else if (key->asked || now - key->checked_ms >= GATEWAY_KEY_FRESH_MS) {
        key->asked = true;
        queue(core, key);
    }
    gateway_keys_plan(core, key);
}

struct gateway_key *gateway_keys_make(struct gateway_core *core, const uint8_t tk[static ST_KEY_LEN])
{
    struct gateway_key *key = gateway_keys_find(core, tk);
    if (key != NULL)
        return key;
    key = calloc(1, sizeof *key);
    if (key == NULL)
        return NULL;
    int64_t now = gateway_now(core);
    memcpy(key->tk, tk, sizeof key->tk);
    key->checked_ms = key->banned_until_ms = key->strikes.since_ms = key->strikes.ignore_until_ms = GATEWAY_NEVER;
    for (size_t i = 0; i < GATEWAY_CONNECTIONS_PER_TK; i++)
        key->admitted_ms[i] = GATEWAY_NEVER;
    key->used_ms = now;
    st_bucket_init(&key->frames, &core->limits.frames, now);
    st_bucket_init(&key->acks, &core->limits.acks, now);
    st_bucket_init(&key->chunks, &core->limits.chunk_bytes, now);
    st_bucket_init(&key->handshakes, &core->limits.handshakes, now);
    if (st_map_put(core->keys, key->tk, key) != ST_OK) {
        free(key);
        return NULL;
    }
    if (gateway_timer_start(core, &key->timer, now + GATEWAY_KEY_KEEP_MS, key_due) != ST_OK) {
        st_map_remove(core->keys, key->tk);
        free(key);
        return NULL;
    }
    return key;
}

void gateway_keys_ask(struct gateway_core *core, struct gateway_key *key)
{
    if (key->asked)
        return;
    key->asked = true;
    queue(core, key);
    gateway_keys_plan(core, key);
}

/* Sends one packet about the first keys of the queue. They stay queued if it cannot be sent. */
static bool ask_some(struct gateway_core *core, unsigned auth)
{
    uint8_t tks[ST_TK_CHECK_MAX * ST_KEY_LEN];
    size_t count = 0;
    for (struct gateway_key *key = core->ask_first; key != NULL && count < ST_TK_CHECK_MAX; key = key->ask_next)
        memcpy(tks + ST_KEY_LEN * count++, key->tk, ST_KEY_LEN);
    struct st_int_tk_check check = { .tks = { .count = count, .items = tks } };
    uint64_t request = ++core->next_request;
    if (gateway_send_internal(core, auth, NULL, ST_TK_CHECK, request, &check) != ST_OK)
        return false;
    for (size_t i = 0; i < count; i++) {
        struct gateway_key *key = core->ask_first;
        unqueue(core, key);
        key->ask_request = request;
        gateway_keys_plan(core, key);
    }
    return true;
}

void gateway_keys_flush(struct gateway_core *core)
{
    if (core->ask_count == 0)
        return;
    unsigned auth = gateway_route_auth(core);
    while (auth != GATEWAY_NO_PEER && core->ask_count > 0 && ask_some(core, auth))
        ;
}

void gateway_keys_list(struct gateway_key *key, uint64_t seq, struct st_records devs)
{
    struct st_view dev;
    if (seq < key->list_seq)
        return;
    key->list_seq = seq;
    key->dev_count = 0;
    while (key->dev_count < ST_DEVICES_MAX && st_bytes_list_next(&devs, &dev))
        memcpy(key->devs + 4 * key->dev_count++, dev.p, 4);
}

/* Takes what auth says into the record. False if it makes no sense: then nothing was answered. */
static bool learn(struct gateway_core *core, struct gateway_key *key, const struct st_int_tk_item *item)
{
    enum st_tk_state state = (enum st_tk_state)item->state;
    bool named = ST_HAS(item, 3) && ST_HAS(item, 4);
    if ((state == ST_TK_ACTIVE || state == ST_TK_PENDING) && !named)
        return false;
    bool other = named && key->state != ST_TK_NONE &&
                 (memcmp(key->acct, item->acct.p, ST_ACCT_LEN) != 0 || key->dev != (uint32_t)item->dev);
    if (other && key->session != NULL)
        gateway_sessions_end(core, key->session, ST_BYE_REVOKED);
    if (other)
        key->list_seq = 0;
    key->state = state;
    key->checked_ms = gateway_now(core);
    if (named) {
        memcpy(key->acct, item->acct.p, ST_ACCT_LEN);
        key->dev = (uint32_t)item->dev;
    }
    if (ST_HAS(item, 5) && ST_HAS(item, 6))
        gateway_keys_list(key, item->list_seq, item->devs);
    if (ST_HAS(item, 7))
        key->opk_left = item->opk_left;
    return true;
}

static void answer_one(struct gateway_core *core, struct gateway_key *key, const struct st_int_tk_item *item)
{
    if (!learn(core, key, item))
        return;
    key->asked = false;
    gateway_zap_decided(core, key);
    if (key->session != NULL)
        gateway_attach_checked(core, key->session);
    gateway_keys_plan(core, key);
    gateway_keys_drop_if_unknown(core, key);
}

void gateway_keys_answer(struct gateway_core *core, uint64_t request, struct st_records items)
{
    struct st_int_tk_item item;
    while (st_records_next(&st_schema_tk_item, &items, &item)) {
        struct gateway_key *key = gateway_keys_find(core, item.tk.p);
        /* An answer to an earlier question may be older than a revoke in between. */
        if (key != NULL && key->asked && !key->queued && key->ask_request == request)
            answer_one(core, key, &item);
    }
}

void gateway_keys_revoke(struct gateway_core *core, const uint8_t acct[static ST_ACCT_LEN], uint32_t dev,
                         enum st_bye_reason reason)
{
    size_t cursor = 0;
    void *value = NULL;
    while (st_map_next(core->keys, &cursor, NULL, &value)) {
        struct gateway_key *key = value;
        if (key->state == ST_TK_NONE || memcmp(key->acct, acct, ST_ACCT_LEN) != 0 || (dev != 0 && key->dev != dev))
            continue;
        if (key->session != NULL)
            gateway_sessions_end(core, key->session, reason);
        key->state = ST_TK_NONE;
        key->checked_ms = GATEWAY_NEVER;
        if (key->asked) {
            queue(core, key);
            gateway_keys_plan(core, key);
        }
        gateway_keys_drop_if_unknown(core, key);
    }
}

void gateway_keys_free(struct gateway_core *core)
{
    size_t cursor = 0;
    void *key = NULL;
    while (st_map_next(core->keys, &cursor, NULL, &key))
        key_free(core, key);
    st_map_free(&core->keys);
}
