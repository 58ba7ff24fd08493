#include "client/core/core.h"

/* Messages are shown by their sender's numbers. One that comes too early is stored, acked and held for a while; then
 * what is missing is shown as a gap, and asked for. Held messages lie in the store, so a restart loses nothing; their
 * deadline counts from the time they were received. */

struct due {
    struct client *client;
    int64_t now_ms;
    int64_t nearest_ms; /* deadline of the nearest that is not due; 0: none */
    int64_t chat;       /* of the first that is due, 0: none */
    struct store_device sender;
};

static enum st_err look(void *ctx, const struct store_message *message)
{
    struct due *due = ctx;
    bool set_back = message->received_at_ms > due->now_ms; /* the clock, since then: it may have waited long enough */
    int64_t at = set_back ? due->now_ms : message->received_at_ms + due->client->config.gap_hold_ms;
    if (at > due->now_ms) {
        due->nearest_ms = core_earlier(due->nearest_ms, at);
    } else if (due->chat == 0) {
        due->chat = message->chat;
        due->sender = message->sender;
    }
    return ST_OK;
}

/* The first held message of a sender. */
struct first_held {
    bool found;
    int64_t row;
    uint64_t seq;
};

static enum st_err take_first(void *ctx, const struct store_message *message)
{
    struct first_held *first = ctx;
    if (first->found)
        return ST_OK;
    *first = (struct first_held) { true, message->row, message->seq };
    return ST_OK;
}

/* Shows what follows without a hole. */
static enum st_err show_run(struct client *client, int64_t chat, const struct store_device *sender, uint64_t *shown)
{
    for (;;) {
        struct first_held first = { 0 };
        enum st_err err = store_message_each_held(client->store, chat, sender, take_first, &first);
        if (err != ST_OK || !first.found || first.seq > *shown + 1)
            return err;
        err = store_message_show(client->store, first.row);
        if (err == ST_OK && first.seq > *shown) {
            *shown = first.seq;
            err = store_chat_set_shown(client->store, chat, sender, *shown);
        }
        if (err != ST_OK)
            return err;
    }
}

enum st_err order_place(struct client *client, int64_t chat, const struct store_device *sender, uint64_t seq,
                        int64_t row)
{
    uint64_t shown;
    enum st_err err = store_chat_get_shown(client->store, chat, sender, &shown);
    if (err != ST_OK)
        return err;
    if (seq > shown + 1)
        return ST_OK; /* held until its turn, or until order_tick shows the gap */
    if (seq <= shown) {
        bool was_gap;
        err = store_gap_fill(client->store, chat, sender, seq, &was_gap);
        return err == ST_OK ? store_message_show(client->store, row) : err;
    }
    return show_run(client, chat, sender, &shown);
}

/* Shows the gap before the first held message, asks for what is missing, and goes on behind it. */
static enum st_err show_gap(struct client *client, int64_t chat, const struct store_device *sender)
{
    uint64_t shown;
    struct first_held first = { 0 };
    enum st_err err = store_chat_get_shown(client->store, chat, sender, &shown);
    if (err == ST_OK)
        err = store_message_each_held(client->store, chat, sender, take_first, &first);
    if (err != ST_OK || !first.found)
        return err;
    if (first.seq > shown + 1) {
        struct store_gap gap = { .chat = chat,
                                 .sender = *sender,
                                 .first_seq = shown + 1,
                                 .last_seq = first.seq - 1,
                                 .asked_at_ms = core_wall(client) };
        int64_t id;
        err = store_gap_add(client->store, &gap, core_wall(client), &id);
        struct payload_gap ask = { .first = gap.first_seq, .last = gap.last_seq };
        if (err == ST_OK)
            err = peers_send_control(client, sender, PAYLOAD_GAP, &ask);
        if (err == ST_ENOTFOUND || err == ST_ELIMIT)
            err = ST_OK; /* no session to ask on, or its chain is full: it is shown all the same */
        shown = first.seq - 1;
        if (err == ST_OK)
            err = store_chat_set_shown(client->store, chat, sender, shown);
    }
    return err == ST_OK ? show_run(client, chat, sender, &shown) : err;
}

static enum st_err find_due(struct client *client, struct due *due)
{
    *due = (struct due) { .client = client, .now_ms = core_wall(client) };
    return store_message_each_held(client->store, 0, NULL, look, due);
}

void order_tick(struct client *client)
{
    if (client->order_at_ms == TIMER_NEVER || client->order_at_ms > core_mono(client))
        return;
    struct due due;
    enum st_err err = find_due(client, &due);
    bool showed = false;
    while (err == ST_OK && due.chat != 0) {
        err = tx_begin(client);
        if (err == ST_OK)
            err = tx_end(client, show_gap(client, due.chat, &due.sender));
        showed = true;
        if (err == ST_OK)
            err = find_due(client, &due);
    }
    if (err != ST_OK) {
        core_warn(client, "messages that wait for their turn could not be read");
        client->order_at_ms = core_mono(client) + client->config.gap_hold_ms;
        return;
    }
    client->order_at_ms = due.nearest_ms == 0 ? TIMER_NEVER : core_mono(client) + due.nearest_ms - due.now_ms;
    if (showed) {
        struct client_event event = { .kind = CLIENT_EVENT_SHOWN };
        client->out.event(client->out.ctx, &event);
        outbox_pump(client);
    }
}

void order_wake(struct client *client)
{
    struct due due;
    if (find_due(client, &due) != ST_OK || (due.chat == 0 && due.nearest_ms == 0)) {
        client->order_at_ms = TIMER_NEVER;
        return;
    }
    client->order_at_ms = core_mono(client) + (due.chat != 0 ? 0 : due.nearest_ms - due.now_ms);
}

int64_t order_next_ms(const struct client *client)
{
    return client->order_at_ms;
}

bool order_settled(const struct client *client)
{
    return client->order_at_ms == TIMER_NEVER;
}
