#include "client/core/outbox.h"

#include <stdlib.h>

enum {
    PAGE = 64,                       /* copies read from the store at one time */
    FRAME_ROOM = ST_FRAME_MAX - 512, /* for copies in one message frame */
    BLOCKED_MAX = 32                 /* accounts whose copies wait for an upload */
};

enum st_err outbox_new(struct client *client)
{
    client->outbox = calloc(1, sizeof *client->outbox);
    if (client->outbox == NULL)
        return ST_ENOMEM;
    client->outbox->wall_ahead_ms = INT64_MAX; /* nothing is known: the first look releases what waits too long */
    return ST_OK;
}

void outbox_free(struct client *client)
{
    free(client->outbox);
    client->outbox = NULL;
}

/* Loads the epoch of our own mailbox as last seen, for copies that are queued while offline. */
void outbox_load(struct client *client)
{
    if (client->self.loaded && store_epoch_get(client->store, client->self.acct, client->outbox->own_epoch) != ST_OK)
        memset(client->outbox->own_epoch, 0, ST_EPOCH_LEN);
}

void outbox_own_epoch(const struct client *client, uint8_t out[static ST_EPOCH_LEN])
{
    memcpy(out, client->outbox->own_epoch, ST_EPOCH_LEN);
}

struct flight *outbox_find_flight(struct outbox *outbox, const uint8_t id[static ST_MSG_ID_LEN],
                                  const struct store_device *to)
{
    for (size_t i = 0; i < OUTBOX_FLIGHTS_MAX; i++) {
        struct flight *flight = &outbox->flights[i];
        if (flight->in_use && flight->to.dev == to->dev && memcmp(flight->id, id, ST_MSG_ID_LEN) == 0 &&
            memcmp(flight->to.acct, to->acct, ST_ACCT_LEN) == 0)
            return flight;
    }
    return NULL;
}

void outbox_land(struct outbox *outbox, struct flight *flight)
{
    flight->in_use = false;
    outbox->flight_count--;
}

void outbox_land_all(struct outbox *outbox)
{
    memset(outbox->flights, 0, sizeof outbox->flights);
    outbox->flight_count = 0;
}

void outbox_rewind(struct client *client, int64_t wait_ms)
{
    struct outbox *outbox = client->outbox;
    outbox->cursor = 0;
    outbox->recheck_ms = core_earlier(outbox->recheck_ms, core_mono(client) + wait_ms);
}

static void take_off(struct client *client, const struct store_copy *copy)
{
    struct outbox *outbox = client->outbox;
    for (size_t i = 0; i < OUTBOX_FLIGHTS_MAX; i++) {
        struct flight *flight = &outbox->flights[i];
        if (flight->in_use)
            continue;
        *flight = (struct flight) {
            .in_use = true, .to = copy->to, .kind = copy->kind, .again_ms = core_mono(client) + client->config.answer_ms
        };
        memcpy(flight->id, copy->msg_id, sizeof flight->id);
        outbox->flight_count++;
        return;
    }
}

/* ---- one message frame ---- */

/* Copies of one message for the devices of one account, gathered until the next copy belongs to another frame. */
struct batch {
    struct client *client;
    uint8_t id[ST_MSG_ID_LEN];
    uint8_t to[ST_ACCT_LEN];
    struct st_msg_copy copies[ST_COPIES_MAX];
    struct store_copy heads[ST_COPIES_MAX]; /* without their bytes */
    struct st_buf bodies;
    size_t count;
    uint8_t blocked[BLOCKED_MAX][ST_ACCT_LEN]; /* accounts that wait for an upload */
    size_t blocked_count;
    size_t looked_at; /* copies seen in this page */
    bool full;        /* no more may be sent now */
};

static enum st_err send_batch(struct batch *batch)
{
    struct client *client = batch->client;
    if (batch->count == 0)
        return ST_OK;
    const uint8_t *at = batch->bodies.p;
    for (size_t i = 0; i < batch->count; i++) {
        batch->copies[i].body.p = at;
        at += batch->copies[i].body.len;
    }
    struct st_msg_message msg = { .to = st_view(batch->to, ST_ACCT_LEN),
                                  .id = st_view(batch->id, ST_MSG_ID_LEN),
                                  .copies = { .count = batch->count, .items = batch->copies } };
    enum st_err err = link_send(client, CLIENT_DEVICE, ST_MESSAGE, &msg);
    for (size_t i = 0; i < batch->count && err == ST_OK; i++)
        take_off(client, &batch->heads[i]);
    if (err == ST_OK)
        sync_sent(client);
    if (err != ST_OK) { /* the link cannot take it now: from the beginning again, soon */
        batch->full = true;
        outbox_rewind(client, OUTBOX_RETRY_FIRST_MS);
    }
    batch->count = 0;
    st_buf_clear(&batch->bodies);
    return ST_OK;
}

static bool is_blocked(const struct batch *batch, const uint8_t *acct)
{
    for (size_t i = 0; i < batch->blocked_count; i++) {
        if (memcmp(batch->blocked[i], acct, ST_ACCT_LEN) == 0)
            return true;
    }
    return batch->blocked_count == BLOCKED_MAX;
}

static enum st_err note_open_upload(void *ctx, const struct store_attachment *attachment)
{
    bool *open = ctx;
    if (attachment->upload && !attachment->finished)
        *open = true;
    return ST_OK;
}

/* Does this copy wait for an upload? What follows it to the same account waits too, to keep the order. */
static enum st_err check_uploads(struct batch *batch, const struct store_copy *copy)
{
    int64_t row;
    bool open = false;
    if (copy->kind != STORE_COPY_MESSAGE)
        return ST_OK;
    enum st_err err = store_message_find_own(batch->client->store, copy->msg_id, &row);
    if (err == ST_OK)
        err = store_attachment_each(batch->client->store, row, note_open_upload, &open);
    if (err == ST_ENOTFOUND)
        err = ST_OK;
    if (err == ST_OK && open && batch->blocked_count < BLOCKED_MAX) {
        memcpy(batch->blocked[batch->blocked_count++], copy->to.acct, ST_ACCT_LEN);
        batch->client->outbox->blocked = true;
    }
    return err;
}

static bool fits(const struct batch *batch, const struct store_copy *copy)
{
    return batch->count < ST_COPIES_MAX && batch->bodies.len + copy->envelope.len <= FRAME_ROOM &&
           memcmp(batch->id, copy->msg_id, ST_MSG_ID_LEN) == 0 && memcmp(batch->to, copy->to.acct, ST_ACCT_LEN) == 0;
}

static bool has_token(const struct store_copy *copy)
{
    static const uint8_t none[STORE_TOKEN_BYTES];
    return memcmp(copy->token, none, sizeof none) != 0;
}

static enum st_err add_to_batch(struct batch *batch, const struct store_copy *copy)
{
    if (batch->count > 0 && !fits(batch, copy)) {
        enum st_err err = send_batch(batch);
        if (err != ST_OK || batch->full)
            return err;
    }
    if (batch->count == 0) {
        memcpy(batch->id, copy->msg_id, sizeof batch->id);
        memcpy(batch->to, copy->to.acct, sizeof batch->to);
    }
    enum st_err err = st_buf_append(&batch->bodies, copy->envelope.p, copy->envelope.len);
    if (err != ST_OK)
        return err;
    struct store_copy *head = &batch->heads[batch->count];
    *head = *copy;
    head->envelope = st_view(NULL, 0);
    struct st_msg_copy *out = &batch->copies[batch->count++];
    *out = (struct st_msg_copy) { .dev = copy->to.dev, .body = st_view(NULL, copy->envelope.len) };
    if (has_token(copy)) {
        out->token = st_view(head->token, sizeof head->token);
        ST_SET(out, 3);
    }
    return ST_OK;
}

static enum st_err pump_copy(void *ctx, const struct store_copy *copy)
{
    struct batch *batch = ctx;
    struct outbox *outbox = batch->client->outbox;
    batch->looked_at++;
    if (batch->full || outbox->flight_count + batch->count >= OUTBOX_FLIGHTS_MAX) {
        batch->full = true;
        return ST_OK;
    }
    outbox->cursor = copy->order;
    if (copy->envelope.len == 0) {
        outbox->unsealed = true;
        return ST_OK;
    }
    bool waits = copy->kind == STORE_COPY_MESSAGE && is_blocked(batch, copy->to.acct); /* receipts need no order */
    if (outbox_find_flight(outbox, copy->msg_id, &copy->to) != NULL || waits)
        return ST_OK;
    enum st_err err = check_uploads(batch, copy);
    if (err != ST_OK || (copy->kind == STORE_COPY_MESSAGE && is_blocked(batch, copy->to.acct)))
        return err;
    return add_to_batch(batch, copy);
}

/* Sends what may be sent from the cursor on. */
static enum st_err pump(struct client *client, struct batch *batch)
{
    struct outbox *outbox = client->outbox;
    enum st_err err = ST_OK;
    if (outbox->blocked) { /* what waited for an upload stands before the cursor */
        outbox->cursor = 0;
        outbox->blocked = false;
    }
    do {
        struct store_outbox_query query = {
            .due_ms = core_wall(client), .after_order = outbox->cursor, .limit = PAGE, .state = 1 + STORE_COPY_NEW
        };
        batch->looked_at = 0;
        err = store_outbox_each(client->store, &query, pump_copy, batch);
        if (err == ST_OK)
            err = send_batch(batch);
    } while (err == ST_OK && !batch->full && batch->looked_at == PAGE);
    return err;
}

void outbox_pump(struct client *client)
{
    struct outbox *outbox = client->outbox;
    if (!client_is_online(client) || outbox->paused_ms > core_mono(client))
        return;
    struct batch *batch = calloc(1, sizeof *batch);
    if (batch == NULL)
        return;
    batch->client = client;
    st_buf_init(&batch->bodies, ST_FRAME_MAX);
    enum st_err err = pump(client, batch);
    if (err == ST_OK && outbox->unsealed && outbox_seal(client))
        err = pump(client, batch);
    if (err != ST_OK)
        core_warn(client, "the outbox could not be read");
    st_buf_free(&batch->bodies);
    free(batch);
}

/* ---- time ---- */

/* A copy waits for its next try by the wall clock. If that was set back since, or nobody looked, it waits no more. */
static enum st_err try_now(void *ctx, const struct store_copy *copy)
{
    struct client *client = ctx;
    int64_t now = core_wall(client);
    if (copy->next_try_at_ms <= now + OUTBOX_RETRY_LAST_MS)
        return ST_OK;
    return store_outbox_again(client->store, copy->row, now, NULL);
}

static void mind_the_clock(struct client *client)
{
    struct outbox *outbox = client->outbox;
    struct store_outbox_query query = { .state = 1 + STORE_COPY_NEW };
    int64_t ahead_ms = core_wall(client) - core_mono(client);
    bool set_back = ahead_ms + OUTBOX_RETRY_FIRST_MS < outbox->wall_ahead_ms;
    outbox->wall_ahead_ms = ahead_ms;
    if (!set_back)
        return;
    enum st_err err = tx_begin(client);
    if (err == ST_OK)
        err = tx_end(client, store_outbox_each(client->store, &query, try_now, client));
    if (err != ST_OK) {
        outbox->wall_ahead_ms = INT64_MAX; /* look again */
        core_warn(client, "copies that wait under another clock could not be released");
    }
}

/* The cursor passes over copies that wait: for their next try, for an upload or for a session. As long as any copy is
 * new, the outbox is read again from its beginning, at the latest after the longest wait. */
static void plan_recheck(struct client *client)
{
    int64_t at_ms;
    if (store_outbox_next_try(client->store, &at_ms) != ST_OK)
        return;
    int64_t wait = at_ms - core_wall(client);
    wait = wait < OUTBOX_RETRY_FIRST_MS  ? OUTBOX_RETRY_FIRST_MS
           : wait > OUTBOX_RETRY_LAST_MS ? OUTBOX_RETRY_LAST_MS
                                         : wait;
    client->outbox->recheck_ms = core_earlier(client->outbox->recheck_ms, core_mono(client) + wait);
}

void outbox_tick(struct client *client)
{
    struct outbox *outbox = client->outbox;
    if (!client_is_online(client))
        return;
    int64_t now = core_mono(client);
    bool again = outbox->recheck_ms != TIMER_NEVER && outbox->recheck_ms <= now;
    for (size_t i = 0; i < OUTBOX_FLIGHTS_MAX; i++) {
        struct flight *flight = &outbox->flights[i];
        if (!flight->in_use || flight->again_ms > now)
            continue;
        outbox_land(outbox, flight); /* no answer: it is still "new" in the store and goes out again */
        again = true;
    }
    if (!again)
        return;
    outbox->recheck_ms = TIMER_NEVER;
    outbox->cursor = 0;
    mind_the_clock(client);
    plan_recheck(client);
    outbox_pump(client);
}

int64_t outbox_next_ms(const struct client *client)
{
    const struct outbox *outbox = client->outbox;
    if (!client_is_online(client))
        return TIMER_NEVER;
    int64_t next = outbox->recheck_ms;
    for (size_t i = 0; i < OUTBOX_FLIGHTS_MAX && outbox->flight_count > 0; i++) {
        if (outbox->flights[i].in_use)
            next = core_earlier(next, outbox->flights[i].again_ms);
    }
    return next;
}

size_t outbox_flights(const struct client *client)
{
    return client->outbox->flight_count;
}

bool outbox_settled(const struct client *client)
{
    const struct outbox *outbox = client->outbox;
    int64_t at_ms;
    if (outbox->flight_count > 0)
        return false;
    if (store_outbox_next_try(client->store, &at_ms) != ST_OK)
        return true;
    return at_ms > core_wall(client) + OUTBOX_RETRY_FIRST_MS; /* what was refused waits longer than anybody here */
}
