#include "tests/unit/auth/auth_world.h"

#include <stdio.h>
#include <stdlib.h>

#include <sodium.h>

const struct service_peer world_gateway = { "gw-0000000000000001" };
const struct service_peer world_other_gateway = { "gw-0000000000000002" };

static int64_t read_wall(void *ctx)
{
    return ((struct world *)ctx)->wall_ms;
}

static int64_t read_mono(void *ctx)
{
    return ((struct world *)ctx)->mono_ms;
}

static void draw(void *ctx, void *out, size_t len)
{
    struct world *world = ctx;
    uint8_t seed[randombytes_SEEDBYTES] = { 0 };
    st_put_u32(seed, ++world->draws);
    randombytes_buf_deterministic(out, len, seed);
}

static enum st_err keep(void *ctx, const struct service_peer *to, const struct st_hop *hop, struct st_view frame,
                        struct st_view boxes)
{
    struct world *world = ctx;
    assert_true(world->letter_count < WORLD_LETTERS);
    struct letter *letter = &world->letters[world->letter_count++];
    memset(letter, 0, sizeof *letter);
    letter->to = *to;
    letter->hop = *hop;
    letter->bytes = malloc(frame.len);
    letter->len = frame.len;
    letter->boxes = malloc(boxes.len + 1);
    letter->boxes_len = boxes.len;
    assert_non_null(letter->bytes);
    assert_non_null(letter->boxes);
    memcpy(letter->bytes, frame.p, frame.len);
    if (boxes.len > 0)
        memcpy(letter->boxes, boxes.p, boxes.len);
    must_ok(st_frame_open(st_view(letter->bytes, letter->len), ST_FRAME_MAX, &letter->frame));
    return world->send_err;
}

void world_forget(struct world *world)
{
    for (size_t i = 0; i < world->letter_count; i++) {
        free(world->letters[i].bytes);
        free(world->letters[i].boxes);
    }
    world->letter_count = 0;
}

static void configure(struct world *world)
{
    struct auth_config *config = &world->config;
    auth_config_default(config);
    config->registration = AUTH_REGISTRATION_OPEN;
    must_ok(opaque_server_keys_generate(&config->keys, &world->env));
    memset(config->server_id, 0x5e, sizeof config->server_id);
    memset(config->enrol_key, 0xe0, sizeof config->enrol_key);
    config->ksf = (struct st_opaque_ksf) { ST_OPAQUE_KSF_IDENTITY, 0, 0, 0 };
    config->endpoint_count = 1;
    snprintf(config->endpoints[0].host, sizeof config->endpoints[0].host, "%s", "chat.example.org");
    config->endpoints[0].port = 7421;
    memset(config->endpoints[0].key, 0xd0, sizeof config->endpoints[0].key);
}

static enum st_err open_mem(struct world *world, struct auth_store *store_r)
{
    return auth_mem_open(world->mem, store_r);
}

void world_start(struct world *world, size_t auth)
{
    struct auth_deps deps = { .env = world->env, .out = { world, keep } };
    must_ok(world->open(world, &world->stores[auth]));
    deps.store = world->stores[auth];
    must_ok(auth_core_new(&world->auths[auth], &world->config, &deps));
}

void world_kill(struct world *world, size_t auth)
{
    auth_core_free(&world->auths[auth]);
    auth_store_close(&world->stores[auth]);
}

int world_setup(void **state)
{
    if (sodium_init() < 0)
        return -1;
    struct world *world = calloc(1, sizeof *world);
    if (world == NULL)
        return -1;
    world->wall_ms = 1764000000000;
    world->mono_ms = 5000;
    world->next_request = 100;
    world->next_sid = 7;
    world->env = (struct st_env) { world, read_wall, read_mono, draw };
    world->open = open_mem;
    if (auth_mem_new(&world->mem) != ST_OK)
        return -1;
    configure(world);
    world_start(world, 0);
    *state = world;
    return 0;
}

int world_teardown(void **state)
{
    struct world *world = *state;
    for (size_t i = 0; i < WORLD_AUTHS; i++)
        world_kill(world, i);
    auth_mem_free(&world->mem);
    world_forget(world);
    free(world);
    return 0;
}

void world_pass(struct world *world, int64_t ms)
{
    world->wall_ms += ms;
    world->mono_ms += ms;
}

void world_tick(struct world *world, size_t auth)
{
    world_forget(world);
    auth_core_tick(world->auths[auth]);
}

static enum auth_mem_fault carry_out(void *ctx, uint64_t call)
{
    const struct world *world = ctx;
    return call == world->fault_at ? world->fault : AUTH_MEM_OK;
}

void world_break(struct world *world, uint64_t nth, enum auth_mem_fault fault)
{
    world->fault_at = auth_mem_calls(world->mem) + nth;
    world->fault = fault;
    auth_mem_set_fault(world->mem, carry_out, world);
}

bool world_mend(struct world *world)
{
    auth_mem_set_fault(world->mem, NULL, NULL);
    return auth_mem_calls(world->mem) >= world->fault_at;
}

static void give(struct world *world, size_t auth, const struct service_peer *from, const struct st_hop *hop,
                 struct st_view bytes)
{
    uint8_t hop_bytes[ST_HOP_ENROL_LEN];
    size_t hop_len = st_hop_write(hop, hop_bytes);
    auth_core_input(world->auths[auth], from, st_view(hop_bytes, hop_len), bytes);
}

void world_queue(struct world *world, size_t auth, const struct service_peer *from, const struct st_hop *hop,
                 enum st_type type, const void *msg)
{
    struct st_buf frame;
    st_buf_init(&frame, ST_FRAME_MAX);
    must_ok(st_frame_write(type, ++world->next_request, msg, &frame));
    give(world, auth, from, hop, st_buf_view(&frame));
    st_buf_free(&frame);
}

void world_send(struct world *world, size_t auth, const struct service_peer *from, const struct st_hop *hop,
                enum st_type type, const void *msg)
{
    world_forget(world);
    world_queue(world, auth, from, hop, type, msg);
    auth_core_flush(world->auths[auth]);
}

void world_send_bytes(struct world *world, size_t auth, const struct service_peer *from, const struct st_hop *hop,
                      struct st_view bytes)
{
    world_forget(world);
    give(world, auth, from, hop, bytes);
    auth_core_flush(world->auths[auth]);
}

struct letter *world_letter(struct world *world, enum st_type type, size_t nth)
{
    for (size_t i = 0; i < world->letter_count; i++)
        if (world->letters[i].frame.type == type && nth-- == 0)
            return &world->letters[i];
    return NULL;
}

struct letter *world_answer(struct world *world, uint64_t request)
{
    struct letter *found = NULL;
    for (size_t i = 0; i < world->letter_count; i++) {
        if (world->letters[i].hop.kind == ST_HOP_SERVICE && world->letters[i].frame.request == 0)
            continue;
        if (world->letters[i].frame.request != request)
            continue;
        assert_null(found);
        found = &world->letters[i];
    }
    assert_non_null(found);
    return found;
}

static enum st_code code_of(const struct letter *letter)
{
    struct st_msg_error error;
    if (letter->frame.type != ST_ERROR)
        return 0;
    must_ok(st_frame_read(&letter->frame, &error));
    assert_true(error.sentence.len > 20 && error.sentence.len < ST_SENTENCE_MAX);
    assert_int_equal(letter->boxes_len, 0);
    assert_string_not_equal(st_code_name(error.code), "unknown");
    return (enum st_code)error.code;
}

enum st_code world_code(struct world *world)
{
    return code_of(world_answer(world, world->next_request));
}

uint64_t world_retry(struct world *world)
{
    struct st_msg_error error;
    must_ok(st_frame_read(&world_answer(world, world->next_request)->frame, &error));
    assert_true(ST_HAS(&error, 3));
    return error.retry_after_s;
}

void world_read(struct world *world, enum st_type type, void *msg_r)
{
    struct letter *letter = world_answer(world, world->next_request);
    assert_int_equal(letter->frame.type, type);
    must_ok(st_frame_read(&letter->frame, msg_r));
}

void world_ping(struct world *world, size_t auth, const struct service_peer *gateway)
{
    struct st_hop hop = { .kind = ST_HOP_SERVICE };
    struct st_int_svc_ping ping = { .boot = 1 };
    world_send(world, auth, gateway, &hop, ST_SVC_PING, &ping);
}

void assert_boxes(const struct letter *letter, const uint8_t acct[ST_ACCT_LEN], uint64_t seq, size_t devs)
{
    struct st_frame frame;
    struct st_int_boxes_set boxes;
    must_ok(st_frame_open(st_view(letter->boxes, letter->boxes_len), ST_FRAME_MAX, &frame));
    assert_int_equal(frame.type, ST_BOXES_SET);
    must_ok(st_frame_read(&frame, &boxes));
    assert_memory_equal(boxes.acct.p, acct, ST_ACCT_LEN);
    assert_int_equal(boxes.seq, seq);
    assert_int_equal(boxes.devs.count, devs);
}
