#include "tests/sim/sim.h"

#include <stdio.h>

struct client_ctx {
    struct sim *sim;
    unsigned index;
};

static struct client_ctx client_ctxs[SIM_CLIENTS_MAX];

static void on_open(void *ctx, enum client_link link, const struct client_target *target)
{
    const struct client_ctx *at = ctx;
    if (sim_act(at->sim, &at->sim->clients[at->index].fuse))
        sim_conn_open(at->sim, at->index, link, target);
}

static void on_close(void *ctx, enum client_link link)
{
    const struct client_ctx *at = ctx;
    sim_conn_close(at->sim, at->index, link);
}

static enum st_err on_send(void *ctx, enum client_link link, struct st_view frame)
{
    const struct client_ctx *at = ctx;
    if (!sim_act(at->sim, &at->sim->clients[at->index].fuse))
        return ST_EUNAVAILABLE;
    return sim_conn_send(at->sim, at->index, link, frame);
}

/* ---- blobs: durable as soon as they are written ---- */

static struct sim_blob *find_blob(struct sim_client *client, const uint8_t *id)
{
    for (size_t i = 0; i < client->blob_count; i++) {
        if (memcmp(client->blobs[i].id, id, ST_BLOB_ID_LEN) == 0)
            return &client->blobs[i];
    }
    return NULL;
}

static enum st_err on_blob_read(void *ctx, const uint8_t id[static ST_BLOB_ID_LEN], uint64_t offset, uint8_t *out,
                                size_t *len)
{
    const struct client_ctx *at = ctx;
    const struct sim_blob *blob = find_blob(&at->sim->clients[at->index], id);
    size_t room = *len;
    *len = 0;
    if (blob == NULL)
        return ST_ENOTFOUND;
    if (offset >= blob->data.len)
        return ST_OK;
    *len = blob->data.len - (size_t)offset < room ? blob->data.len - (size_t)offset : room;
    memcpy(out, blob->data.p + offset, *len);
    return ST_OK;
}

static enum st_err on_blob_write(void *ctx, const uint8_t id[static ST_BLOB_ID_LEN], uint64_t offset,
                                 struct st_view data)
{
    const struct client_ctx *at = ctx;
    struct sim_client *client = &at->sim->clients[at->index];
    if (!sim_act(at->sim, &client->fuse))
        return ST_EIO;
    struct sim_blob *blob = find_blob(client, id);
    if (blob == NULL) {
        if (client->blob_count == SIM_BLOBS_MAX)
            return ST_EFULL;
        blob = &client->blobs[client->blob_count++];
        memcpy(blob->id, id, sizeof blob->id);
        st_buf_init(&blob->data, 8 << 20);
    }
    while (blob->data.len < offset + data.len) {
        static const uint8_t zeros[4096];
        size_t missing = (size_t)offset + data.len - blob->data.len;
        if (st_buf_append(&blob->data, zeros, missing < sizeof zeros ? missing : sizeof zeros) != ST_OK)
            return ST_EFULL;
    }
    memcpy(blob->data.p + offset, data.p, data.len);
    return ST_OK;
}

static enum st_err on_blob_sync(void *ctx, const uint8_t id[static ST_BLOB_ID_LEN])
{
    (void)ctx;
    (void)id;
    return ST_OK;
}

static void on_blob_delete(void *ctx, const uint8_t id[static ST_BLOB_ID_LEN])
{
    const struct client_ctx *at = ctx;
    struct sim_client *client = &at->sim->clients[at->index];
    struct sim_blob *blob = find_blob(client, id);
    if (blob == NULL || !sim_act(at->sim, &client->fuse))
        return;
    st_buf_free(&blob->data);
    *blob = client->blobs[--client->blob_count];
}

/* ---- what it says ---- */

static enum st_err take_event(void *ctx, const struct store_event *event)
{
    struct client_ctx *at = ctx;
    struct sim *sim = at->sim;
    struct sim_client *client = &sim->clients[at->index];
    struct store_gap gap;
    if (event->type == STORE_EVENT_GAP && client->gap_count < SIM_GAPS_MAX &&
        store_gap_get(client->store, event->ref, &gap) == ST_OK) {
        struct sim_gap *out = &client->gaps[client->gap_count++];
        out->first = gap.first_seq;
        out->last = gap.last_seq;
        for (unsigned i = 0; i < sim->plan.clients; i++) {
            if (memcmp(sim->clients[i].acct, gap.sender.acct, ST_ACCT_LEN) == 0)
                out->from = i;
        }
        sim_trace(sim, "%s shows a gap: %llu to %llu of user%u", client->name, (unsigned long long)gap.first_seq,
                  (unsigned long long)gap.last_seq, out->from);
    }
    at->sim->stats.shown += event->type == STORE_EVENT_MESSAGE;
    client->last_event = event->number;
    return ST_OK;
}

/* Reads what is new and acks it, as `receive` does. */
static void read_events(struct sim *sim, unsigned index)
{
    struct sim_client *client = &sim->clients[index];
    client->last_event = 0;
    if (client->fuse.dead ||
        store_event_each(client->store, "default", 1000, take_event, &client_ctxs[index]) != ST_OK ||
        client->last_event == 0)
        return;
    if (store_begin(client->store) != ST_OK)
        return;
    if (store_event_ack(client->store, "default", client->last_event) != ST_OK || store_commit(client->store) != ST_OK)
        store_rollback(client->store);
}

static void on_event(void *ctx, const struct client_event *event)
{
    const struct client_ctx *at = ctx;
    struct sim *sim = at->sim;
    struct sim_client *client = &sim->clients[at->index];
    switch (event->kind) {
    case CLIENT_EVENT_ONLINE:
        sim_trace(sim, "%s is online", client->name);
        break;
    case CLIENT_EVENT_OFFLINE:
        sim_trace(sim, "%s is offline, reason %d", client->name, event->result.reason);
        break;
    case CLIENT_EVENT_SHOWN:
        client->events_waiting = true;
        break;
    case CLIENT_EVENT_WARNING:
        sim_trace(sim, "%s warns: %s", client->name, event->text);
        break;
    case CLIENT_EVENT_STATE:
    case CLIENT_EVENT_PROGRESS:
        break;
    }
}

/* ---- life ---- */

static enum st_err on_store(void *ctx, const char *step)
{
    const struct client_ctx *at = ctx;
    (void)step;
    return sim_act(at->sim, &at->sim->clients[at->index].fuse) ? ST_OK : ST_EIO;
}

bool sim_client_start(struct sim *sim, unsigned index)
{
    struct sim_client *client = &sim->clients[index];
    client_ctxs[index] = (struct client_ctx) { sim, index };
    struct client_out out = { &client_ctxs[index], on_open,      on_close,       on_send, on_blob_read,
                              on_blob_write,       on_blob_sync, on_blob_delete, on_event };
    memset(&client->fuse, 0, sizeof client->fuse);
    client->sending = false;
    client->registering = false;
    store_set_fault(client->store, on_store, &client_ctxs[index]);
    enum st_err err = client_new(&client->core, client->store, &sim->client_config, &sim->env, &out);
    if (err != ST_OK) {
        sim_fail(sim, "%s does not start: %s", client->name, st_err_text(err));
        return false;
    }
    client->alive = true;
    st_heap_node_init(&client->timer);
    if (client->registered && client->wants_online)
        client_go_online(client->core);
    else if (!client->registered && client->wants_online)
        sim_client_register(sim, index);
    sim_client_after(sim, index);
    return true;
}

void sim_client_stop(struct sim *sim, unsigned index)
{
    struct sim_client *client = &sim->clients[index];
    if (!client->alive)
        return;
    client->alive = false;
    client->fuse.dead = true; /* nothing that happens while it is taken apart reaches the world */
    st_heap_cancel(&sim->timers, &client->timer);
    client_free(&client->core);
    for (int link = 0; link < CLIENT_LINKS; link++)
        sim_conn_close(sim, index, (enum client_link)link);
    store_set_fault(client->store, NULL, NULL);
    store_crash(client->store);
}

void sim_client_after(struct sim *sim, unsigned index)
{
    struct sim_client *client = &sim->clients[index];
    if (!client->alive)
        return;
    if (!client->fuse.dead && client->events_waiting) {
        client->events_waiting = false;
        read_events(sim, index);
    }
    if (client->fuse.dead) {
        sim_trace(sim, "%s dies", client->name);
        sim_client_stop(sim, index);
        return;
    }
    int64_t at = client_next_ms(client->core) - 1;
    if (st_heap_set(&sim->timers, &client->timer, at > sim->now_ms ? at : sim->now_ms + 1) != ST_OK)
        sim_fail(sim, "too many timers");
}

void sim_client_tick(struct sim *sim, unsigned index)
{
    struct sim_client *client = &sim->clients[index];
    if (!client->alive)
        return;
    client_tick(client->core);
    sim_client_after(sim, index);
}

/* ---- registration ---- */

static void try_register(struct sim *sim, uint64_t arg)
{
    sim_client_register(sim, (unsigned)arg);
}

static void on_registered(void *ctx, const struct client_result *result)
{
    const struct client_ctx *at = ctx;
    struct sim *sim = at->sim;
    struct sim_client *client = &sim->clients[at->index];
    client->registering = false;
    if (client->fuse.dead)
        return;
    struct client_status status;
    client_get_status(client->core, &status);
    if (result->reason != CLIENT_OK && !status.registered) {
        sim_trace(sim, "%s is not registered: reason %d %s", client->name, result->reason, result->detail);
        sim_at(sim, sim->now_ms + 1000, try_register, at->index);
        return;
    }
    client->registered = true;
    memcpy(client->acct, status.acct, sizeof client->acct);
    sim_trace(sim, "%s is registered", client->name);
    client_go_online(client->core);
}

void sim_client_register(struct sim *sim, unsigned index)
{
    struct sim_client *client = &sim->clients[index];
    if (!client->alive || client->registered || client->registering)
        return;
    client->wants_online = true;
    client->registering = true;
    struct client_registration registration = { .address = { .host = "gw0.example", .port = 7420 },
                                                .name = client->name,
                                                .device_name = "sim",
                                                .password = st_view_text("correct horse") };
    memcpy(registration.address.key, sim->enrol_key, sizeof registration.address.key);
    client_register(client->core, &registration, on_registered, &client_ctxs[index]);
    sim_client_after(sim, index);
}

/* ---- sending ---- */

static enum st_err read_file(void *ctx, uint8_t *out, size_t *len)
{
    struct sim_client *client = ctx;
    size_t left = (size_t)client->file.bytes - client->file_at;
    if (*len > left)
        *len = left;
    for (size_t i = 0; i < *len; i++)
        out[i] = (uint8_t)((client->file_at + i) * 31);
    client->file_at += *len;
    return ST_OK;
}

static void on_sent(void *ctx, const struct client_result *result)
{
    const struct client_ctx *at = ctx;
    struct sim *sim = at->sim;
    struct sim_client *client = &sim->clients[at->index];
    client->sending = false;
    if (client->fuse.dead)
        return;
    sim_trace(sim, "%s: \"%s\" to %s: reason %d %s", client->name, client->text, client->to, result->reason,
              result->detail);
    if (result->reason != CLIENT_OK || sim->sent_count == SIM_SENT_MAX)
        return;
    struct sim_sent *sent = &sim->sent[sim->sent_count++];
    sent->from = at->index;
    sent->to = (unsigned)(client->to[4] - '0');
    memcpy(sent->id, result->id, sizeof sent->id);
    sim->stats.sent++;
}

void sim_client_send(struct sim *sim, unsigned from, unsigned to, size_t file_bytes)
{
    struct sim_client *client = &sim->clients[from];
    if (!client->alive || client->sending || !client->registered)
        return;
    client->sending = true;
    snprintf(client->text, sizeof client->text, "user%u to user%u, number %u", from, to, ++client->sent);
    snprintf(client->to, sizeof client->to, "user%u", to);
    client->file = (struct client_file) { "data.bin", "application/octet-stream", file_bytes, read_file, client };
    client->file_at = 0;
    client->outgoing = (struct client_outgoing) { .to = client->to,
                                                  .text = st_view_text(client->text),
                                                  .files = &client->file,
                                                  .file_count = file_bytes > 0 ? 1 : 0 };
    client_send(client->core, &client->outgoing, on_sent, &client_ctxs[from]);
    sim_client_after(sim, from);
}
