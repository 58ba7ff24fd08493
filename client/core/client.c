#include "client/core/core.h"

#include <stdlib.h>

#include "client/e2e/e2e_safety.h"

struct client_config client_config_default(void)
{
    struct client_config config = {
        .opaque = { st_opaque_ksf_default(), opaque_client_register_finish, opaque_client_login_finish },
        .requests = CLIENT_REQUESTS_AUTO,
        .answer_ms = 10000,
        .gap_hold_ms = 10000,
        .expose_after_ms = 60000,
        .expose_spread_ms = 600000,
    };
    return config;
}

/* The parts in the order in which they are made; freed in reverse. */
static const struct part {
    enum st_err (*make)(struct client *client);
    void (*free)(struct client *client);
} parts[] = {
    { peers_new, peers_free },     { account_new, account_free }, { sync_new, sync_free },   { lists_new, lists_free },
    { prekeys_new, prekeys_free }, { outbox_new, outbox_free },   { inbox_new, inbox_free }, { blobs_new, blobs_free },
    { expose_new, expose_free },   { sender_new, sender_free },
};

enum { PART_COUNT = sizeof parts / sizeof parts[0] };

static enum st_err load(struct client *client)
{
    enum st_err err = identity_load(client);
    if (err == ST_ENOTFOUND)
        return ST_OK; /* an empty store, before its registration */
    if (err != ST_OK)
        return err;
    outbox_load(client);
    sync_load_policy(client);
    order_wake(client);
    return ST_OK;
}

enum st_err client_new(struct client **client_r, struct store *store, const struct client_config *config,
                       const struct st_env *env, const struct client_out *out)
{
    *client_r = NULL;
    struct client *client = calloc(1, sizeof *client);
    if (client == NULL)
        return ST_ENOMEM;
    client->store = store;
    client->config = *config;
    client->env = env;
    client->out = *out;
    st_buf_init(&client->frame, ST_FRAME_MAX);
    enum st_err err = ST_OK;
    for (size_t i = 0; i < PART_COUNT && err == ST_OK; i++)
        err = parts[i].make(client);
    if (err == ST_OK)
        err = load(client);
    if (err != ST_OK)
        client_free(&client);
    *client_r = client;
    return err;
}

void client_free(struct client **client)
{
    struct client *gone = *client;
    *client = NULL;
    if (gone == NULL)
        return;
    for (int i = 0; i < CLIENT_LINKS; i++) {
        if (gone->links[i].open)
            gone->out.close(gone->out.ctx, (enum client_link)i);
    }
    memset(gone->requests, 0, sizeof gone->requests);
    for (size_t i = PART_COUNT; i-- > 0;)
        parts[i].free(gone);
    identity_wipe(gone);
    st_buf_wipe_free(&gone->frame);
    free(gone);
}

void client_tick(struct client *client)
{
    link_tick(client);
    account_tick(client);
    sync_tick(client);
    outbox_tick(client);
    inbox_tick(client);
    order_tick(client);
    sender_tick(client);
    expose_tick(client);
    blobs_tick(client);
    upkeep_tick(client);
    if (store_wait_ms(client->store) == 0 && store_tick(client->store) != ST_OK)
        core_warn(client, "erased keys could not be taken out of the store's log yet");
}

int64_t client_next_ms(const struct client *client)
{
    int64_t next = link_next_ms(client);
    next = core_earlier(next, sync_next_ms(client));
    next = core_earlier(next, account_next_ms(client));
    next = core_earlier(next, outbox_next_ms(client));
    next = core_earlier(next, inbox_next_ms(client));
    next = core_earlier(next, order_next_ms(client));
    next = core_earlier(next, sender_next_ms(client));
    next = core_earlier(next, expose_next_ms(client));
    next = core_earlier(next, blobs_next_ms(client));
    int64_t upkeep = store_wait_ms(client->store);
    if (upkeep >= 0)
        next = core_earlier(next, core_mono(client) + upkeep);
    int64_t idle = core_mono(client) + 60000;
    return core_earlier(next, idle);
}

void client_link_event(struct client *client, enum client_link which, enum client_link_state state)
{
    static const enum client_reason reasons[] = {
        [CLIENT_LINK_UP] = CLIENT_OK,
        [CLIENT_LINK_DOWN] = CLIENT_UNREACHABLE,
        [CLIENT_LINK_NO_ANSWER] = CLIENT_UNREACHABLE,
        [CLIENT_LINK_BAD_HANDSHAKE] = CLIENT_WRONG_SERVER_KEY,
        [CLIENT_LINK_REFUSED] = CLIENT_DEVICE_REVOKED,
    };
    struct link *link = &client->links[which];
    if (!link->open)
        return;
    link->up = state == CLIENT_LINK_UP;
    link->reason = reasons[state];
    if (state == CLIENT_LINK_REFUSED)
        link->open = false;
    if (!link->up)
        link_fail_requests(client, which, CLIENT_UNREACHABLE);
    if (which == CLIENT_DEVICE)
        sync_link_event(client, state);
    else if (sync_owns_enrol(client))
        sync_enrol_event(client, state);
    else
        account_link_event(client, state);
}

/* Frames that come without being asked for. */
static void on_unasked(struct client *client, const struct st_frame *frame)
{
    struct st_msg_chat_started started;
    struct client_result failure;
    switch (frame->type) {
    case ST_PUSH:
        inbox_push(client, frame);
        break;
    case ST_ACCEPTED:
        outbox_accepted(client, frame);
        break;
    case ST_BYE:
        sync_bye(client, frame);
        break;
    case ST_CHAT_STARTED:
        if (st_frame_read(frame, &started) == ST_OK && ST_HAS(&started, 1))
            prekeys_refill(client, started.opk_left);
        break;
    case ST_ERROR:
        failure = core_error_result(frame);
        if (failure.reason == CLIENT_RATE_LIMITED || failure.reason == CLIENT_UNAVAILABLE)
            outbox_pause(client, &failure);
        break;
    default:
        break; /* a newer server may say more than we know */
    }
}

void client_frame(struct client *client, enum client_link link, struct st_view bytes)
{
    struct st_frame frame;
    if (st_frame_open(bytes, ST_FRAME_MAX, &frame) != ST_OK) {
        core_warn(client, "the server sent a frame that breaks the protocol");
        return;
    }
    if (!link_deliver(client, link, &frame) && link == CLIENT_DEVICE)
        on_unasked(client, &frame);
}

bool client_is_settled(struct client *client)
{
    return client_is_online(client) && sync_mailbox_empty(client) && outbox_settled(client) && order_settled(client) &&
           blobs_settled(client) && receipts_settled(client);
}

void client_get_status(const struct client *client, struct client_status *out)
{
    sync_fill_status(client, out);
    out->registered = client->self.loaded;
    memcpy(out->acct, client->self.acct, sizeof out->acct);
    out->dev = client->self.dev;
    uint64_t count = 0;
    if (store_meta_get_u64(client->store, STORE_META_NO_OPK_COUNT, &count) == ST_OK)
        out->no_opk_count = count;
}

/* ---- people ---- */

enum st_err client_safety_number(struct client *client, const char *name, char out[static CLIENT_SAFETY_BYTES])
{
    char own[E2E_SAFETY_HALF_DIGITS + 1], theirs[E2E_SAFETY_HALF_DIGITS + 1];
    struct store_contact contact;
    struct store_pending_key pending;
    out[0] = '\0';
    enum st_err err = e2e_safety_half(own, client->self.ak, client->self.name);
    if (err != ST_OK)
        return err;
    if (name == NULL) {
        memcpy(out, own, sizeof own);
        return ST_OK;
    }
    err = store_contact_find(client->store, name, &contact);
    if (err != ST_OK)
        return err;
    const uint8_t *ak = contact.ak;
    err = store_contact_get_pending(client->store, contact.acct, &pending);
    if (err == ST_OK)
        ak = pending.ak;
    else if (err != ST_ENOTFOUND)
        return err;
    err = e2e_safety_half(theirs, ak, contact.name);
    if (err == ST_OK)
        e2e_safety_number(out, own, theirs);
    return err;
}

/* The user has confirmed a new account key: its list is judged afresh, the contact goes over. */
static enum st_err adopt(struct client *client, const struct store_contact *contact,
                         const struct store_pending_key *pending)
{
    enum st_err err = tx_begin(client);
    if (err != ST_OK)
        return err;
    err = tx_end(client, store_contact_adopt(client->store, contact->acct, STORE_VERIFIED));
    peers_forget_all(client);
    if (err != ST_OK || pending->list_len == 0)
        return err;
    enum st_devlist_verdict verdict;
    struct lists_offer offer = { .acct = pending->acct,
                                 .ak = pending->ak,
                                 .wire = st_view(pending->list, pending->list_len) };
    return lists_offer(client, &offer, &verdict);
}

enum st_err client_set_verified(struct client *client, const char *name)
{
    struct store_contact contact;
    struct store_pending_key pending;
    enum st_err err = store_contact_find(client->store, name, &contact);
    if (err != ST_OK)
        return err;
    err = store_contact_get_pending(client->store, contact.acct, &pending);
    if (err == ST_OK)
        return adopt(client, &contact, &pending);
    if (err != ST_ENOTFOUND)
        return err;
    err = tx_begin(client);
    return err == ST_OK ? tx_end(client, store_contact_set_trust(client->store, contact.acct, STORE_VERIFIED)) : err;
}

static enum st_err owe_read(void *ctx, const struct store_message *message)
{
    struct client *client = ctx;
    struct store_contact contact;
    enum st_err err = store_contact_get(client->store, message->sender.acct, &contact);
    if (err != ST_OK || contact.relation != STORE_ACCEPTED)
        return err == ST_ENOTFOUND ? ST_OK : err;
    struct store_receipt receipt = { .to = message->sender, .kind = STORE_RECEIPT_READ };
    memcpy(receipt.msg_id, message->id, sizeof receipt.msg_id);
    return store_receipt_owe(client->store, &receipt);
}

enum st_err client_mark_read(struct client *client, int64_t chat, uint64_t order)
{
    enum st_err err = tx_begin(client);
    if (err == ST_OK)
        err = tx_end(client, store_message_mark_read(client->store, chat, order, owe_read, client));
    if (err == ST_OK)
        receipts_pump(client);
    return err;
}
