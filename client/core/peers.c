#include "client/core/core.h"

#include <stdlib.h>

#include <sodium.h>

#include "client/e2e/e2e_expose.h"
#include "lib/st_wipe.h"

enum {
    PEERS_MAX = 256,  /* devices whose sessions are in memory at one time */
    BUDGETS_MAX = 64, /* accounts whose failed initial messages are counted */
    ENVELOPE_ROOM = E2E_ENVELOPE_MAX
};

struct account_budget {
    uint8_t acct[ST_ACCT_LEN];
    struct e2e_budget budget;
};

struct peers {
    struct peer peers[PEERS_MAX];
    uint64_t clock; /* counts uses, for eviction */
    struct account_budget budgets[BUDGETS_MAX];
    size_t budget_next;
    struct st_buf plain;    /* scratch: one payload */
    struct st_buf envelope; /* scratch: one envelope */
};

enum st_err peers_new(struct client *client)
{
    client->peers = calloc(1, sizeof *client->peers);
    if (client->peers == NULL)
        return ST_ENOMEM;
    st_buf_init(&client->peers->plain, E2E_PLAIN_MAX);
    st_buf_init(&client->peers->envelope, ENVELOPE_ROOM);
    return ST_OK;
}

static void drop(struct peer *peer)
{
    e2e_set_deinit(&peer->set);
    memset(peer, 0, sizeof *peer);
}

void peers_free(struct client *client)
{
    if (client->peers == NULL)
        return;
    peers_forget_all(client);
    st_buf_wipe_free(&client->peers->plain);
    st_buf_wipe_free(&client->peers->envelope);
    free(client->peers);
    client->peers = NULL;
}

static bool same_device(const struct store_device *a, const struct store_device *b)
{
    return a->dev == b->dev && memcmp(a->acct, b->acct, sizeof a->acct) == 0;
}

/* A place for one more: a free one, else the one that was not used for longest and holds nothing unsaved. */
static struct peer *make_room(struct peers *peers)
{
    struct peer *oldest = NULL;
    for (size_t i = 0; i < PEERS_MAX; i++) {
        struct peer *peer = &peers->peers[i];
        if (!peer->in_use)
            return peer;
        if (!peer->dirty && (oldest == NULL || peer->touched < oldest->touched))
            oldest = peer;
    }
    if (oldest != NULL)
        drop(oldest);
    return oldest;
}

static enum st_err load(struct client *client, struct peer *peer)
{
    struct st_buf saved;
    st_buf_init(&saved, STORE_SESSION_MAX);
    enum st_err err = store_session_load(client->store, &peer->id, &saved);
    if (err == ST_OK) {
        err = e2e_set_load(&peer->set, st_buf_view(&saved));
    } else if (err == ST_ENOTFOUND) {
        uint8_t birth[E2E_BIRTH_BYTES];
        err = store_meta_get_exact(client->store, STORE_META_BIRTH, birth, sizeof birth);
        if (err == ST_OK)
            e2e_set_init(&peer->set, peer->id.acct, peer->id.dev, birth);
    }
    st_buf_wipe_free(&saved);
    return err;
}

enum st_err peers_get(struct client *client, const struct store_device *id, struct peer **peer_r)
{
    struct peers *peers = client->peers;
    *peer_r = NULL;
    for (size_t i = 0; i < PEERS_MAX; i++) {
        struct peer *peer = &peers->peers[i];
        if (peer->in_use && same_device(&peer->id, id)) {
            peer->touched = ++peers->clock;
            *peer_r = peer;
            return ST_OK;
        }
    }
    struct peer *peer = make_room(peers);
    if (peer == NULL)
        return ST_ELIMIT;
    peer->id = *id;
    enum st_err err = load(client, peer);
    if (err != ST_OK) {
        drop(peer);
        return err;
    }
    peer->in_use = true;
    peer->touched = ++peers->clock;
    *peer_r = peer;
    return ST_OK;
}

enum st_err peers_save(struct client *client)
{
    enum st_err err = ST_OK;
    struct st_buf saved;
    st_buf_init(&saved, STORE_SESSION_MAX);
    for (size_t i = 0; i < PEERS_MAX && err == ST_OK; i++) {
        struct peer *peer = &client->peers->peers[i];
        if (!peer->in_use || !peer->dirty)
            continue;
        st_buf_clear(&saved);
        err = e2e_set_save(&peer->set, &saved);
        if (err == ST_OK)
            err = store_session_save(client->store, &peer->id, st_buf_view(&saved), core_wall(client));
        if (err == ST_OK)
            peer->dirty = false;
    }
    st_buf_wipe_free(&saved);
    if (err != ST_OK) /* some may be saved already in a transaction that will not commit */
        peers_forget_all(client);
    return err;
}

void peers_forget(struct client *client)
{
    /* What was saved in the failed transaction is not marked as changed any more: forget all. */
    peers_forget_all(client);
}

void peers_forget_all(struct client *client)
{
    for (size_t i = 0; i < PEERS_MAX; i++) {
        if (client->peers->peers[i].in_use)
            drop(&client->peers->peers[i]);
    }
}

struct e2e_budget *peers_budget(struct client *client, const uint8_t acct[static ST_ACCT_LEN])
{
    struct peers *peers = client->peers;
    for (size_t i = 0; i < BUDGETS_MAX; i++) {
        if (memcmp(peers->budgets[i].acct, acct, ST_ACCT_LEN) == 0)
            return &peers->budgets[i].budget;
    }
    struct account_budget *fresh = &peers->budgets[peers->budget_next++ % BUDGETS_MAX];
    memset(fresh, 0, sizeof *fresh);
    memcpy(fresh->acct, acct, ST_ACCT_LEN);
    return &fresh->budget;
}

/* Which list of an account we hold: seq and hash16, zeros for none. */
static enum st_err list_head(struct client *client, const uint8_t *acct, uint64_t *seq_r,
                             uint8_t hash16_r[static STORE_HASH16_BYTES])
{
    struct store_list list;
    enum st_err err = store_list_get(client->store, acct, &list);
    *seq_r = err == ST_OK ? list.seq : 0;
    memset(hash16_r, 0, STORE_HASH16_BYTES);
    if (err == ST_OK)
        memcpy(hash16_r, list.hash16, STORE_HASH16_BYTES);
    return err == ST_ENOTFOUND ? ST_OK : err;
}

/* Writes the payload into the scratch buffer. */
static enum st_err write_payload(struct client *client, struct peer *peer, const struct e2e_session *session,
                                 const struct peers_message *message)
{
    struct e2e_known known;
    e2e_set_known(&peer->set, session, &known);
    uint8_t own_hash[STORE_HASH16_BYTES], peer_hash[STORE_HASH16_BYTES];
    struct payload payload = {
        .type = message->type,
        .id = st_view(message->id, ST_MSG_ID_LEN),
        .seq = message->seq,
        .sent_at_ms = (uint64_t)message->sent_at_ms,
        .own_list_hash = st_view(own_hash, sizeof own_hash),
        .peer_list_hash = st_view(peer_hash, sizeof peer_hash),
        .known_birth = st_view(known.birth, sizeof known.birth),
        .known_counter = known.counter,
        .known_sids = { .count = known.count, .items = known.sids },
        .body = message->body,
    };
    if (message->chat != NULL) {
        payload.chat = st_view(message->chat, ST_ACCT_LEN);
        ST_SET(&payload, 12);
    }
    enum st_err err = list_head(client, client->self.acct, &payload.own_list_seq, own_hash);
    if (err == ST_OK)
        err = list_head(client, peer->id.acct, &payload.peer_list_seq, peer_hash);
    st_buf_clear(&client->peers->plain);
    if (err == ST_OK)
        err = payload_write(&payload, &client->peers->plain);
    return err;
}

static enum st_err queue_copy(struct client *client, const struct peer *peer, const struct peers_message *message,
                              const struct e2e_sent *sent)
{
    struct store_copy copy = { .to = peer->id,
                               .kind = message->kind,
                               .queued_at_ms = core_wall(client),
                               .next_try_at_ms = core_wall(client),
                               .envelope = st_buf_view(&client->peers->envelope) };
    memcpy(copy.msg_id, message->id, sizeof copy.msg_id);
    memcpy(copy.sid, sent->sid, sizeof copy.sid);
    outbox_own_epoch(client, copy.own_epoch);
    int64_t row;
    return store_outbox_add(client->store, &copy, &row);
}

static enum st_err log_wire(struct client *client, const struct peer *peer, const struct peers_message *message,
                            const struct e2e_sent *sent, const uint8_t th[static E2E_HASH_BYTES])
{
    struct store_wire wire = { .message = message->message_row,
                               .peer = peer->id,
                               .incoming = false,
                               .envelope = st_buf_view(&client->peers->envelope),
                               .payload = st_buf_view(&client->peers->plain) };
    e2e_expose_hash(wire.hash, sent->sid, sent->r, sent->n);
    memcpy(wire.th, th, sizeof wire.th);
    return store_wire_add(client->store, &wire);
}

enum st_err peers_send(struct client *client, const struct store_device *to, const struct peers_message *message)
{
    struct peer *peer;
    enum st_err err = peers_get(client, to, &peer);
    if (err != ST_OK)
        return err;
    uint64_t now_s = (uint64_t)(core_wall(client) / 1000);
    struct e2e_session *session = e2e_set_choose(&peer->set, now_s);
    if (session == NULL)
        return ST_ENOTFOUND;
    uint8_t th[E2E_HASH_BYTES];
    memcpy(th, session->ratchet.th, sizeof th);
    err = write_payload(client, peer, session, message);
    struct e2e_sent sent;
    st_buf_clear(&client->peers->envelope);
    if (err == ST_OK)
        err = e2e_encrypt(&peer->set, client->env, st_buf_view(&client->peers->plain), now_s, &client->peers->envelope,
                          &sent);
    if (err != ST_OK)
        return err;
    peer->dirty = true;
    err = queue_copy(client, peer, message, &sent);
    if (err == ST_OK && message->message_row != 0)
        err = log_wire(client, peer, message, &sent, th);
    return err;
}

enum st_err peers_send_control(struct client *client, const struct store_device *to, uint64_t type, const void *body)
{
    uint8_t id[ST_MSG_ID_LEN];
    st_env_random(client->env, id, sizeof id);
    struct st_buf bytes;
    st_buf_init(&bytes, PAYLOAD_MAX);
    enum st_err err = payload_body_write((enum payload_type)type, body, &bytes);
    struct peers_message message = {
        .type = type, .id = id, .sent_at_ms = core_wall(client), .body = st_buf_view(&bytes), .kind = STORE_COPY_CONTROL
    };
    if (err == ST_OK)
        err = peers_send(client, to, &message);
    st_buf_free(&bytes);
    return err;
}

enum st_err peers_renewal(struct client *client, const struct store_device *to, enum e2e_renewal *why_r)
{
    struct peer *peer;
    *why_r = E2E_RENEW_NONE_HELD;
    enum st_err err = peers_get(client, to, &peer);
    if (err != ST_OK)
        return err;
    uint64_t now_s = (uint64_t)(core_wall(client) / 1000);
    const struct e2e_session *session = e2e_set_choose(&peer->set, now_s);
    uint32_t copies = 0;
    if (session != NULL)
        err = store_outbox_count_session(client->store, session->sid, &copies);
    if (err == ST_OK)
        *why_r = e2e_set_renewal(&peer->set, copies, now_s);
    return err;
}
