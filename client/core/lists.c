#include "client/core/core.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/st_name.h"

enum {
    FETCHES_MAX = 32, /* accounts whose lists are being fetched */
    SEEN_MAX = 256,   /* devices that an account ever had */
    RESIGN_AFTER_MS = 7 * 86400 * 1000,
    NOTICE_MAX = 512
};

struct fetch {
    bool running;
    uint8_t acct[ST_ACCT_LEN];
    unsigned rounds; /* each brings up to ST_LISTS_MAX lists */
};

struct lists {
    struct fetch fetches[FETCHES_MAX];
    bool publishing;
};

enum { ROUNDS_MAX = 64 };

enum st_err lists_new(struct client *client)
{
    client->lists = calloc(1, sizeof *client->lists);
    return client->lists == NULL ? ST_ENOMEM : ST_OK;
}

void lists_free(struct client *client)
{
    free(client->lists);
    client->lists = NULL;
}

enum st_err lists_get(struct client *client, const uint8_t acct[static ST_ACCT_LEN], struct st_devlist *list_r)
{
    struct store_list stored;
    memset(list_r, 0, sizeof *list_r);
    enum st_err err = store_list_get(client->store, acct, &stored);
    if (err == ST_OK && st_devlist_parse(st_view(stored.bytes, stored.len), list_r) != ST_OK)
        err = ST_EFOREIGN;
    return err;
}

/* ---- taking a list ---- */

static enum st_err note_devices(struct client *client, const uint8_t *acct, const struct st_devlist *list)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct st_device *device = &list->devices[i];
        struct store_seen_device seen = { .id = { .dev = device->dev_id }, .added_s = (int64_t)device->added };
        memcpy(seen.id.acct, acct, ST_ACCT_LEN);
        memcpy(seen.dsk, device->dsk, sizeof seen.dsk);
        memcpy(seen.dik, device->dik, sizeof seen.dik);
        enum st_err err = store_seen_add(client->store, &seen);
        if (err != ST_OK && err != ST_EEXISTS)
            return err;
    }
    return ST_OK;
}

enum st_err lists_store(struct client *client, const uint8_t acct[static ST_ACCT_LEN], const struct st_devlist *list)
{
    struct store_list stored = { .seq = list->seq,
                                 .expires_s = (int64_t)list->expires,
                                 .fetched_at_ms = core_wall(client) };
    uint8_t hash[ST_DEVLIST_HASH_BYTES];
    struct st_buf wire;
    st_buf_init(&wire, STORE_LIST_MAX);
    enum st_err err = st_devlist_write(list, &wire);
    if (err == ST_OK)
        err = st_devlist_hash(list, hash);
    struct store_list before;
    if (err == ST_OK && store_list_get(client->store, acct, &before) == ST_OK && before.claimed_seq > list->seq) {
        stored.claimed_seq = before.claimed_seq; /* a still newer one has been named */
        stored.claimed_at_ms = before.claimed_at_ms;
    }
    if (err == ST_OK) {
        memcpy(stored.hash16, hash, sizeof stored.hash16);
        memcpy(stored.bytes, wire.p, wire.len);
        stored.len = wire.len;
        err = store_list_put(client->store, acct, &stored);
    }
    st_buf_free(&wire);
    if (err == ST_OK)
        err = note_devices(client, acct, list);
    return err;
}

/* A device that left: no session with it any more, nothing waits for it. */
static enum st_err drop_device(struct client *client, const struct store_device *id)
{
    struct peer *peer;
    uint32_t dropped;
    enum st_err err = store_seen_remove(client->store, id);
    if (err == ST_OK)
        err = peers_get(client, id, &peer);
    if (err == ST_OK) {
        e2e_set_close_all(&peer->set);
        peer->dirty = true;
        err = store_outbox_drop_device(client->store, id, &dropped);
    }
    if (err == ST_OK)
        err = store_receipt_drop_device(client->store, id);
    return err;
}

static int64_t chat_of(struct client *client, const uint8_t *acct)
{
    struct store_chat chat;
    return store_chat_find(client->store, STORE_CHAT_PERSON, acct, &chat) == ST_OK ? chat.id : 0;
}

static enum st_err tell_new_devices(struct client *client, const uint8_t *acct, const struct st_devlist *old,
                                    const struct st_devlist *list)
{
    struct store_contact contact;
    if (old->count == 0 || store_contact_get(client->store, acct, &contact) != ST_OK)
        return ST_OK; /* first contact, or nobody whom the user knows */
    for (size_t i = 0; i < list->count; i++) {
        if (st_devlist_find(old, list->devices[i].dev_id) != NULL)
            continue;
        char text[NOTICE_MAX];
        snprintf(text, sizeof text, "@%s has a new device.", contact.name);
        enum st_err err = lists_notice(client, chat_of(client, acct), "new_device", text);
        if (err != ST_OK)
            return err;
    }
    return ST_OK;
}

/* The list takes the place of `old` (all zero: there was none). */
static enum st_err take(struct client *client, const uint8_t *acct, const struct st_devlist *old,
                        const struct st_devlist *list)
{
    enum st_err err = tx_begin(client);
    if (err != ST_OK)
        return err;
    err = lists_store(client, acct, list);
    for (size_t i = 0; i < old->count && err == ST_OK; i++) {
        struct store_device id = { .dev = old->devices[i].dev_id };
        memcpy(id.acct, acct, sizeof id.acct);
        if (st_devlist_find(list, id.dev) == NULL)
            err = drop_device(client, &id);
    }
    if (err == ST_OK)
        err = tell_new_devices(client, acct, old, list);
    return tx_end(client, err);
}

struct seen_devices {
    struct st_device devices[SEEN_MAX];
    size_t count;
};

static enum st_err add_seen(void *ctx, const struct store_seen_device *device)
{
    struct seen_devices *seen = ctx;
    if (seen->count == SEEN_MAX)
        return ST_ELIMIT;
    struct st_device *to = &seen->devices[seen->count++];
    to->dev_id = device->id.dev;
    to->added = (uint64_t)device->added_s;
    memcpy(to->dsk, device->dsk, sizeof to->dsk);
    memcpy(to->dik, device->dik, sizeof to->dik);
    return ST_OK;
}

enum st_err lists_mark_changed(struct client *client, const uint8_t acct[static ST_ACCT_LEN])
{
    struct store_contact contact;
    if (store_contact_get(client->store, acct, &contact) != ST_OK || contact.trust == STORE_CHANGED)
        return ST_OK;
    char text[NOTICE_MAX];
    snprintf(text, sizeof text,
             "The server shows two different device lists of @%s. Nothing is sent until you have compared numbers.",
             contact.name);
    enum st_err err = store_contact_set_trust(client->store, acct, STORE_CHANGED);
    return err == ST_OK ? lists_notice(client, chat_of(client, acct), "key_changed", text) : err;
}

static enum st_err mark_changed(struct client *client, const uint8_t *acct)
{
    enum st_err err = tx_begin(client);
    return err == ST_OK ? tx_end(client, lists_mark_changed(client, acct)) : err;
}

enum st_err lists_offer(struct client *client, const struct lists_offer *offer, enum st_devlist_verdict *verdict_r)
{
    *verdict_r = ST_DEVLIST_REJECT;
    struct st_devlist old, list;
    enum st_err err = lists_get(client, offer->acct, &old);
    bool first = err == ST_ENOTFOUND;
    if (err != ST_OK && !first)
        return err;
    struct seen_devices *seen = calloc(1, sizeof *seen);
    if (seen == NULL)
        return ST_ENOMEM;
    err = store_seen_each(client->store, offer->acct, add_seen, seen);
    if (err == ST_OK) {
        struct st_devlist_offer judged = { .acct_id = offer->acct,
                                           .ak = offer->ak,
                                           .wire = offer->wire,
                                           .stored = first ? NULL : &old,
                                           .seen = seen->devices,
                                           .seen_count = seen->count,
                                           .now_s = (uint64_t)(core_wall(client) / 1000),
                                           .between = offer->between };
        *verdict_r = st_devlist_judge(&judged, &list);
    }
    free(seen);
    if (err != ST_OK)
        return err;
    if (*verdict_r == ST_DEVLIST_CHANGED)
        return mark_changed(client, offer->acct);
    bool serves = *verdict_r == ST_DEVLIST_OK || (first && *verdict_r == ST_DEVLIST_STALE);
    if (!serves || (!first && list.seq == old.seq))
        return ST_OK;
    return take(client, offer->acct, &old, &list);
}

/* ---- fetching ---- */

static void request_lists(struct client *client, struct fetch *fetch);

static void end_fetch(struct client *client, struct fetch *fetch)
{
    uint8_t acct[ST_ACCT_LEN];
    memcpy(acct, fetch->acct, sizeof acct);
    fetch->running = false;
    inbox_retry(client, acct);
    sender_list_fetched(client, acct);
}

/* A stranger whose message came first: keeps name and key, so that it can be shown and answered. */
static enum st_err meet_stranger(struct client *client, const struct st_msg_list_r *msg)
{
    struct store_contact contact;
    if (memcmp(msg->acct.p, client->self.acct, ST_ACCT_LEN) == 0 || !st_name_is_login(msg->name))
        return ST_OK;
    enum st_err err = store_contact_get(client->store, msg->acct.p, &contact);
    if (err != ST_ENOTFOUND)
        return err;
    char name[ST_NAME_MAX + 1] = "";
    memcpy(name, msg->name.p, msg->name.len);
    struct st_msg_list newest = { 0 };
    struct st_records lists = msg->lists;
    while (st_records_next(&st_schema_list, &lists, &newest)) {
    }
    struct store_list stored; /* a crash may have come between taking a list and keeping its owner */
    if (msg->lists.count == 0) {
        err = store_list_get(client->store, msg->acct.p, &stored);
        if (err != ST_OK)
            return err == ST_ENOTFOUND ? ST_OK : err;
        newest.list = st_view(stored.bytes, stored.len);
    }
    struct lists_offer offer = { .acct = msg->acct.p, .ak = msg->ak.p, .wire = newest.list };
    struct client_result result = lists_meet(client, name, &offer);
    return result.reason == CLIENT_STORE ? result.store : ST_OK;
}

static void on_lists(struct client *client, void *ctx, const struct st_frame *reply,
                     const struct client_result *failure)
{
    struct fetch *fetch = ctx;
    struct st_msg_list_r msg;
    if (failure != NULL || reply->type != ST_LIST_R || st_frame_read(reply, &msg) != ST_OK ||
        memcmp(msg.acct.p, fetch->acct, ST_ACCT_LEN) != 0) {
        if (failure != NULL && failure->reason == CLIENT_NOT_FOUND) {
            outbox_account_gone(client, fetch->acct);
            inbox_account_gone(client, fetch->acct);
        }
        end_fetch(client, fetch);
        return;
    }
    struct st_records lists = msg.lists;
    struct st_msg_list entry;
    enum st_devlist_verdict verdict = ST_DEVLIST_OK;
    enum st_err err = ST_OK;
    while (err == ST_OK && st_records_next(&st_schema_list, &lists, &entry)) {
        struct lists_offer offer = { .acct = msg.acct.p,
                                     .ak = msg.ak.p,
                                     .wire = entry.list,
                                     .between = lists.count > 0 || msg.lists.count == ST_LISTS_MAX };
        err = lists_offer(client, &offer, &verdict);
    }
    if (err == ST_OK)
        err = meet_stranger(client, &msg);
    if (err != ST_OK)
        core_warn(client, "a device list could not be stored");
    bool more = err == ST_OK && (verdict == ST_DEVLIST_GAP || msg.lists.count == ST_LISTS_MAX);
    if (more && ++fetch->rounds < ROUNDS_MAX)
        request_lists(client, fetch);
    else
        end_fetch(client, fetch);
}

static void request_lists(struct client *client, struct fetch *fetch)
{
    struct st_devlist stored;
    struct st_msg_get_list msg = { .acct = st_view(fetch->acct, ST_ACCT_LEN) };
    if (lists_get(client, fetch->acct, &stored) == ST_OK)
        msg.from_seq = stored.seq + 1;
    if (link_request(client, CLIENT_DEVICE, ST_GET_LIST, &msg, on_lists, fetch) != ST_OK)
        fetch->running = false; /* not online: asked again when the message comes again */
}

void lists_fetch(struct client *client, const uint8_t acct[static ST_ACCT_LEN])
{
    struct fetch *unused = NULL;
    for (size_t i = 0; i < FETCHES_MAX; i++) {
        struct fetch *fetch = &client->lists->fetches[i];
        if (fetch->running && memcmp(fetch->acct, acct, ST_ACCT_LEN) == 0)
            return;
        if (!fetch->running && unused == NULL)
            unused = fetch;
    }
    if (unused == NULL)
        return;
    *unused = (struct fetch) { .running = true };
    memcpy(unused->acct, acct, ST_ACCT_LEN);
    request_lists(client, unused);
}

/* ---- contacts ---- */

/* Keeps a new contact. ST_EREFUSED: this account is known under another name, which the server cannot change. */
static enum st_err add_contact(struct client *client, const char *name, const struct lists_offer *offer)
{
    struct store_contact known;
    enum st_err known_err = store_contact_get(client->store, offer->acct, &known);
    if (known_err != ST_ENOTFOUND)
        return known_err == ST_OK ? ST_EREFUSED : known_err;
    struct store_contact contact = { .trust = STORE_UNVERIFIED,
                                     .relation = STORE_NONE,
                                     .first_at_ms = core_wall(client) };
    memcpy(contact.acct, offer->acct, sizeof contact.acct);
    memcpy(contact.ak, offer->ak, sizeof contact.ak);
    snprintf(contact.name, sizeof contact.name, "%s", name);
    enum st_err err = tx_begin(client);
    return err == ST_OK ? tx_end(client, store_contact_put(client->store, &contact)) : err;
}

/* The name stands for another account now. */
static struct client_result keep_pending(struct client *client, const struct store_contact *contact,
                                         const struct lists_offer *offer)
{
    struct store_pending_key pending;
    if (store_contact_get_pending(client->store, contact->acct, &pending) == ST_OK &&
        memcmp(pending.acct, offer->acct, sizeof pending.acct) == 0)
        return core_result(CLIENT_KEY_CHANGED); /* said already */
    memset(&pending, 0, sizeof pending);
    pending.seen_at_ms = core_wall(client);
    memcpy(pending.acct, offer->acct, sizeof pending.acct);
    memcpy(pending.ak, offer->ak, sizeof pending.ak);
    if (offer->wire.len <= sizeof pending.list) {
        memcpy(pending.list, offer->wire.p, offer->wire.len);
        pending.list_len = offer->wire.len;
    }
    enum st_err err = tx_begin(client);
    if (err == ST_OK) {
        char text[NOTICE_MAX];
        snprintf(text, sizeof text, "@%s has a new account key. Nothing is sent to it until you have compared numbers.",
                 contact->name);
        err = store_contact_set_pending(client->store, contact->acct, &pending);
        if (err == ST_OK)
            err = lists_notice(client, chat_of(client, contact->acct), "key_changed", text);
        err = tx_end(client, err);
    }
    return err == ST_OK ? core_result(CLIENT_KEY_CHANGED) : core_store_result(err);
}

struct client_result lists_meet(struct client *client, const char *name, const struct lists_offer *offer)
{
    struct store_contact known;
    uint8_t acct[ST_ACCT_LEN];
    st_devlist_acct_id(acct, offer->ak);
    if (memcmp(acct, offer->acct, sizeof acct) != 0)
        return core_result(CLIENT_LIST_UNTRUSTED);
    enum st_err err = store_contact_find(client->store, name, &known);
    if (err == ST_OK && memcmp(known.acct, offer->acct, sizeof known.acct) != 0)
        return keep_pending(client, &known, offer);
    if (err != ST_OK && err != ST_ENOTFOUND)
        return core_store_result(err);
    enum st_devlist_verdict verdict;
    bool new_contact = err == ST_ENOTFOUND;
    err = lists_offer(client, offer, &verdict);
    if (err != ST_OK)
        return core_store_result(err);
    if (verdict == ST_DEVLIST_REJECT)
        return core_result(CLIENT_LIST_UNTRUSTED);
    if (verdict == ST_DEVLIST_CHANGED)
        return core_result(CLIENT_KEY_CHANGED);
    if (verdict == ST_DEVLIST_GAP)
        lists_fetch(client, offer->acct);
    if (!new_contact)
        return core_result(CLIENT_OK);
    err = add_contact(client, name, offer);
    return err == ST_EREFUSED ? core_result(CLIENT_LIST_UNTRUSTED) : core_store_result(err);
}

enum st_err lists_account_key(struct client *client, const uint8_t acct[static ST_ACCT_LEN],
                              uint8_t ak_r[static ST_KEY_LEN])
{
    if (memcmp(acct, client->self.acct, ST_ACCT_LEN) == 0) {
        memcpy(ak_r, client->self.ak, ST_KEY_LEN);
        return ST_OK;
    }
    struct store_contact contact;
    enum st_err err = store_contact_get(client->store, acct, &contact);
    if (err == ST_OK)
        memcpy(ak_r, contact.ak, ST_KEY_LEN);
    return err;
}

enum st_err lists_notice(struct client *client, int64_t chat, const char *kind, const char *text)
{
    struct st_buf body; /* kind, a zero byte, text */
    st_buf_init(&body, STORE_EVENT_BODY_MAX);
    enum st_err err = st_buf_append(&body, kind, strlen(kind) + 1);
    if (err == ST_OK)
        err = st_buf_append(&body, text, strlen(text));
    if (err == ST_OK)
        err = store_event_add(client->store, STORE_EVENT_NOTICE, chat, st_buf_view(&body), core_wall(client));
    st_buf_free(&body);
    return err;
}

/* ---- our own list ---- */

static void on_put_list(struct client *client, void *ctx, const struct st_frame *reply,
                        const struct client_result *failure)
{
    (void)ctx;
    (void)reply;
    client->lists->publishing = false;
    /* Lost the race against another manager: take its list; the next welcome signs again if it must be. */
    if (failure != NULL && failure->reason != CLIENT_UNREACHABLE)
        lists_fetch(client, client->self.acct);
}

static void publish(struct client *client)
{
    struct store_list stored;
    if (store_list_get(client->store, client->self.acct, &stored) != ST_OK)
        return;
    struct st_msg_list entry = { .list = st_view(stored.bytes, stored.len) };
    struct st_msg_put_list msg = { .lists = { .count = 1, .items = &entry } };
    if (link_request(client, CLIENT_DEVICE, ST_PUT_LIST, &msg, on_put_list, NULL) == ST_OK)
        client->lists->publishing = true;
}

/* The same devices, the next number, a new date. */
static enum st_err sign_again(struct client *client, const struct st_devlist *old)
{
    struct st_devlist next = *old;
    next.seq = old->seq + 1;
    next.issued = (uint64_t)(core_wall(client) / 1000);
    next.expires = next.issued + ST_DEVLIST_LIFE_MAX_S;
    enum st_err err = st_devlist_hash(old, next.prev_hash);
    if (err == ST_OK)
        err = st_devlist_sign(&next, client->self.manager_ak->secret);
    if (err == ST_OK)
        err = tx_begin(client);
    return err == ST_OK ? tx_end(client, lists_store(client, client->self.acct, &next)) : err;
}

void lists_renew_own(struct client *client, uint64_t server_seq)
{
    struct st_devlist own;
    if (client->lists->publishing || lists_get(client, client->self.acct, &own) != ST_OK)
        return;
    if (server_seq > own.seq) {
        lists_fetch(client, client->self.acct);
        return;
    }
    bool old = core_wall(client) - (int64_t)own.issued * 1000 > RESIGN_AFTER_MS;
    if (server_seq == own.seq && old && client->self.manager_ak != NULL) {
        if (sign_again(client, &own) != ST_OK) {
            core_warn(client, "the device list could not be signed again");
            return;
        }
        publish(client);
    } else if (server_seq < own.seq) {
        publish(client);
    }
}
