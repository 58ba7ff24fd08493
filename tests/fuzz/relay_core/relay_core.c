/* Arbitrary hops and frames, and a store that fails, forgets and loses, against the relay's core. Whatever comes in,
 * what goes out is well-formed, and the core neither crashes nor leaks.
 *
 * The input is a list of steps, each a byte and what it needs (steps of make_corpus.c). */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "proto/st_messages.h"
#include "services/relay/blob_mem.h"
#include "services/relay/mailbox_mem.h"
#include "services/relay/relay_core.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STEPS_MAX = 400, GATEWAYS = 3 };

struct run {
    struct st_view input;
    int64_t now_ms;
    uint64_t seed;
    struct st_env env;
    struct mailbox_mem *mem;
    struct blob_mem *blobs;
    struct mailbox box;
    struct blob_store blob;
    struct relay_core *core;
    unsigned gone, full;         /* numbers of gateways, GATEWAYS = none */
    uint8_t token[ST_TOKEN_LEN]; /* the newest that was told */
};

static int64_t clock_ms(void *ctx)
{
    return ((struct run *)ctx)->now_ms;
}

static void fill_random(void *ctx, void *out, size_t len)
{
    struct run *run = ctx;
    uint8_t *to = out;
    for (size_t i = 0; i < len; i++) {
        run->seed = run->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        to[i] = (uint8_t)(run->seed >> 56);
    }
}

static void demand(int truth, const char *what)
{
    if (truth)
        return;
    fprintf(stderr, "not so: %s\n", what);
    abort();
}

/* ---- out ---- */

static void look_at_accepted(struct run *run, const struct st_frame *frame)
{
    struct st_msg_accepted msg;
    struct st_msg_accepted_item item;
    demand(st_frame_read(frame, &msg) == ST_OK, "accepted is well-formed");
    while (st_records_next(&st_schema_accepted_item, &msg.items, &item)) {
        demand((item.status == ST_COPY_STORED) == ST_HAS(&item, 5), "a token if and only if stored");
        if (ST_HAS(&item, 5))
            memcpy(run->token, item.token.p, ST_TOKEN_LEN);
    }
}

static enum st_err take(void *ctx, const struct service_peer *to, const struct st_hop *hop, struct st_view frame,
                        struct st_view boxes)
{
    struct run *run = ctx;
    struct st_frame opened;
    union {
        struct st_msg_push push;
        struct st_msg_get_blob_r blob;
        struct st_int_alive_r alive;
        uint8_t room[512];
    } msg;
    demand(boxes.len == 0, "a relay sends no third frame");
    demand(frame.len <= ST_PUSH_FRAME_MAX, "no frame is too long");
    demand(st_frame_open(frame, ST_FRAME_MAX, &opened) == ST_OK, "the header is right");
    demand(st_message_type(opened.type) != NULL, "the type exists");
    demand(st_frame_read(&opened, &msg) == ST_OK, "the body is well-formed");
    demand(hop->kind != ST_HOP_ENROL, "relays do not know the enrol endpoint");
    if (opened.type == ST_ACCEPTED)
        look_at_accepted(run, &opened);
    unsigned number = (unsigned)(to->name[3] - '0');
    if (number == run->gone)
        return ST_ENOTFOUND;
    return number == run->full ? ST_EUNAVAILABLE : ST_OK;
}

/* ---- in ---- */

static uint8_t next_byte(struct run *run)
{
    if (run->input.len == 0)
        return 0;
    run->input.len--;
    return *run->input.p++;
}

static struct st_view next_bytes(struct run *run, size_t len)
{
    if (len > run->input.len)
        len = run->input.len;
    struct st_view bytes = st_view(run->input.p, len);
    run->input.p += len;
    run->input.len -= len;
    return bytes;
}

static void give(struct run *run, unsigned gateway, struct st_view hop, struct st_view frame)
{
    struct service_peer from = { "gw-0" };
    from.name[3] = (char)('0' + gateway % GATEWAYS);
    relay_core_input(run->core, &from, hop, frame);
}

static void step_raw(struct run *run)
{
    unsigned gateway = next_byte(run);
    struct st_view hop = next_bytes(run, next_byte(run));
    size_t len = (size_t)next_byte(run) << 8;
    len |= next_byte(run);
    give(run, gateway, hop, next_bytes(run, len));
}

/* A frame whose header and hop are right; its body is the input's. */
static void step_frame(struct run *run, enum st_hop_kind kind)
{
    static uint8_t frame[ST_FRAME_MAX];
    uint8_t bytes[ST_HOP_ENROL_LEN];
    struct st_hop hop = { .kind = kind };
    unsigned gateway = next_byte(run);
    memset(hop.acct, next_byte(run) % 4, ST_ACCT_LEN);
    hop.dev = next_byte(run);
    hop.sid = next_byte(run);
    frame[0] = ST_WIRE_VERSION;
    frame[1] = next_byte(run);
    st_put_u16(frame + 2, 0);
    st_put_u64(frame + 4, 9);
    size_t len = (size_t)next_byte(run) << 8;
    len |= next_byte(run);
    struct st_view body = next_bytes(run, len);
    memcpy(frame + ST_HEADER_LEN, body.p, body.len);
    give(run, gateway, st_view(bytes, st_hop_write(&hop, bytes)), st_view(frame, ST_HEADER_LEN + body.len));
}

static void step_device(struct run *run)
{
    step_frame(run, ST_HOP_DEVICE);
}

static void step_service(struct run *run)
{
    step_frame(run, ST_HOP_SERVICE);
}

static void step_flush(struct run *run)
{
    relay_core_flush(run->core);
}

static void step_wait(struct run *run)
{
    unsigned n = next_byte(run);
    run->now_ms += (int64_t)n * n * n; /* up to 4.6 hours */
    for (int i = 0; i < 50 && relay_core_next_ms(run->core) <= run->now_ms; i++)
        relay_core_tick(run->core);
}

static void step_fail(struct run *run)
{
    static const enum st_err errors[] = { ST_EUNAVAILABLE, ST_EUNCERTAIN, ST_EFULL, ST_EFOREIGN };
    uint8_t how = next_byte(run);
    mailbox_mem_fail(run->mem, how % 8, errors[how >> 6], how >> 3 & 1, how >> 4 & 3);
    blob_mem_fail(run->blobs, how % 5, errors[how >> 6]);
}

static void step_lose(struct run *run)
{
    uint8_t how = next_byte(run);
    if (how % 3 == 0)
        mailbox_mem_drop_presences(run->mem);
    else
        mailbox_mem_lose(run->mem, how % 7);
}

static void step_gateways(struct run *run)
{
    uint8_t how = next_byte(run);
    run->gone = how % (GATEWAYS + 1);
    run->full = how / 16 % (GATEWAYS + 1);
}

static void start(struct run *run)
{
    struct relay_options options;
    struct relay_deps deps = {
        .env = run->env, .out = { .ctx = run, .send = take }, .mailbox = run->box, .blob = run->blob
    };
    relay_options_default(&options);
    options.limits.entries_max = 50;
    options.sessions_max = 5;
    options.window_copies = 16;
    demand(relay_core_new(&run->core, &options, &deps) == ST_OK, "a core can be made");
}

static void step_restart(struct run *run)
{
    relay_core_free(&run->core);
    start(run);
}

/* Acknowledges the newest token, which no input can guess. */
static void step_ack(struct run *run)
{
    struct st_buf frame;
    uint8_t bytes[ST_HOP_ENROL_LEN];
    struct st_hop hop = { .kind = ST_HOP_DEVICE, .dev = 1 };
    struct st_msg_ack ack = { .tokens = { .count = 1, .items = run->token } };
    memset(hop.acct, next_byte(run) % 4, ST_ACCT_LEN);
    st_buf_init(&frame, ST_FRAME_MAX);
    demand(st_frame_write(ST_ACK, 1, &ack, &frame) == ST_OK, "an ack can be written");
    give(run, 0, st_view(bytes, st_hop_write(&hop, bytes)), st_buf_view(&frame));
    st_buf_free(&frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const steps[])(struct run *) = { step_raw,  step_device, step_service,  step_flush,   step_wait,
                                                   step_fail, step_lose,   step_gateways, step_restart, step_ack };
    struct run run = { .input = st_view(data, size), .now_ms = 1000000, .seed = 1, .gone = GATEWAYS, .full = GATEWAYS };
    if (sodium_init() < 0)
        return 0;
    run.env = (struct st_env) { .ctx = &run, .wall_ms = clock_ms, .mono_ms = clock_ms, .random = fill_random };
    demand(mailbox_mem_new(&run.mem, &run.env) == ST_OK, "mailboxes can be made");
    demand(blob_mem_new(&run.blobs, 1 << 20, &run.env) == ST_OK, "a blob store can be made");
    mailbox_mem_open(run.mem, &run.box);
    blob_mem_open(run.blobs, &run.blob);
    start(&run);
    for (int i = 0; i < STEPS_MAX && run.input.len > 0; i++)
        steps[next_byte(&run) % (sizeof steps / sizeof steps[0])](&run);
    relay_core_flush(run.core);
    relay_core_free(&run.core);
    mailbox_close(&run.box);
    blob_close(&run.blob);
    mailbox_mem_free(&run.mem);
    blob_mem_free(&run.blobs);
    return 0;
}
