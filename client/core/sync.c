#include "client/core/core.h"

#include <stdlib.h>

#include <sodium.h>

enum {
    POLL_MS = 200,           /* between questions whether the mailbox is empty */
    HELLO_AGAIN_MS = 1000,   /* after a hello that was answered with an error */
    ASK_ENDPOINTS_AFTER = 5, /* failed attempts to reach the device endpoint */
    PINGS_LOST_MAX = 2,
    EPOCHS_EVERY_MS = 600000,
    TELL_GENERATION_MS = 1000 /* after something was sent */
};

/* Accounts whose store epochs were asked for. */
struct epoch_question {
    bool running;
    uint8_t accts[ST_EPOCHS_MAX][ST_ACCT_LEN];
    size_t count;
};

struct sync {
    enum sync_state state;
    struct epoch_question epochs;
    bool hello_sent;
    bool mailbox_empty;
    bool ping_running;
    bool push_since_ping;
    bool generation_untold; /* something was sent since the server was told our generation */
    bool asking_endpoints;
    unsigned failures;    /* of the device link in a row */
    unsigned pings_lost;  /* in a row */
    int64_t hello_at_ms;  /* when to say hello again */
    int64_t reopen_at_ms; /* after a bye */
    int64_t ping_at_ms;   /* the next ping */
    int64_t epochs_at_ms; /* when to ask for store epochs again */
    struct client_status policy;
};

enum st_err sync_new(struct client *client)
{
    client->sync = calloc(1, sizeof *client->sync);
    return client->sync == NULL ? ST_ENOMEM : ST_OK;
}

void sync_free(struct client *client)
{
    free(client->sync);
    client->sync = NULL;
}

enum sync_state sync_state_of(const struct client *client)
{
    return client->sync->state;
}

static void tell(struct client *client, enum client_event_kind kind, enum client_reason reason)
{
    struct client_event event = { .kind = kind, .result = core_result(reason) };
    client->out.event(client->out.ctx, &event);
}

/* Not online any more: what depends on the connection starts anew with the next welcome. */
static void lose(struct client *client, enum client_reason reason)
{
    struct sync *sync = client->sync;
    bool was_online = sync->state == SYNC_ONLINE;
    sync->hello_sent = false;
    sync->mailbox_empty = false;
    sync->ping_running = false;
    sync->pings_lost = 0;
    sync->ping_at_ms = TIMER_NEVER;
    sync->hello_at_ms = TIMER_NEVER;
    sync->epochs_at_ms = TIMER_NEVER;
    outbox_offline(client);
    inbox_offline(client);
    blobs_offline(client);
    if (was_online)
        tell(client, CLIENT_EVENT_OFFLINE, reason);
}

/* The server will not have us: nothing will change by itself. */
static void give_up(struct client *client, enum client_reason reason)
{
    client->links[CLIENT_DEVICE].reason = reason;
    lose(client, reason);
    client->sync->state = SYNC_OFF;
    sync_release_enrol(client);
    account_offline(client, reason); /* before its requests fail for want of a link */
    sender_offline(client, reason);
    link_close(client, CLIENT_DEVICE);
    client->links[CLIENT_DEVICE].reason = reason;
    tell(client, CLIENT_EVENT_OFFLINE, reason);
}

void client_go_online(struct client *client)
{
    struct sync *sync = client->sync;
    if (sync->state != SYNC_OFF || !client->self.loaded)
        return;
    sync->state = SYNC_LINKING;
    sync->failures = 0;
    sync->reopen_at_ms = TIMER_NEVER;
    link_open_device(client);
}

void client_go_offline(struct client *client)
{
    struct sync *sync = client->sync;
    if (sync->state == SYNC_OFF)
        return;
    lose(client, CLIENT_OK);
    sync->state = SYNC_OFF;
    sync->reopen_at_ms = TIMER_NEVER;
    sync_release_enrol(client);
    link_close(client, CLIENT_DEVICE);
}

bool client_is_online(const struct client *client)
{
    return client->sync->state == SYNC_ONLINE;
}

enum client_reason client_link_reason(const struct client *client)
{
    enum client_reason device = client->links[CLIENT_DEVICE].reason;
    return device != CLIENT_OK ? device : client->links[CLIENT_ENROL].reason;
}

/* ---- hello and welcome ---- */

/* The relay has a newer generation than this store: the store was put back. Ratchets and prekeys may be known to
 * whoever recorded what was exposed since (CRYPTO 12 and 13, Rollback). */
static enum st_err check_generation(struct client *client, struct st_view theirs)
{
    struct store_device own = { .dev = client->self.dev };
    memcpy(own.acct, client->self.acct, sizeof own.acct);
    uint64_t number = st_get_u64(theirs.p), ours;
    uint8_t tag[ST_HASH_LEN];
    enum st_err err = store_generation_get(client->store, &ours);
    store_generation_tag(client->store, &own, number, tag);
    if (err != ST_OK || sodium_memcmp(tag, theirs.p + 8, sizeof tag) != 0 || number <= ours)
        return err; /* a wrong tag counts as older */
    core_warn(client, "this store is older than what the server has seen: sessions and prekeys are made anew");
    err = tx_begin(client);
    if (err != ST_OK)
        return err;
    err = store_wipe_ratchets(client->store);
    if (err == ST_OK)
        err = outbox_begin_anew(client);
    if (err == ST_OK)
        err = store_meta_put_u64(client->store, STORE_META_GENERATION, number);
    if (err == ST_OK)
        err = prekeys_create_first(client);
    if (err == ST_OK)
        err = lists_notice(client, 0, "session_renewed",
                           "This store was put back to an older state. New keys were made; nothing is lost but what "
                           "was written since.");
    peers_forget_all(client);
    return tx_end(client, err);
}

static enum st_err keep_policy(struct client *client, const struct st_msg_welcome *msg)
{
    struct client_status *policy = &client->sync->policy;
    policy->registration = msg->registration;
    policy->retention_s = msg->retention_s;
    policy->mailbox_bytes = msg->mailbox_bytes_max;
    policy->blob_bytes = msg->blob_bytes_max;
    policy->prekeys = msg->opk_left;
    policy->synced_at_ms = core_wall(client);
    uint8_t form[40];
    st_put_u64(form, policy->registration);
    st_put_u64(form + 8, policy->retention_s);
    st_put_u64(form + 16, policy->mailbox_bytes);
    st_put_u64(form + 24, policy->blob_bytes);
    st_put_u64(form + 32, policy->prekeys);
    enum st_err err = tx_begin(client);
    if (err != ST_OK)
        return err;
    err = store_meta_put(client->store, STORE_META_POLICY, st_view(form, sizeof form));
    if (err == ST_OK)
        err = store_meta_put_u64(client->store, STORE_META_LAST_SYNC_MS, (uint64_t)policy->synced_at_ms);
    return tx_end(client, err);
}

static void ask_epochs(struct client *client);

static void on_welcome(struct client *client, void *ctx, const struct st_frame *reply,
                       const struct client_result *failure)
{
    (void)ctx;
    struct sync *sync = client->sync;
    sync->hello_sent = false;
    if (sync->state != SYNC_HELLO)
        return;
    struct st_msg_welcome msg;
    if (failure != NULL && failure->reason == CLIENT_DEVICE_REVOKED) {
        give_up(client, CLIENT_DEVICE_REVOKED);
        return;
    }
    if (failure != NULL || reply->type != ST_WELCOME || st_frame_read(reply, &msg) != ST_OK) {
        sync->hello_at_ms = core_mono(client) + HELLO_AGAIN_MS;
        return;
    }
    enum st_err err = ST_HAS(&msg, 3) ? check_generation(client, msg.generation) : ST_OK;
    if (err == ST_OK)
        err = keep_policy(client, &msg);
    if (err != ST_OK) {
        client->links[CLIENT_DEVICE].reason = CLIENT_STORE;
        give_up(client, CLIENT_STORE);
        return;
    }
    sync->state = SYNC_ONLINE;
    sync->failures = 0;
    sync_release_enrol(client);
    sync->mailbox_empty = msg.pending == 0;
    sync->ping_at_ms = core_mono(client) + POLL_MS;
    client->links[CLIENT_DEVICE].reason = CLIENT_OK;
    tell(client, CLIENT_EVENT_ONLINE, CLIENT_OK);
    prekeys_refill(client, msg.opk_left);
    lists_renew_own(client, msg.list_seq);
    outbox_online(client, msg.epoch.p);
    ask_epochs(client);
    blobs_online(client);
    receipts_pump(client);
    account_online(client);
    sender_online(client);
    outbox_pump(client);
}

bool sync_generation(struct client *client, uint8_t out[static ST_GENERATION_LEN])
{
    struct store_device own = { .dev = client->self.dev };
    memcpy(own.acct, client->self.acct, sizeof own.acct);
    uint64_t number = 0;
    if (store_generation_get(client->store, &number) != ST_OK || number == 0)
        return false;
    st_put_u64(out, number);
    store_generation_tag(client->store, &own, number, out + 8);
    client->sync->generation_untold = false;
    return true;
}

/* Else a store that is put back to just before it would use its places in the ratchets again, and nobody would know. */
void sync_sent(struct client *client)
{
    struct sync *sync = client->sync;
    sync->generation_untold = true;
    if (!sync->ping_running)
        sync->ping_at_ms = core_earlier(sync->ping_at_ms, core_mono(client) + TELL_GENERATION_MS);
}

static void say_hello(struct client *client)
{
    struct sync *sync = client->sync;
    /* Our generation is told only after the relay's was compared, with pings and acks: a hello that carried an older
     * one would wipe out the evidence. */
    struct st_msg_hello msg = { 0 };
    sync->state = SYNC_HELLO;
    sync->hello_at_ms = TIMER_NEVER;
    if (link_request(client, CLIENT_DEVICE, ST_HELLO, &msg, on_welcome, NULL) == ST_OK)
        sync->hello_sent = true;
    else
        sync->hello_at_ms = core_mono(client) + HELLO_AGAIN_MS;
}

/* ---- epochs of the recipients' stores ---- */

static enum st_err add_acct(void *ctx, const uint8_t acct[static ST_ACCT_LEN])
{
    struct epoch_question *question = ctx;
    memcpy(question->accts[question->count++], acct, ST_ACCT_LEN);
    return ST_OK;
}

static void on_epochs(struct client *client, void *ctx, const struct st_frame *reply,
                      const struct client_result *failure)
{
    struct epoch_question *question = &client->sync->epochs;
    struct st_msg_epochs_r msg;
    (void)ctx;
    question->running = false;
    if (failure == NULL && reply->type == ST_EPOCHS_R && st_frame_read(reply, &msg) == ST_OK &&
        msg.epochs.count == question->count) {
        struct st_view epoch;
        for (size_t i = 0; st_bytes_list_next(&msg.epochs, &epoch); i++)
            outbox_epoch(client, question->accts[i], epoch.p);
        outbox_pump(client);
    }
}

static void ask_epochs(struct client *client)
{
    struct sync *sync = client->sync;
    sync->epochs_at_ms = core_mono(client) + EPOCHS_EVERY_MS;
    struct epoch_question *question = &sync->epochs;
    if (question->running)
        return;
    question->count = 0;
    enum st_err err = store_epoch_each_waiting(client->store, ST_EPOCHS_MAX, add_acct, question);
    if (err != ST_OK || question->count == 0)
        return;
    struct st_msg_epochs msg = { .accts = { .count = question->count, .items = question->accts } };
    question->running = link_request(client, CLIENT_DEVICE, ST_EPOCHS, &msg, on_epochs, NULL) == ST_OK;
}

/* ---- ping ---- */

static void on_pong(struct client *client, void *ctx, const struct st_frame *reply, const struct client_result *failure)
{
    (void)ctx;
    struct sync *sync = client->sync;
    sync->ping_running = false;
    if (sync->state != SYNC_ONLINE)
        return;
    struct st_msg_pong msg;
    int64_t now = core_mono(client);
    if (failure != NULL && failure->reason == CLIENT_UNREACHABLE) {
        if (++sync->pings_lost >= PINGS_LOST_MAX) {
            lose(client, CLIENT_UNREACHABLE);
            sync->state = SYNC_LINKING;
            link_open_device(client);
            return;
        }
        sync->ping_at_ms = now;
        return;
    }
    if (failure != NULL && failure->reason == CLIENT_PROTOCOL) { /* the gateway has forgotten this session */
        lose(client, CLIENT_UNAVAILABLE);
        say_hello(client);
        return;
    }
    if (failure != NULL || reply->type != ST_PONG || st_frame_read(reply, &msg) != ST_OK) {
        sync->ping_at_ms = now + HELLO_AGAIN_MS;
        return;
    }
    sync->pings_lost = 0;
    if (ST_HAS(&msg, 2))
        sync->policy.prekeys = msg.opk_left;
    sync->mailbox_empty = msg.pending <= inbox_held(client) && !sync->push_since_ping;
    sync->ping_at_ms = now + (!sync->mailbox_empty      ? POLL_MS
                              : sync->generation_untold ? TELL_GENERATION_MS
                                                        : ST_PING_INTERVAL_MS);
    if (ST_HAS(&msg, 2))
        prekeys_refill(client, msg.opk_left);
}

static void send_ping(struct client *client)
{
    struct sync *sync = client->sync;
    uint8_t generation[ST_GENERATION_LEN];
    struct st_msg_ping msg = { 0 };
    if (sync_generation(client, generation)) {
        msg.generation = st_view(generation, sizeof generation);
        ST_SET(&msg, 1);
    }
    sync->ping_at_ms = TIMER_NEVER;
    sync->push_since_ping = false;
    if (link_request(client, CLIENT_DEVICE, ST_PING, &msg, on_pong, NULL) == ST_OK)
        sync->ping_running = true;
    else
        sync->ping_at_ms = core_mono(client) + HELLO_AGAIN_MS;
}

bool sync_mailbox_empty(const struct client *client)
{
    return client->sync->state == SYNC_ONLINE && client->sync->mailbox_empty;
}

void sync_push_seen(struct client *client)
{
    struct sync *sync = client->sync;
    sync->mailbox_empty = false;
    sync->push_since_ping = true;
    if (!sync->ping_running)
        sync->ping_at_ms = core_earlier(sync->ping_at_ms, core_mono(client) + POLL_MS);
}

/* ---- links ---- */

static void on_endpoints(struct client *client, void *ctx, const struct st_frame *reply,
                         const struct client_result *failure)
{
    (void)ctx;
    struct sync *sync = client->sync;
    struct st_msg_endpoints_r msg;
    if (!sync->asking_endpoints)
        return; /* the link is wanted for something else now */
    if (failure == NULL && reply->type == ST_ENDPOINTS_R && st_frame_read(reply, &msg) == ST_OK) {
        enum st_err err = tx_begin(client);
        if (err == ST_OK)
            err = tx_end(client, identity_store_endpoints(client, msg.endpoints));
        if (err == ST_OK)
            err = identity_load(client);
        if (err != ST_OK)
            core_warn(client, "the server's new endpoints could not be stored");
    }
    sync->asking_endpoints = false;
    link_close(client, CLIENT_ENROL);
    if (sync->state == SYNC_LINKING && client->self.loaded)
        link_open_device(client);
}

bool sync_owns_enrol(const struct client *client)
{
    return client->sync->asking_endpoints;
}

void sync_release_enrol(struct client *client)
{
    if (!client->sync->asking_endpoints)
        return;
    client->sync->asking_endpoints = false;
    link_close(client, CLIENT_ENROL);
}

void sync_enrol_event(struct client *client, enum client_link_state state)
{
    struct st_msg_endpoints msg = { 0 };
    if (state != CLIENT_LINK_UP)
        return;
    if (link_request(client, CLIENT_ENROL, ST_ENDPOINTS, &msg, on_endpoints, NULL) != ST_OK) {
        client->sync->asking_endpoints = false;
        link_close(client, CLIENT_ENROL);
    }
}

/* The device endpoint does not answer: after some attempts, ask the enrol endpoint where it is now. */
static void count_failure(struct client *client)
{
    struct sync *sync = client->sync;
    if (++sync->failures % ASK_ENDPOINTS_AFTER != 0 || client->links[CLIENT_ENROL].open)
        return;
    sync->asking_endpoints = true;
    link_open_enrol(client, client->self.tk_public, client->self.tk_secret);
}

void sync_link_event(struct client *client, enum client_link_state state)
{
    struct sync *sync = client->sync;
    if (sync->state == SYNC_OFF)
        return;
    switch (state) {
    case CLIENT_LINK_UP:
        if (sync->state == SYNC_ONLINE || sync->state == SYNC_HELLO)
            lose(client, CLIENT_UNREACHABLE);
        say_hello(client);
        break;
    case CLIENT_LINK_DOWN:
        lose(client, CLIENT_UNREACHABLE);
        sync->state = SYNC_LINKING;
        break;
    case CLIENT_LINK_NO_ANSWER:
        if (sync->state == SYNC_LINKING)
            count_failure(client);
        break;
    case CLIENT_LINK_BAD_HANDSHAKE:
        give_up(client, CLIENT_WRONG_SERVER_KEY);
        break;
    case CLIENT_LINK_REFUSED:
        give_up(client, CLIENT_DEVICE_REVOKED);
        break;
    }
}

void sync_bye(struct client *client, const struct st_frame *frame)
{
    struct sync *sync = client->sync;
    struct st_msg_bye msg;
    if (sync->state == SYNC_OFF || st_frame_read(frame, &msg) != ST_OK)
        return;
    if (msg.reason == ST_BYE_REVOKED) {
        give_up(client, CLIENT_DEVICE_REVOKED);
        return;
    }
    if (msg.reason == ST_BYE_REPLACED) {
        give_up(client, CLIENT_NOT_ALLOWED);
        return;
    }
    lose(client, CLIENT_UNAVAILABLE);
    sync->state = SYNC_LINKING;
    link_close(client, CLIENT_DEVICE);
    uint64_t wait = msg.reconnect_after_ms < 60000 ? msg.reconnect_after_ms : 60000;
    sync->reopen_at_ms = core_mono(client) + (int64_t)wait + 1;
}

void sync_tick(struct client *client)
{
    struct sync *sync = client->sync;
    int64_t now = core_mono(client);
    if (sync->state == SYNC_LINKING && sync->reopen_at_ms != TIMER_NEVER && sync->reopen_at_ms <= now) {
        sync->reopen_at_ms = TIMER_NEVER;
        link_open_device(client);
    }
    if (sync->state == SYNC_HELLO && sync->hello_at_ms != TIMER_NEVER && sync->hello_at_ms <= now)
        say_hello(client);
    if (sync->state != SYNC_ONLINE)
        return;
    if (sync->ping_at_ms != TIMER_NEVER && sync->ping_at_ms <= now && !sync->ping_running)
        send_ping(client);
    if (sync->epochs_at_ms != TIMER_NEVER && sync->epochs_at_ms <= now)
        ask_epochs(client);
}

int64_t sync_next_ms(const struct client *client)
{
    const struct sync *sync = client->sync;
    switch (sync->state) {
    case SYNC_OFF:
        return TIMER_NEVER;
    case SYNC_LINKING:
        return sync->reopen_at_ms;
    case SYNC_HELLO:
        return sync->hello_at_ms;
    case SYNC_ONLINE:
        return core_earlier(sync->ping_at_ms, sync->epochs_at_ms);
    }
    return TIMER_NEVER;
}

bool sync_ask_strangers(const struct client *client)
{
    enum { REGISTRATION_OPEN = 4 };
    if (client->config.requests != CLIENT_REQUESTS_AUTO)
        return client->config.requests == CLIENT_REQUESTS_ASK;
    return client->sync->policy.registration == REGISTRATION_OPEN;
}

void sync_load_policy(struct client *client)
{
    struct client_status *policy = &client->sync->policy;
    uint8_t form[40];
    uint64_t synced = 0;
    if (store_meta_get_exact(client->store, STORE_META_POLICY, form, sizeof form) != ST_OK)
        return;
    policy->registration = st_get_u64(form);
    policy->retention_s = st_get_u64(form + 8);
    policy->mailbox_bytes = st_get_u64(form + 16);
    policy->blob_bytes = st_get_u64(form + 24);
    policy->prekeys = st_get_u64(form + 32);
    if (store_meta_get_u64(client->store, STORE_META_LAST_SYNC_MS, &synced) == ST_OK)
        policy->synced_at_ms = (int64_t)synced;
}

void sync_fill_status(const struct client *client, struct client_status *out)
{
    *out = client->sync->policy;
    out->online = client->sync->state == SYNC_ONLINE;
}
