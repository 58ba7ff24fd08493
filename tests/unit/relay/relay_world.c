#include "tests/unit/relay/relay_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

/* ---- env ---- */

static int64_t wall_ms(void *ctx)
{
    return ((struct world *)ctx)->wall_ms;
}

static int64_t mono_ms(void *ctx)
{
    return ((struct world *)ctx)->mono_ms;
}

/* splitmix64 */
static uint64_t next_random(struct world *world)
{
    uint64_t z = world->seed += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void fill_random(void *ctx, void *out, size_t len)
{
    uint8_t *to = out;
    for (size_t i = 0; i < len; i++)
        to[i] = (uint8_t)next_random(ctx);
}

/* ---- gateways ---- */

static enum st_err record(void *ctx, const struct service_peer *to, const struct st_hop *hop, struct st_view frame,
                          struct st_view boxes)
{
    struct world *world = ctx;
    assert_int_equal(boxes.len, 0);
    if (world->gone != NULL && strcmp(world->gone, to->name) == 0)
        return ST_ENOTFOUND;
    if (world->full != NULL && strcmp(world->full, to->name) == 0)
        return ST_EUNAVAILABLE;
    assert_true(world->sent_count < WORLD_SENT_MAX);
    assert_true(frame.len <= ST_PUSH_FRAME_MAX);
    struct world_sent *sent = &world->sent[world->sent_count++];
    memset(sent, 0, sizeof *sent);
    memcpy(sent->to, to->name, sizeof sent->to);
    sent->hop = *hop;
    sent->len = frame.len;
    sent->bytes = malloc(frame.len);
    assert_non_null(sent->bytes);
    memcpy(sent->bytes, frame.p, frame.len);
    assert_int_equal(st_frame_open(st_view(sent->bytes, sent->len), ST_FRAME_MAX, &sent->frame), ST_OK);
    return ST_OK;
}

/* ---- birth and death ---- */

static void start(struct world *world, size_t relay)
{
    struct relay_deps deps = { .env = world->env, .mailbox = world->box, .blob = world->blob };
    deps.out.ctx = world;
    deps.out.send = record;
    assert_int_equal(relay_core_new(&world->relays[relay], &world->options, &deps), ST_OK);
}

int world_setup(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    if (world == NULL || sodium_init() < 0)
        return -1;
    world->wall_ms = INT64_C(1800000000000);
    world->mono_ms = 1000000;
    world->seed = 42;
    world->env = (struct st_env) { .ctx = world, .wall_ms = wall_ms, .mono_ms = mono_ms, .random = fill_random };
    world->sent = calloc(WORLD_SENT_MAX, sizeof *world->sent);
    assert_non_null(world->sent);
    assert_int_equal(mailbox_mem_new(&world->mem, &world->env), ST_OK);
    assert_int_equal(blob_mem_new(&world->blobs, 64 * 1024 * 1024, &world->env), ST_OK);
    mailbox_mem_open(world->mem, &world->box);
    blob_mem_open(world->blobs, &world->blob);
    relay_options_default(&world->options);
    start(world, 0);
    *state = world;
    return 0;
}

int world_setup_two(void **state)
{
    int failed = world_setup(state);
    if (failed == 0)
        start(*state, 1);
    return failed;
}

int world_teardown(void **state)
{
    struct world *world = *state;
    for (size_t i = 0; i < WORLD_RELAYS; i++)
        relay_core_free(&world->relays[i]);
    world_forget(world);
    mailbox_close(&world->box);
    blob_close(&world->blob);
    mailbox_mem_free(&world->mem);
    blob_mem_free(&world->blobs);
    free(world->sent);
    free(world);
    return 0;
}

void world_restart(struct world *world, size_t relay)
{
    relay_core_free(&world->relays[relay]);
    start(world, relay);
}

void world_wait(struct world *world, int64_t ms)
{
    int64_t end_ms = world->mono_ms + ms;
    for (;;) {
        int64_t next_ms = end_ms;
        for (size_t i = 0; i < WORLD_RELAYS; i++) {
            if (world->relays[i] != NULL && relay_core_next_ms(world->relays[i]) < next_ms)
                next_ms = relay_core_next_ms(world->relays[i]);
        }
        if (next_ms > world->mono_ms) {
            world->wall_ms += next_ms - world->mono_ms;
            world->mono_ms = next_ms;
        }
        for (size_t i = 0; i < WORLD_RELAYS; i++) {
            if (world->relays[i] != NULL)
                relay_core_tick(world->relays[i]);
        }
        bool due = false;
        for (size_t i = 0; i < WORLD_RELAYS; i++)
            due = due || (world->relays[i] != NULL && relay_core_next_ms(world->relays[i]) <= end_ms);
        if (world->mono_ms >= end_ms && !due)
            return;
    }
}

const uint8_t *world_acct(unsigned n)
{
    static uint8_t accts[64][ST_ACCT_LEN];
    assert_true(n < 64);
    memset(accts[n], (int)(n + 1), ST_ACCT_LEN);
    return accts[n];
}

/* ---- in ---- */

static void give(struct world *world, size_t relay, const char *gateway, const struct st_hop *hop, enum st_type type,
                 const void *msg)
{
    uint8_t bytes[ST_HOP_ENROL_LEN];
    struct service_peer from = { "" };
    struct st_buf frame;
    st_buf_init(&frame, ST_FRAME_MAX);
    snprintf(from.name, sizeof from.name, "%s", gateway);
    assert_int_equal(st_frame_write(type, ++world->request, msg, &frame), ST_OK);
    /* Exact copies, so that a read behind the end or after the call is seen. */
    uint8_t *copy = malloc(frame.len);
    assert_non_null(copy);
    memcpy(copy, frame.p, frame.len);
    relay_core_input(world->relays[relay], &from, st_view(bytes, st_hop_write(hop, bytes)), st_view(copy, frame.len));
    memset(copy, 0xee, frame.len);
    free(copy);
    st_buf_free(&frame);
}

void world_device(struct world *world, size_t relay, const char *gateway, unsigned n, uint32_t dev, uint64_t sid,
                  enum st_type type, const void *msg)
{
    struct st_hop hop = { .kind = ST_HOP_DEVICE, .dev = dev, .sid = sid };
    memcpy(hop.acct, world_acct(n), ST_ACCT_LEN);
    give(world, relay, gateway, &hop, type, msg);
}

void world_service(struct world *world, size_t relay, const char *gateway, enum st_type type, const void *msg)
{
    struct st_hop hop = { .kind = ST_HOP_SERVICE };
    give(world, relay, gateway, &hop, type, msg);
}

void world_flush(struct world *world, size_t relay)
{
    relay_core_flush(world->relays[relay]);
}

/* ---- out ---- */

const struct world_sent *world_take(struct world *world, enum st_type type, void *msg_r)
{
    for (size_t i = 0; i < world->sent_count; i++) {
        struct world_sent *sent = &world->sent[i];
        if (sent->taken || sent->frame.type != type)
            continue;
        sent->taken = true;
        if (msg_r != NULL)
            assert_int_equal(st_frame_read(&sent->frame, msg_r), ST_OK);
        return sent;
    }
    return NULL;
}

size_t world_count(const struct world *world, enum st_type type)
{
    size_t count = 0;
    for (size_t i = 0; i < world->sent_count; i++)
        count += !world->sent[i].taken && world->sent[i].frame.type == type;
    return count;
}

void world_forget(struct world *world)
{
    for (size_t i = 0; i < world->sent_count; i++)
        free(world->sent[i].bytes);
    world->sent_count = 0;
}

/* ---- whole steps ---- */

void world_open(struct world *world, unsigned n, uint32_t dev)
{
    struct mailbox_boxes boxes = { .seq = 1, .devs = &dev, .dev_count = 1 };
    memcpy(boxes.acct, world_acct(n), ST_ACCT_LEN);
    assert_int_equal(mailbox_boxes_set(&world->box, &boxes, 1), ST_OK);
}

uint64_t world_attach(struct world *world, size_t relay, const char *gateway, unsigned n, uint32_t dev, uint64_t sid,
                      struct st_int_attach_r *r)
{
    static struct st_int_attach_r unused;
    uint8_t devs[4];
    struct st_int_attach msg = { .list_seq = 1, .devs = { .count = 1, .items = devs } };
    st_put_u32(devs, dev);
    world_device(world, relay, gateway, n, dev, sid, ST_ATTACH, &msg);
    world_flush(world, relay);
    struct st_int_attach_r *answer = r == NULL ? &unused : r;
    const struct world_sent *sent = world_take(world, ST_ATTACH_R, answer);
    assert_non_null(sent);
    assert_string_equal(sent->to, gateway);
    assert_int_equal(sent->hop.sid, sid);
    assert_int_equal(sent->frame.request, world->request);
    return answer->attach;
}

void world_message_id(const char *text, uint8_t id_r[static ST_MSG_ID_LEN])
{
    memset(id_r, 0, ST_MSG_ID_LEN);
    memcpy(id_r, text, strlen(text) < ST_MSG_ID_LEN ? strlen(text) : ST_MSG_ID_LEN);
}

void world_message(struct world *world, size_t relay, unsigned from, unsigned to, uint32_t dev, const char *text,
                   const uint8_t *token)
{
    uint8_t id[ST_MSG_ID_LEN], body[WORLD_BODY];
    world_message_id(text, id);
    for (size_t i = 0; i < sizeof body; i++)
        body[i] = (uint8_t)text[i % strlen(text)];
    struct st_msg_copy copy = { .dev = dev, .body = st_view(body, sizeof body) };
    if (token != NULL) {
        copy.token = st_view(token, ST_TOKEN_LEN);
        ST_SET(&copy, 3);
    }
    struct st_msg_message msg = { .to = st_view(world_acct(to), ST_ACCT_LEN),
                                  .id = st_view(id, sizeof id),
                                  .copies = { .count = 1, .items = &copy } };
    world_device(world, relay, "gw-a", from, 1, 1000 + from, ST_MESSAGE, &msg);
}

uint64_t world_send(struct world *world, size_t relay, unsigned from, unsigned to, uint32_t dev, const char *text,
                    uint8_t *token_r)
{
    struct st_msg_accepted msg;
    struct st_msg_accepted_item item;
    uint8_t id[ST_MSG_ID_LEN];
    world_message(world, relay, from, to, dev, text, NULL);
    world_flush(world, relay);
    assert_non_null(world_take(world, ST_ACCEPTED, &msg));
    assert_true(st_records_next(&st_schema_accepted_item, &msg.items, &item));
    world_message_id(text, id);
    assert_memory_equal(item.id.p, id, sizeof id);
    assert_int_equal(item.dev, dev);
    assert_memory_equal(item.to.p, world_acct(to), ST_ACCT_LEN);
    if (token_r != NULL && ST_HAS(&item, 5))
        memcpy(token_r, item.token.p, ST_TOKEN_LEN);
    return item.status;
}

const char *world_pushed(struct world *world, char out[static 256])
{
    struct st_msg_push msg;
    struct st_msg_push_item item;
    out[0] = '\0';
    if (world_take(world, ST_PUSH, &msg) == NULL)
        return out;
    while (st_records_next(&st_schema_push_item, &msg.items, &item)) {
        size_t len = strlen(out);
        snprintf(out + len, 256 - len, "%s%.*s", len > 0 ? " " : "", ST_MSG_ID_LEN, (const char *)item.id.p);
    }
    return out;
}

void world_ack(struct world *world, size_t relay, const char *gateway, unsigned n, uint32_t dev, uint64_t sid,
               const uint8_t *tokens, size_t count)
{
    struct st_msg_ack ack = { .tokens = { .count = count, .items = tokens } };
    world_device(world, relay, gateway, n, dev, sid, ST_ACK, &ack);
    world_flush(world, relay);
}

size_t world_drain(struct world *world, size_t relay, const char *gateway, unsigned n, uint32_t dev, uint64_t sid)
{
    struct st_msg_push msg;
    struct st_msg_push_item item;
    size_t total = 0;
    while (world_take(world, ST_PUSH, &msg) != NULL) {
        uint8_t tokens[ST_PUSH_ITEMS_MAX * ST_TOKEN_LEN];
        size_t count = 0;
        while (st_records_next(&st_schema_push_item, &msg.items, &item))
            memcpy(tokens + count++ * ST_TOKEN_LEN, item.token.p, ST_TOKEN_LEN);
        world_ack(world, relay, gateway, n, dev, sid, tokens, count);
        total += count;
    }
    return total;
}

void world_fill(struct world *world, unsigned count, size_t len)
{
    struct mailbox_limits limits = { .entries_max = UINT64_MAX, .bytes_max = UINT64_MAX };
    uint8_t *body = calloc(1, len);
    assert_non_null(body);
    for (unsigned i = 0; i < count; i++) {
        uint8_t id[ST_MSG_ID_LEN + 1] = { 0 };
        snprintf((char *)id, sizeof id, "m%u", i);
        struct mailbox_append append = { .to = mailbox_key(world_acct(2), 1),
                                         .from = mailbox_key(world_acct(1), 1),
                                         .msg_id = id,
                                         .body = st_view(body, len) };
        assert_int_equal(mailbox_append(&world->box, &limits, &append, 1), ST_OK);
        assert_int_equal(append.fate, MAILBOX_STORED);
    }
    free(body);
}

uint64_t world_length(struct world *world, unsigned n, uint32_t dev)
{
    struct mailbox_look look = { .key = mailbox_key(world_acct(n), dev) };
    assert_int_equal(mailbox_look(&world->box, &look, 1), ST_OK);
    return look.exists ? look.length : UINT64_MAX;
}

void world_expect_error(struct world *world, enum st_code code)
{
    struct st_msg_error msg;
    assert_non_null(world_take(world, ST_ERROR, &msg));
    assert_string_equal(st_code_name(msg.code), st_code_name(code));
}

struct relay_stats world_stats(struct world *world, size_t relay)
{
    struct relay_stats stats;
    relay_core_stats(world->relays[relay], &stats);
    return stats;
}
