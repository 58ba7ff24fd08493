#include "client/core/core.h"

#include <stdio.h>
#include <stdlib.h>

#include <sodium.h>

/* Sending a message, in steps: who is it for, are there sessions with all of his devices, then one transaction that
 * makes message, ratchet steps and outbox copies durable together. */

enum step {
    STEP_IDLE,
    STEP_WAIT_ONLINE, /* something must be asked and the server is not there yet */
    STEP_LOOKUP,      /* is_user is on its way */
    STEP_BUNDLES,     /* start_chat is on its way */
    STEP_HANDSHAKE    /* start_chat inside the session is on its way: a ratchet step before the message */
};

enum {
    TARGETS_MAX = 2 * ST_DEVICES_MAX, /* his devices and our own others */
    RENEWALS_MAX = 8,
    HANDSHAKE_WAIT_MS = 3000,
    PEER_RECENT_MS = 60000, /* a payload of his within this: he is online */
    STEP_AGAIN_MS = 600000, /* a ratchet step is asked for at least this often */
    RETRY_MS = 1000         /* a question that was not answered, or answered with "not now" */
};

/* A bundle as kept while a message is prepared. */
struct target {
    struct store_device id;
    bool own;             /* another device of ours */
    enum e2e_renewal why; /* a new session is needed */
    bool has_bundle;
    struct st_bundle bundle;
};

struct renewal {
    bool in_use;
    bool asked; /* the answer is awaited */
    struct store_device to;
    bool tell;                  /* the other side is told … */
    uint8_t sid[E2E_SID_BYTES]; /* … that this session cannot be read */
    uint8_t nonce[ST_NONCE_LEN];
};

struct sender {
    enum step step;
    client_done_fn done;
    void *ctx;
    char to[ST_NAME_MAX + 1];
    const struct client_outgoing *message; /* borrowed until done */
    uint8_t id[ST_MSG_ID_LEN];
    uint8_t acct[ST_ACCT_LEN];
    uint8_t nonce[ST_NONCE_LEN];
    bool asked_bundles;
    bool shook_hands;
    int64_t deadline_ms; /* of the handshake */
    int64_t retry_ms;    /* of a question that was not answered */
    struct target targets[TARGETS_MAX];
    size_t target_count;
    struct store_attachment *sealed; /* PAYLOAD_ATTACHMENTS_MAX, in locked memory */
    size_t sealed_count;
    struct renewal renewals[RENEWALS_MAX];
    int64_t renew_ms; /* when those that were not answered are asked for again */
};

enum st_err sender_new(struct client *client)
{
    struct sender *sender = calloc(1, sizeof *sender);
    if (sender == NULL)
        return ST_ENOMEM;
    client->sender = sender;
    sender->sealed = sodium_malloc(PAYLOAD_ATTACHMENTS_MAX * sizeof *sender->sealed);
    return sender->sealed == NULL ? ST_ENOMEM : ST_OK;
}

void sender_free(struct client *client)
{
    if (client->sender == NULL)
        return;
    sodium_free(client->sender->sealed);
    free(client->sender);
    client->sender = NULL;
}

/* No answer, or "not now": worth asking again for as long as the caller has patience. */
static bool is_passing(const struct client_result *failure)
{
    return failure->reason == CLIENT_UNREACHABLE || failure->reason == CLIENT_UNAVAILABLE;
}

static void ask_again_later(struct client *client)
{
    client->sender->step = STEP_WAIT_ONLINE;
    client->sender->retry_ms = core_mono(client) + RETRY_MS;
}

/* Ends the operation. Sealed files of a message that was not kept are deleted. */
static void finish(struct client *client, struct client_result result)
{
    struct sender *sender = client->sender;
    client_done_fn done = sender->done;
    void *ctx = sender->ctx;
    for (size_t i = 0; i < sender->sealed_count && result.reason != CLIENT_OK; i++)
        client->out.blob_delete(client->out.ctx, sender->sealed[i].blob_id);
    sodium_memzero(sender->sealed, PAYLOAD_ATTACHMENTS_MAX * sizeof *sender->sealed);
    sender->sealed_count = 0;
    sender->step = STEP_IDLE;
    sender->message = NULL;
    sender->done = NULL;
    memcpy(result.id, sender->id, sizeof result.id);
    if (done != NULL)
        done(ctx, &result);
}

static void finish_reason(struct client *client, enum client_reason reason)
{
    finish(client, core_result(reason));
}

/* ---- composing ---- */

struct compose {
    struct payload_attachment items[PAYLOAD_ATTACHMENTS_MAX];
    struct store_attachment *rows; /* what the items point into */
    size_t count;
};

static enum st_err add_attachment(void *ctx, const struct store_attachment *attachment)
{
    struct compose *compose = ctx;
    if (compose->count == PAYLOAD_ATTACHMENTS_MAX)
        return ST_ELIMIT;
    struct store_attachment *row = &compose->rows[compose->count];
    *row = *attachment;
    compose->items[compose->count++] = (struct payload_attachment) {
        .blob = st_view(row->blob_id, sizeof row->blob_id),
        .key = st_view(row->key, sizeof row->key),
        .digest = st_view(row->digest, sizeof row->digest),
        .sha256 = st_view(row->sha256, sizeof row->sha256),
        .bytes = row->plain_bytes,
        .sealed_bytes = row->blob_bytes,
        .chunks = row->chunks,
        .name = st_view_text(row->name),
        .mime = st_view_text(row->mime),
    };
    return ST_OK;
}

enum st_err sender_compose(struct client *client, int64_t row, struct st_buf *body)
{
    struct store_message message;
    struct st_buf text;
    struct compose compose = { .rows = sodium_malloc(PAYLOAD_ATTACHMENTS_MAX * sizeof *compose.rows) };
    if (compose.rows == NULL)
        return ST_ENOMEM;
    st_buf_init(&text, STORE_TEXT_MAX);
    enum st_err err = store_message_get(client->store, row, &message, &text);
    if (err == ST_OK)
        err = store_attachment_each(client->store, row, add_attachment, &compose);
    if (err == ST_OK) {
        struct payload_text out = { .text = message.text,
                                    .attachments = { .count = compose.count, .items = compose.items } };
        if (compose.count > 0)
            ST_SET(&out, 2);
        err = payload_body_write(PAYLOAD_TEXT, &out, body);
    }
    st_buf_wipe_free(&text);
    sodium_free(compose.rows);
    return err;
}

/* ---- the transaction ---- */

static enum st_err open_session(struct client *client, const struct target *target)
{
    struct peer *peer;
    struct st_devlist list;
    uint8_t ak[ST_KEY_LEN];
    enum st_err err = peers_get(client, &target->id, &peer);
    if (err == ST_OK)
        err = lists_get(client, target->id.acct, &list);
    if (err == ST_OK)
        err = lists_account_key(client, target->id.acct, ak);
    if (err != ST_OK)
        return err;
    struct e2e_start start = { .self = &client->self.self,
                               .bundle = &target->bundle,
                               .list = &list,
                               .ak = ak,
                               .bypass_held =
                                   target->why == E2E_RENEW_NO_RECEIPTS || target->why == E2E_RENEW_CHAIN_FULL,
                               .now_s = (uint64_t)(core_wall(client) / 1000) };
    err = e2e_open_outgoing(&peer->set, client->env, &start);
    if (err != ST_OK)
        return err;
    peer->dirty = true;
    uint64_t count;
    if (target->bundle.opk_id != 0)
        return ST_OK;
    err = store_meta_get_u64(client->store, STORE_META_NO_OPK_COUNT, &count);
    return err == ST_OK ? store_meta_put_u64(client->store, STORE_META_NO_OPK_COUNT, count + 1) : err;
}

static enum st_err add_message(struct client *client, int64_t *row_r, struct store_message *message)
{
    struct sender *sender = client->sender;
    struct store_contact contact;
    enum st_err err = store_contact_get(client->store, sender->acct, &contact);
    if (err == ST_OK && contact.relation != STORE_ACCEPTED) /* writing to somebody accepts him */
        err = store_contact_set_relation(client->store, sender->acct, STORE_ACCEPTED);
    if (err == ST_OK)
        err = store_chat_open(client->store, STORE_CHAT_PERSON, sender->acct, sender->to, core_wall(client),
                              &message->chat);
    if (err == ST_OK)
        err = store_chat_take_seq(client->store, message->chat, &message->seq);
    memcpy(message->id, sender->id, sizeof message->id);
    memcpy(message->sender.acct, client->self.acct, ST_ACCT_LEN);
    message->sender.dev = client->self.dev;
    if (err == ST_OK)
        err = store_message_add(client->store, message, row_r);
    for (size_t i = 0; i < sender->sealed_count && err == ST_OK; i++) {
        sender->sealed[i].message = *row_r;
        sender->sealed[i].index = (uint32_t)i + 1;
        err = store_attachment_add(client->store, &sender->sealed[i]);
    }
    return err;
}

static enum st_err send_copies(struct client *client, const struct store_message *message, int64_t row, size_t *sent_r)
{
    struct sender *sender = client->sender;
    struct st_buf body;
    st_buf_init(&body, PAYLOAD_MAX);
    enum st_err err = sender_compose(client, row, &body);
    *sent_r = 0;
    for (size_t i = 0; i < sender->target_count && err == ST_OK; i++) {
        const struct target *target = &sender->targets[i];
        if (target->why != E2E_RENEW_NO && target->has_bundle)
            err = open_session(client, target);
        struct peers_message out = { .type = PAYLOAD_TEXT,
                                     .id = sender->id,
                                     .seq = message->seq,
                                     .sent_at_ms = message->sent_at_ms,
                                     .body = st_buf_view(&body),
                                     .chat = target->own ? sender->acct : NULL,
                                     .kind = STORE_COPY_MESSAGE,
                                     .message_row = target->own ? 0 : row };
        if (err == ST_OK)
            err = peers_send(client, &target->id, &out);
        if (err == ST_OK)
            *sent_r += target->own ? 0 : 1;
        else if (err == ST_ENOTFOUND || err == ST_EREFUSED || err == ST_EINTEGRITY)
            err = ST_OK; /* this device cannot be written to now: no bundle, or one that does not verify */
    }
    st_buf_wipe_free(&body);
    return err;
}

static void commit_message(struct client *client)
{
    struct sender *sender = client->sender;
    struct store_message message = { .direction = STORE_OUT,
                                     .kind = sender->sealed_count > 0 && sender->message->text.len == 0
                                                 ? STORE_KIND_FILE
                                                 : STORE_KIND_TEXT,
                                     .sent_at_ms = core_wall(client),
                                     .state = STORE_STATE_QUEUED,
                                     .shown = true,
                                     .text = sender->message->text };
    int64_t row = 0;
    size_t sent = 0;
    enum st_err err = tx_begin(client);
    if (err == ST_OK)
        err = add_message(client, &row, &message);
    if (err == ST_OK)
        err = send_copies(client, &message, row, &sent);
    if (err == ST_OK && sent == 0)
        err = ST_ENOTFOUND;
    if (store_in_transaction(client->store))
        err = tx_end(client, err);
    if (err == ST_ENOTFOUND)
        finish_reason(client, CLIENT_NO_DEVICE);
    else if (err == ST_ELIMIT || err == ST_EMALFORMED)
        finish_reason(client, CLIENT_TOO_LARGE);
    else
        finish(client, core_store_result(err));
    if (err == ST_OK) {
        blobs_wake(client);
        outbox_pump(client);
    }
}

/* ---- handshake inside the session ---- */

/* Is it time for a ratchet step, with a peer that is there to answer? */
static bool wants_step(struct client *client, struct peer *peer)
{
    int64_t now = core_mono(client);
    if (!client_is_online(client) || peer->heard_ms == 0 || now - peer->heard_ms > PEER_RECENT_MS ||
        e2e_set_choose(&peer->set, (uint64_t)(core_wall(client) / 1000)) == NULL || e2e_set_step_due(&peer->set))
        return false;
    if (client->config.strict_handshake || e2e_set_chain_len(&peer->set) >= E2E_CHAIN_STEP_AT)
        return true;
    return peer->stepped_ms != 0 && now - peer->stepped_ms > STEP_AGAIN_MS;
}

/* Asks each device for a step where it is time; true if the message should wait for an answer. */
static bool shake_hands(struct client *client)
{
    struct sender *sender = client->sender;
    bool wait = false;
    if (sender->shook_hands)
        return false;
    sender->shook_hands = true;
    for (size_t i = 0; i < sender->target_count; i++) {
        struct peer *peer;
        uint8_t nonce[ST_NONCE_LEN];
        if (peers_get(client, &sender->targets[i].id, &peer) != ST_OK || !wants_step(client, peer))
            continue;
        st_env_random(client->env, nonce, sizeof nonce);
        struct payload_nonce body = { .nonce = st_view(nonce, sizeof nonce) };
        enum st_err err = tx_begin(client);
        if (err == ST_OK)
            err = tx_end(client, peers_send_control(client, &sender->targets[i].id, PAYLOAD_START_CHAT, &body));
        if (err == ST_OK && peers_get(client, &sender->targets[i].id, &peer) == ST_OK)
            peer->stepped_ms = core_mono(client);
        wait |= err == ST_OK;
    }
    if (wait)
        outbox_pump(client);
    return wait;
}

void sender_confirmed(struct client *client, const struct store_device *from)
{
    struct sender *sender = client->sender;
    if (sender->step == STEP_HANDSHAKE && memcmp(sender->acct, from->acct, ST_ACCT_LEN) == 0)
        sender->deadline_ms = core_mono(client); /* the step is there: go on with the next tick */
}

/* ---- sessions ---- */

static void go_on(struct client *client);

/* Keeps a bundle for the target that it belongs to. */
static void keep_bundle(struct sender *sender, const struct st_msg_chat_confirmed *msg, const struct st_devlist *list,
                        const struct st_msg_bundle *in)
{
    const struct st_device *device = st_devlist_find(list, (uint32_t)in->dev);
    for (size_t i = 0; i < sender->target_count; i++) {
        struct target *target = &sender->targets[i];
        if (device == NULL || target->id.dev != in->dev || memcmp(target->id.acct, msg->acct.p, ST_ACCT_LEN) != 0)
            continue;
        struct st_bundle *bundle = &target->bundle;
        memset(bundle, 0, sizeof *bundle);
        memcpy(bundle->acct_id, msg->acct.p, sizeof bundle->acct_id);
        memcpy(bundle->ak, msg->ak.p, sizeof bundle->ak);
        bundle->device = *device;
        bundle->spk.spk_id = (uint32_t)in->spk_id;
        bundle->spk.created = in->spk_created_s;
        memcpy(bundle->spk.pub, in->spk.p, sizeof bundle->spk.pub);
        memcpy(bundle->spk.sig, in->spk_sig.p, sizeof bundle->spk.sig);
        if (ST_HAS(in, 6) && ST_HAS(in, 7)) {
            bundle->opk_id = (uint32_t)in->opk_id;
            memcpy(bundle->opk, in->opk.p, sizeof bundle->opk);
        }
        target->has_bundle = true;
    }
}

static enum st_err add_target(struct sender *sender, struct client *client, const uint8_t *acct, uint32_t dev)
{
    struct target *target = &sender->targets[sender->target_count];
    memset(target, 0, sizeof *target);
    memcpy(target->id.acct, acct, ST_ACCT_LEN);
    target->id.dev = dev;
    target->own = memcmp(acct, client->self.acct, ST_ACCT_LEN) == 0;
    sender->target_count++;
    return peers_renewal(client, &target->id, &target->why);
}

/* All devices of the account, and our own others. *missing_r: some need a new session. */
static enum st_err find_targets(struct client *client, bool *missing_r)
{
    struct sender *sender = client->sender;
    struct st_devlist list, own;
    sender->target_count = 0;
    *missing_r = false;
    enum st_err err = lists_get(client, sender->acct, &list);
    for (size_t i = 0; err == ST_OK && i < list.count; i++)
        err = add_target(sender, client, sender->acct, list.devices[i].dev_id);
    for (size_t i = 0; i < sender->target_count; i++) {
        /* Too many copies without a receipt: a new session is better, but no reason to refuse while offline. */
        enum e2e_renewal why = sender->targets[i].why;
        *missing_r |= why != E2E_RENEW_NO && (why != E2E_RENEW_NO_RECEIPTS || client_is_online(client));
    }
    if (err == ST_OK)
        err = lists_get(client, client->self.acct, &own);
    for (size_t i = 0; err == ST_OK && i < own.count; i++) {
        if (own.devices[i].dev_id != client->self.dev)
            err = add_target(sender, client, client->self.acct, own.devices[i].dev_id);
    }
    return err;
}

static void on_bundles(struct client *client, void *ctx, const struct st_frame *reply,
                       const struct client_result *failure)
{
    (void)ctx;
    struct sender *sender = client->sender;
    struct st_msg_chat_confirmed msg;
    if (sender->step != STEP_BUNDLES)
        return;
    if (failure != NULL) {
        if (is_passing(failure))
            ask_again_later(client); /* with the same nonce */
        else
            finish(client, *failure);
        return;
    }
    if (reply->type != ST_CHAT_CONFIRMED || st_frame_read(reply, &msg) != ST_OK ||
        memcmp(msg.acct.p, sender->acct, ST_ACCT_LEN) != 0) {
        finish_reason(client, CLIENT_PROTOCOL);
        return;
    }
    struct lists_offer offer = { .acct = msg.acct.p, .ak = msg.ak.p, .wire = msg.list };
    struct client_result met = lists_meet(client, sender->to, &offer);
    if (met.reason != CLIENT_OK) {
        finish(client, met);
        return;
    }
    bool missing;
    struct st_devlist list;
    struct st_msg_bundle bundle;
    enum st_err err = find_targets(client, &missing);
    if (err == ST_OK)
        err = lists_get(client, sender->acct, &list);
    if (err != ST_OK) {
        finish(client, core_store_result(err));
        return;
    }
    while (st_records_next(&st_schema_bundle, &msg.bundles, &bundle))
        keep_bundle(sender, &msg, &list, &bundle);
    sender->asked_bundles = true;
    go_on(client);
}

static void ask_bundles(struct client *client)
{
    struct sender *sender = client->sender;
    struct st_msg_start_chat msg = { .acct = st_view(sender->acct, ST_ACCT_LEN),
                                     .nonce = st_view(sender->nonce, ST_NONCE_LEN) };
    if (link_request(client, CLIENT_DEVICE, ST_START_CHAT, &msg, on_bundles, NULL) == ST_OK)
        sender->step = STEP_BUNDLES;
    else
        ask_again_later(client);
}

/* ---- who is it for ---- */

static void on_is_user(struct client *client, void *ctx, const struct st_frame *reply,
                       const struct client_result *failure)
{
    (void)ctx;
    struct sender *sender = client->sender;
    struct st_msg_is_user_r msg;
    if (sender->step != STEP_LOOKUP)
        return;
    if (failure != NULL && is_passing(failure)) {
        ask_again_later(client);
        return;
    }
    if (failure != NULL) {
        struct client_result result = *failure;
        if (result.reason == CLIENT_NOT_FOUND)
            result.reason = CLIENT_NO_SUCH_USER;
        finish(client, result);
        return;
    }
    if (reply->type != ST_IS_USER_R || st_frame_read(reply, &msg) != ST_OK) {
        finish_reason(client, CLIENT_PROTOCOL);
        return;
    }
    struct lists_offer offer = { .acct = msg.acct.p, .ak = msg.ak.p, .wire = msg.list };
    struct client_result met = lists_meet(client, sender->to, &offer);
    if (met.reason != CLIENT_OK || sender->message == NULL) /* a look-up ends here */
        finish(client, met);
    else
        go_on(client);
}

static void ask_name(struct client *client)
{
    struct sender *sender = client->sender;
    struct st_msg_is_user msg = { .name = st_view_text(sender->to) };
    if (link_request(client, CLIENT_DEVICE, ST_IS_USER, &msg, on_is_user, NULL) == ST_OK)
        sender->step = STEP_LOOKUP;
    else
        ask_again_later(client);
}

/* Waits for the server and then runs go_on again. */
static void wait_online(struct client *client)
{
    ask_again_later(client);
    client_go_online(client);
}

/* Reads and encrypts the files, once. */
static enum st_err seal_files(struct client *client)
{
    struct sender *sender = client->sender;
    const struct client_outgoing *message = sender->message;
    if (message->file_count > PAYLOAD_ATTACHMENTS_MAX)
        return ST_ELIMIT;
    while (sender->sealed_count < message->file_count) {
        size_t i = sender->sealed_count;
        enum st_err err = blobs_seal(client, &message->files[i], &sender->sealed[i]);
        if (err != ST_OK)
            return err;
        sender->sealed_count++;
    }
    return ST_OK;
}

/* Looks where the operation stands and takes the next step. */
static void go_on(struct client *client)
{
    struct sender *sender = client->sender;
    struct store_contact contact;
    enum st_err err = store_contact_find(client->store, sender->to, &contact);
    if (err == ST_ENOTFOUND || sender->message == NULL) {
        if (client_is_online(client))
            ask_name(client);
        else
            wait_online(client);
        return;
    }
    bool refused = err == ST_OK && (contact.trust == STORE_CHANGED || contact.relation == STORE_BLOCKED);
    if (err != ST_OK || refused) {
        if (refused)
            finish_reason(client, contact.trust == STORE_CHANGED ? CLIENT_KEY_CHANGED : CLIENT_BLOCKED);
        else
            finish(client, core_store_result(err));
        return;
    }
    memcpy(sender->acct, contact.acct, sizeof sender->acct);
    if (claims_withheld(client, sender->acct)) {
        finish_reason(client, CLIENT_LIST_UNTRUSTED);
        return;
    }
    bool missing = false;
    if (!sender->asked_bundles)
        err = find_targets(client, &missing);
    if (err == ST_ENOTFOUND)
        missing = true; /* no list of this account yet */
    else if (err != ST_OK) {
        finish(client, core_store_result(err));
        return;
    }
    if (missing) {
        if (client_is_online(client))
            ask_bundles(client);
        else
            wait_online(client);
        return;
    }
    err = seal_files(client);
    if (err != ST_OK) {
        if (err == ST_EMALFORMED || err == ST_ELIMIT)
            finish_reason(client, err == ST_ELIMIT ? CLIENT_TOO_LARGE : CLIENT_DAMAGED);
        else
            finish(client, core_store_result(err));
        return;
    }
    if (shake_hands(client)) {
        sender->step = STEP_HANDSHAKE;
        sender->deadline_ms = core_mono(client) + HANDSHAKE_WAIT_MS;
        return;
    }
    commit_message(client);
}

static bool begin(struct client *client, const char *name, client_done_fn done, void *ctx)
{
    struct sender *sender = client->sender;
    bool busy = sender->step != STEP_IDLE;
    if (busy || strlen(name) > ST_NAME_MAX || !client->self.loaded) {
        struct client_result result = core_result(busy ? CLIENT_BUSY : CLIENT_NO_SUCH_USER);
        done(ctx, &result);
        return false;
    }
    snprintf(sender->to, sizeof sender->to, "%s", name);
    sender->done = done;
    sender->ctx = ctx;
    sender->message = NULL;
    sender->asked_bundles = false;
    sender->shook_hands = false;
    sender->target_count = 0;
    st_env_random(client->env, sender->id, sizeof sender->id);
    st_env_random(client->env, sender->nonce, sizeof sender->nonce);
    return true;
}

void client_send(struct client *client, const struct client_outgoing *message, client_done_fn done, void *ctx)
{
    if (!begin(client, message->to, done, ctx))
        return;
    client->sender->message = message;
    go_on(client);
}

void client_lookup(struct client *client, const char *name, client_done_fn done, void *ctx)
{
    if (begin(client, name, done, ctx))
        go_on(client);
}

/* ---- what happens meanwhile ---- */

static void ask_renewals(struct client *client);

void sender_online(struct client *client)
{
    if (client->sender->step == STEP_WAIT_ONLINE)
        go_on(client);
    ask_renewals(client);
}

void sender_offline(struct client *client, enum client_reason reason)
{
    if (client->sender->step != STEP_IDLE)
        finish_reason(client, reason);
}

void sender_list_fetched(struct client *client, const uint8_t acct[static ST_ACCT_LEN])
{
    (void)acct;
    if (client->sender->step == STEP_WAIT_ONLINE && client_is_online(client))
        go_on(client);
}

void sender_tick(struct client *client)
{
    struct sender *sender = client->sender;
    int64_t now = core_mono(client);
    if (sender->step == STEP_HANDSHAKE && sender->deadline_ms <= now) {
        sender->asked_bundles = false;
        go_on(client); /* everything is looked at again: key, list and devices may have changed meanwhile */
    }
    if (!client_is_online(client))
        return;
    if (sender->step == STEP_WAIT_ONLINE && sender->retry_ms <= now)
        go_on(client);
    if (sender->renew_ms != TIMER_NEVER && sender->renew_ms <= now)
        ask_renewals(client);
}

int64_t sender_next_ms(const struct client *client)
{
    const struct sender *sender = client->sender;
    if (sender->step == STEP_HANDSHAKE)
        return sender->deadline_ms;
    if (!client_is_online(client))
        return TIMER_NEVER;
    int64_t next = sender->step == STEP_WAIT_ONLINE ? sender->retry_ms : TIMER_NEVER;
    return core_earlier(next, sender->renew_ms);
}

/* ---- state lost ---- */

static void on_renewal(struct client *client, void *ctx, const struct st_frame *reply,
                       const struct client_result *failure)
{
    struct renewal *renewal = ctx;
    struct st_msg_chat_confirmed msg;
    struct st_msg_bundle bundle;
    struct st_devlist list;
    renewal->asked = false;
    if (failure != NULL && (is_passing(failure) || failure->reason == CLIENT_RATE_LIMITED)) {
        int64_t wait_ms = failure->retry_after_s > 0 ? (int64_t)failure->retry_after_s * 1000 : RETRY_MS;
        client->sender->renew_ms = core_earlier(client->sender->renew_ms, core_mono(client) + wait_ms);
        return;
    }
    renewal->in_use = false;
    if (failure != NULL || reply->type != ST_CHAT_CONFIRMED || st_frame_read(reply, &msg) != ST_OK ||
        lists_get(client, renewal->to.acct, &list) != ST_OK)
        return;
    struct sender one = { .target_count = 1, .targets = { { .id = renewal->to, .why = E2E_RENEW_NONE_HELD } } };
    while (st_records_next(&st_schema_bundle, &msg.bundles, &bundle))
        keep_bundle(&one, &msg, &list, &bundle);
    if (!one.targets[0].has_bundle)
        return;
    struct payload_cannot_read body = { .sid = st_view(renewal->sid, E2E_SID_BYTES) };
    enum st_err err = tx_begin(client);
    if (err == ST_OK)
        err = open_session(client, &one.targets[0]);
    if (err == ST_OK && renewal->tell)
        err = peers_send_control(client, &renewal->to, PAYLOAD_CANNOT_READ, &body);
    if (err == ST_OK)
        err = lists_notice(client, 0, "session_renewed", "The session was renewed.");
    if (store_in_transaction(client->store))
        err = tx_end(client, err);
    if (err != ST_OK)
        core_warn(client, "a session could not be renewed");
    outbox_pump(client);
}

static void ask_renewals(struct client *client)
{
    struct sender *sender = client->sender;
    sender->renew_ms = TIMER_NEVER;
    for (size_t i = 0; i < RENEWALS_MAX; i++) {
        struct renewal *renewal = &sender->renewals[i];
        if (!renewal->in_use || renewal->asked)
            continue;
        struct st_msg_start_chat msg = { .acct = st_view(renewal->to.acct, ST_ACCT_LEN),
                                         .nonce = st_view(renewal->nonce, ST_NONCE_LEN),
                                         .dev = renewal->to.dev };
        ST_SET(&msg, 3);
        renewal->asked = link_request(client, CLIENT_DEVICE, ST_START_CHAT, &msg, on_renewal, renewal) == ST_OK;
        if (!renewal->asked)
            sender->renew_ms = core_mono(client) + RETRY_MS;
    }
}

/* The place of a renewal for this device: the one that is under way, else a free one. */
static struct renewal *find_renewal(struct sender *sender, const struct store_device *to)
{
    struct renewal *unused = NULL;
    for (size_t i = 0; i < RENEWALS_MAX; i++) {
        struct renewal *renewal = &sender->renewals[i];
        if (!renewal->in_use)
            unused = renewal;
        else if (renewal->to.dev == to->dev && memcmp(renewal->to.acct, to->acct, ST_ACCT_LEN) == 0)
            return renewal;
    }
    return unused;
}

void sender_renew(struct client *client, const struct store_device *to, const uint8_t *sid)
{
    struct renewal *renewal = find_renewal(client->sender, to);
    if (renewal == NULL)
        return; /* it is asked for again when the next of its copies is looked at */
    if (!renewal->in_use) {
        *renewal = (struct renewal) { .in_use = true, .to = *to };
        st_env_random(client->env, renewal->nonce, sizeof renewal->nonce);
    }
    if (sid != NULL) {
        renewal->tell = true;
        memcpy(renewal->sid, sid, sizeof renewal->sid);
    }
    ask_renewals(client);
}
