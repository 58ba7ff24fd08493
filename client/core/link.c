#include "client/core/core.h"

static void open_link(struct client *client, enum client_link which, const struct client_target *target)
{
    struct link *link = &client->links[which];
    link_fail_requests(client, which, CLIENT_UNREACHABLE);
    link->open = true;
    link->up = false;
    link->reason = CLIENT_OK;
    client->out.open(client->out.ctx, which, target);
}

void link_open_enrol(struct client *client, const uint8_t own_public[static ST_KEY_LEN], const uint8_t *own_secret)
{
    struct client_target target = { client->self.address.host, client->self.address.port, client->self.address.key,
                                    own_public, own_secret };
    open_link(client, CLIENT_ENROL, &target);
}

void link_open_device(struct client *client)
{
    struct identity *self = &client->self;
    const struct endpoint *endpoint = &self->endpoints[self->endpoint_next % self->endpoint_count];
    self->endpoint_next++;
    struct client_target target = { endpoint->host, endpoint->port, endpoint->key, self->tk_public, self->tk_secret };
    open_link(client, CLIENT_DEVICE, &target);
}

void link_close(struct client *client, enum client_link which)
{
    struct link *link = &client->links[which];
    if (link->open)
        client->out.close(client->out.ctx, which);
    link->open = false;
    link->up = false;
    link_fail_requests(client, which, CLIENT_UNREACHABLE);
}

static struct request *free_request(struct client *client)
{
    for (size_t i = 0; i < REQUESTS_MAX; i++) {
        if (client->requests[i].id == 0)
            return &client->requests[i];
    }
    return NULL;
}

static enum st_err send_frame(struct client *client, enum client_link link, enum st_type type, uint64_t id,
                              const void *msg)
{
    if (!client->links[link].up)
        return ST_EUNAVAILABLE;
    st_buf_clear(&client->frame);
    enum st_err err = st_frame_write(type, id, msg, &client->frame);
    if (err == ST_OK)
        err = client->out.send(client->out.ctx, link, st_buf_view(&client->frame));
    return err;
}

enum st_err link_request(struct client *client, enum client_link link, enum st_type type, const void *msg, reply_fn fn,
                         void *ctx)
{
    struct request *request = free_request(client);
    if (request == NULL)
        return ST_ELIMIT;
    uint64_t id = ++client->next_request;
    enum st_err err = send_frame(client, link, type, id, msg);
    if (err != ST_OK)
        return err;
    *request = (struct request) { id, link, core_mono(client) + client->config.answer_ms, fn, ctx };
    return ST_OK;
}

enum st_err link_send(struct client *client, enum client_link link, enum st_type type, const void *msg)
{
    return send_frame(client, link, type, 0, msg);
}

static void fail_request(struct client *client, struct request *request, enum client_reason reason)
{
    struct request ended = *request;
    request->id = 0;
    struct client_result failure = core_result(reason);
    ended.fn(client, ended.ctx, NULL, &failure);
}

void link_fail_requests(struct client *client, enum client_link link, enum client_reason reason)
{
    /* Only what was asked before: an answer's owner may ask again at once. */
    uint64_t newest = client->next_request;
    for (size_t i = 0; i < REQUESTS_MAX; i++) {
        struct request *request = &client->requests[i];
        if (request->id != 0 && request->id <= newest && request->link == link)
            fail_request(client, request, reason);
    }
}

bool link_deliver(struct client *client, enum client_link link, const struct st_frame *frame)
{
    if (frame->request == 0)
        return false;
    for (size_t i = 0; i < REQUESTS_MAX; i++) {
        struct request *request = &client->requests[i];
        if (request->id != frame->request || request->link != link)
            continue;
        struct request ended = *request;
        request->id = 0;
        if (frame->type == ST_ERROR) {
            struct client_result failure = core_error_result(frame);
            ended.fn(client, ended.ctx, NULL, &failure);
        } else {
            ended.fn(client, ended.ctx, frame, NULL);
        }
        return true;
    }
    return false;
}

void link_tick(struct client *client)
{
    int64_t now = core_mono(client);
    for (size_t i = 0; i < REQUESTS_MAX; i++) {
        struct request *request = &client->requests[i];
        if (request->id != 0 && request->deadline_ms <= now)
            fail_request(client, request, CLIENT_UNREACHABLE);
    }
}

int64_t link_next_ms(const struct client *client)
{
    int64_t next = TIMER_NEVER;
    for (size_t i = 0; i < REQUESTS_MAX; i++) {
        if (client->requests[i].id != 0)
            next = core_earlier(next, client->requests[i].deadline_ms);
    }
    return next;
}
