#include "tests/sim/sim.h"

#include <stdio.h>

/* The invariants of ARCHITECTURE 7, looked at when the world has come to rest:
 *   I1  every message that its sender holds is shown once at its recipient, and no outbox row is left (I7)
 *   I2  it is shown in the order in which it was sent, but for numbers that were shown as a gap before
 *   I3  nothing is shown that was not sent in that chat (text, sender, number)
 *   I7  sim_at_rest itself, within its time
 * I4 and I6 show as no rest, or as steps without end. */

enum { CHAT_MAX = 4096 };

struct line {
    uint8_t id[ST_MSG_ID_LEN];
    uint64_t seq;
    char text[96];
};

struct lines {
    struct sim *sim;
    enum store_direction direction;
    struct line lines[CHAT_MAX];
    size_t count;
};

bool sim_at_rest(struct sim *sim)
{
    for (unsigned i = 0; i < sim->plan.clients; i++) {
        struct sim_client *client = &sim->clients[i];
        struct store_outbox_counts counts;
        if (!client->alive || client->sending || !client_is_online(client->core))
            return false;
        if (store_outbox_count(client->store, &counts) != ST_OK || counts.copies > 0)
            return false;
        if (!client_is_settled(client->core))
            return false;
    }
    return true;
}

static enum st_err describe_copy(void *ctx, const struct store_copy *copy)
{
    struct sim *sim = ctx;
    for (unsigned i = 0; i < sim->plan.clients; i++) {
        const struct sim_client *reader = &sim->clients[i];
        struct store_chat chat;
        int64_t row;
        if (memcmp(reader->acct, copy->to.acct, ST_ACCT_LEN) != 0)
            continue;
        bool there = false;
        for (unsigned from = 0; from < sim->plan.clients; from++) {
            if (store_chat_find(reader->store, STORE_CHAT_PERSON, sim->clients[from].acct, &chat) == ST_OK &&
                store_message_find(reader->store, chat.id, sim->clients[from].acct, copy->msg_id, &row) == ST_OK)
                there = true;
        }
        sim_trace(sim, "  copy %02x%02x to %s, kind %d, %s, queued at %.3f, the recipient %s it", copy->msg_id[0],
                  copy->msg_id[1], reader->name, copy->kind, copy->state == STORE_COPY_NEW ? "new" : "stored",
                  (double)(copy->queued_at_ms % 100000000) / 1000, there ? "has" : "does not have");
    }
    return ST_OK;
}

void sim_describe_unrest(struct sim *sim)
{
    for (unsigned i = 0; i < sim->plan.clients; i++) {
        struct sim_client *client = &sim->clients[i];
        struct store_outbox_counts counts = { 0 };
        if (store_outbox_count(client->store, &counts) != ST_OK)
            counts.copies = UINT32_MAX;
        sim_trace(sim, "%s: alive %d, sending %d, online %d, settled %d, outbox %u copies, %u new, link reason %d",
                  client->name, client->alive, client->sending, client->alive && client_is_online(client->core),
                  client->alive && client_is_settled(client->core), counts.copies, counts.fresh,
                  client->alive ? (int)client_link_reason(client->core) : -1);
        struct store_outbox_query query = { .limit = 20 };
        if (store_outbox_each(client->store, &query, describe_copy, sim) != ST_OK)
            sim_trace(sim, "  its outbox does not read");
    }
}

static enum st_err add_line(void *ctx, const struct store_message *message)
{
    struct lines *lines = ctx;
    if (message->direction != lines->direction)
        return ST_OK;
    if (lines->count == CHAT_MAX)
        return ST_ELIMIT;
    struct line *line = &lines->lines[lines->count++];
    memcpy(line->id, message->id, sizeof line->id);
    line->seq = message->seq;
    size_t len = message->text.len < sizeof line->text ? message->text.len : sizeof line->text - 1;
    memcpy(line->text, message->text.p, len);
    line->text[len] = '\0';
    return ST_OK;
}

static bool read_chat(struct sim *sim, unsigned of, unsigned with, struct lines *lines)
{
    struct store_chat chat;
    lines->count = 0;
    enum st_err err = store_chat_find(sim->clients[of].store, STORE_CHAT_PERSON, sim->clients[with].acct, &chat);
    if (err == ST_ENOTFOUND)
        return true;
    struct store_message_query query = { .chat = chat.id };
    if (err == ST_OK)
        err = store_message_each(sim->clients[of].store, &query, add_line, lines);
    if (err != ST_OK)
        sim_fail(sim, "a chat of %s does not read: %s", sim->clients[of].name, st_err_text(err));
    return err == ST_OK;
}

static bool was_gap(const struct sim_client *client, unsigned from, uint64_t seq)
{
    for (size_t i = 0; i < client->gap_count; i++) {
        const struct sim_gap *gap = &client->gaps[i];
        if (gap->from == from && seq >= gap->first && seq <= gap->last)
            return true;
    }
    return false;
}

static const struct line *find_line(const struct lines *lines, const uint8_t *id, size_t *times_r)
{
    const struct line *found = NULL;
    *times_r = 0;
    for (size_t i = 0; i < lines->count; i++) {
        if (memcmp(lines->lines[i].id, id, ST_MSG_ID_LEN) != 0)
            continue;
        found = &lines->lines[i];
        (*times_r)++;
    }
    return found;
}

static bool compare(struct sim *sim, unsigned from, unsigned to, const struct lines *sent, const struct lines *shown)
{
    const struct sim_client *reader = &sim->clients[to];
    for (size_t i = 0; i < sent->count; i++) {
        const struct line *line = &sent->lines[i];
        size_t times;
        const struct line *there = find_line(shown, line->id, &times);
        if (times != 1) {
            sim_fail(sim, "I1: \"%s\" (seq %llu) is shown %zu times at %s", line->text, (unsigned long long)line->seq,
                     times, reader->name);
            return false;
        }
        if (there->seq != line->seq || strcmp(there->text, line->text) != 0) {
            sim_fail(sim, "I3: \"%s\" is shown as \"%s\"", line->text, there->text);
            return false;
        }
    }
    if (shown->count != sent->count) {
        sim_fail(sim, "I3: %s shows %zu messages of %s, who sent %zu", reader->name, shown->count,
                 sim->clients[from].name, sent->count);
        return false;
    }
    uint64_t highest = 0;
    for (size_t i = 0; i < shown->count; i++) {
        uint64_t seq = shown->lines[i].seq;
        if (seq < highest && !was_gap(reader, from, seq)) {
            sim_fail(sim, "I2: %s shows number %llu of %s after %llu", reader->name, (unsigned long long)seq,
                     sim->clients[from].name, (unsigned long long)highest);
            return false;
        }
        highest = seq > highest ? seq : highest;
    }
    return true;
}

static bool check_durable(struct sim *sim)
{
    for (size_t i = 0; i < sim->sent_count; i++) {
        int64_t row;
        const struct sim_sent *sent = &sim->sent[i];
        if (store_message_find_own(sim->clients[sent->from].store, sent->id, &row) != ST_OK) {
            sim_fail(sim, "I1: a message that %s was told is kept is not in its store", sim->clients[sent->from].name);
            return false;
        }
    }
    return true;
}

bool sim_check_end(struct sim *sim)
{
    static struct lines sent, shown;
    for (unsigned from = 0; from < sim->plan.clients; from++) {
        for (unsigned to = 0; to < sim->plan.clients; to++) {
            sent.direction = STORE_OUT;
            shown.direction = STORE_IN;
            if (from != to && !(read_chat(sim, from, to, &sent) && read_chat(sim, to, from, &shown) &&
                                compare(sim, from, to, &sent, &shown)))
                return false;
        }
    }
    return check_durable(sim);
}
