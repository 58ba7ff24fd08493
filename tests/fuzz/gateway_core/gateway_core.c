/* The gateway's core between hostile clients and hostile services. The input is a script of events; what the core does
 * is held against promises that no input may break: services get only sound frames that the gateway may send them, ZAP
 * is answered with 200 and a name or 400 and none, and nothing is said to an address that never spoke. */
#include <stdint.h>
#include <stdlib.h>

#include "proto/st_messages.h"
#include "services/gateway/gateway_core.h"
#include "services/gateway/gateway_policy.h"
#include "services/gateway/gateway_z85.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { KEYS = 5, RIDS = 4, ROOM = 512 };

struct world {
    struct gateway_core *core;
    const uint8_t *in; /* rest of the script */
    size_t left;
    int64_t now_ms;
    uint64_t random;
    unsigned auth, relays[2];
    uint8_t send_fails;       /* bits: to clients gone, to clients full, to services */
    uint64_t last_request[3]; /* of the last packet to each service */
    struct st_hop last_hop[3];
    uint8_t last_type[3];
};

static void must(int holds)
{
    if (!holds)
        abort();
}

static uint8_t take(struct world *world)
{
    if (world->left == 0)
        return 0;
    world->left--;
    return *world->in++;
}

static struct st_view take_some(struct world *world)
{
    size_t len = take(world);
    if (len > world->left)
        len = world->left;
    struct st_view view = st_view(world->in, len);
    world->in += len;
    world->left -= len;
    return view;
}

/* ---- outside ---- */

static int64_t mono(void *ctx)
{
    return ((struct world *)ctx)->now_ms;
}

static void draw(void *ctx, void *out, size_t len)
{
    struct world *world = ctx;
    for (size_t i = 0; i < len; i++) {
        world->random = world->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        ((uint8_t *)out)[i] = (uint8_t)(world->random >> 56);
    }
}

static void on_zap(void *ctx, struct st_view rid, struct st_view request_id, unsigned status, const char *user_id)
{
    uint8_t key[GATEWAY_Z85_BYTES];
    (void)ctx;
    must(rid.len > 0 && rid.len <= GATEWAY_RID_MAX && request_id.len <= GATEWAY_RID_MAX);
    must(status == 200 ? gateway_z85_decode(key, user_id) == ST_OK : status == 400 && user_id[0] == '\0');
}

static enum st_err on_client(void *ctx, enum gateway_socket socket, struct st_view rid, struct st_view frame)
{
    struct world *world = ctx;
    struct st_frame opened;
    must(socket < GATEWAY_SOCKETS && rid.len == 5 && rid.p[0] == 0 && rid.p[1] < RIDS);
    must(st_frame_open(frame, ST_FRAME_MAX, &opened) == ST_OK && opened.type < 128);
    must(gateway_policy_request(opened.type) == NULL);
    if (world->send_fails & 1)
        return ST_ENOTFOUND;
    return world->send_fails & 2 ? ST_EUNAVAILABLE : ST_OK;
}

static int gateway_says(uint8_t type)
{
    static const uint8_t types[] = { ST_SVC_PING, ST_TK_CHECK, ST_PURGED, ST_BOXES_SET, ST_PURGE,
                                     ST_ATTACH,   ST_DETACH,   ST_ALIVE,  ST_WAKE,      ST_NOTIFY };
    for (size_t i = 0; i < sizeof types; i++)
        if (types[i] == type)
            return 1;
    return 0;
}

static enum st_err on_service(void *ctx, unsigned peer, const struct st_hop *hop, struct st_view frame)
{
    struct world *world = ctx;
    struct st_frame opened;
    union {
        uint64_t align;
        uint8_t bytes[ROOM];
    } room;
    must(peer == world->auth || peer == world->relays[0] || peer == world->relays[1]);
    must(st_frame_open(frame, ST_FRAME_MAX, &opened) == ST_OK);
    const struct st_message_type *type = st_message_type(opened.type);
    must(type != NULL && type->schema->struct_size <= sizeof room);
    must(st_schema_read(type->schema, opened.body, &room) == ST_OK);
    if (opened.type < 128)
        must(gateway_policy_request(opened.type) != NULL && hop->kind != ST_HOP_SERVICE);
    else
        must(gateway_says(opened.type));
    int own = opened.type == ST_ATTACH || opened.type == ST_DETACH;
    must(opened.type < 128 || (hop->kind == ST_HOP_DEVICE) == own);
    if (hop->kind == ST_HOP_ENROL)
        must(peer == world->auth && opened.type < ST_REMOVE_USER);
    if (world->send_fails & 4)
        return ST_EUNAVAILABLE;
    unsigned index = peer == world->auth ? 0 : peer == world->relays[0] ? 1 : 2;
    if (opened.type != ST_SVC_PING) {
        world->last_request[index] = opened.request;
        world->last_hop[index] = *hop;
        world->last_type[index] = opened.type;
    }
    return ST_OK;
}

static void on_cut(void *ctx, uint64_t conn)
{
    (void)ctx;
    must(conn != 0);
}

/* ---- events ---- */

static void key_of(unsigned n, uint8_t tk[static ST_KEY_LEN])
{
    memset(tk, (int)n + 1, ST_KEY_LEN);
}

static void put_acct(unsigned n, uint8_t acct[static ST_ACCT_LEN])
{
    memset(acct, (int)(n % KEYS) + 0x41, ST_ACCT_LEN);
}

/* A frame: the type from the script, and as body either the rest as it is or a sound, short map. */
static size_t make_frame(struct world *world, uint8_t out[static ROOM], uint64_t request)
{
    struct st_view body = take_some(world);
    memset(out, 0, ST_HEADER_LEN);
    out[0] = ST_WIRE_VERSION;
    out[1] = take(world);
    st_put_u64(out + 4, request);
    memcpy(out + ST_HEADER_LEN, body.p, body.len);
    return ST_HEADER_LEN + body.len;
}

static void client_speaks(struct world *world, bool raw)
{
    uint8_t who = take(world);
    uint8_t where = take(world);
    uint8_t tk[ST_KEY_LEN], rid[5] = { 0, where % RIDS }, frame[ROOM];
    char user_id[GATEWAY_Z85_CHARS + 1];
    key_of(who % (KEYS + 1), tk);
    gateway_z85_encode(user_id, tk);
    struct gateway_client from = { .socket = where & 0x80 ? GATEWAY_ENROL : GATEWAY_DEVICE,
                                   .rid = st_view(rid, sizeof rid),
                                   .user_id = who & 0x40 ? NULL : user_id,
                                   .address = who & 0x20 ? "2001:db8::1" : NULL,
                                   .conn = where & 0x40 ? where % 7u : 0,
                                   .frames = where & 0x20 ? 2 : 1 };
    if (raw)
        gateway_core_client(world->core, &from, take_some(world));
    else
        gateway_core_client(world->core, &from, st_view(frame, make_frame(world, frame, who)));
}

static unsigned peer_of(const struct world *world, uint8_t choice)
{
    return choice % 3 == 0 ? world->auth : world->relays[choice % 3 - 1];
}

static void service_speaks(struct world *world, bool boxed)
{
    uint8_t which = take(world);
    uint8_t head[ST_HOP_ENROL_LEN], frame[ROOM], boxes[ROOM];
    struct st_hop hop = world->last_hop[which % 3];
    if (which & 0x80)
        hop.kind = ST_HOP_SERVICE;
    if (which & 0x40)
        hop.sid = take(world);
    size_t head_len = st_hop_write(&hop, head);
    uint64_t request = which & 0x20 ? take(world) : world->last_request[which % 3];
    size_t len = make_frame(world, frame, request);
    size_t boxes_len = 0;
    if (boxed) {
        struct st_buf out;
        uint8_t acct[ST_ACCT_LEN], devs[4] = { 0, 0, 0, 1 };
        put_acct(take(world), acct);
        struct st_int_boxes_set set = { .acct = st_view(acct, sizeof acct),
                                        .seq = 1,
                                        .devs = { .count = 1, .items = devs } };
        st_buf_init(&out, ROOM);
        if (st_frame_write(ST_BOXES_SET, 0, &set, &out) == ST_OK) {
            memcpy(boxes, out.p, out.len);
            boxes_len = out.len;
        }
        st_buf_free(&out);
    }
    gateway_core_service(world->core, peer_of(world, which), st_view(head, head_len), st_view(frame, len),
                         st_view(boxes, boxes_len));
}

static void send_sound(struct world *world, unsigned peer, const struct st_hop *hop, enum st_type type,
                       uint64_t request, const void *msg)
{
    struct st_buf frame;
    uint8_t head[ST_HOP_ENROL_LEN];
    st_buf_init(&frame, ST_FRAME_MAX);
    must(st_frame_write(type, request, msg, &frame) == ST_OK);
    gateway_core_service(world->core, peer, st_view(head, st_hop_write(hop, head)), st_buf_view(&frame),
                         st_view(NULL, 0));
    st_buf_free(&frame);
}

/* auth answers about all keys, so that the script need not spell it. */
static void auth_answers(struct world *world)
{
    uint8_t states = take(world);
    static const struct st_hop service = { .kind = ST_HOP_SERVICE };
    struct st_int_tk_item items[KEYS];
    uint8_t tks[KEYS][ST_KEY_LEN], accts[KEYS][ST_ACCT_LEN], dev[4] = { 0, 0, 0, 1 };
    for (unsigned n = 0; n < KEYS; n++) {
        key_of(n, tks[n]);
        put_acct(n, accts[n]);
        items[n] = (struct st_int_tk_item) { .tk = st_view(tks[n], ST_KEY_LEN),
                                             .state = (states + n) % 4u,
                                             .acct = st_view(accts[n], ST_ACCT_LEN),
                                             .dev = 1 + (states & 1u),
                                             .list_seq = 1,
                                             .devs = { .count = 1, .items = dev } };
        for (unsigned key = 3; key <= 7; key++)
            if ((states & 0x80) == 0)
                ST_SET(&items[n], key);
    }
    struct st_int_tk_check_r answer = { .items = { .count = KEYS, .items = items } };
    send_sound(world, world->auth, &service, ST_TK_CHECK_R, world->last_request[0], &answer);
}

static void relay_answers(struct world *world)
{
    uint8_t which = take(world);
    unsigned index = 1 + which % 2;
    static const uint8_t epoch[ST_EPOCH_LEN];
    static const struct st_hop service = { .kind = ST_HOP_SERVICE };
    const struct st_hop *hop = &world->last_hop[index];
    uint64_t request = world->last_request[index];
    unsigned peer = world->relays[index - 1];
    struct st_int_attach_r attach = { .attach = which >> 2, .epoch = st_view(epoch, sizeof epoch), .pending = 1 };
    struct st_int_alive_r_item item = { .sid = hop->sid, .attach = which >> 2, .replaced = (which & 2u) != 0 };
    struct st_int_alive_r alive = { .items = { .count = 1, .items = &item } };
    uint8_t acct[ST_ACCT_LEN];
    put_acct(which >> 2, acct);
    struct st_int_boxes_set_r boxes = { .acct = st_view(acct, sizeof acct), .seq = 1 };
    struct st_int_wake wake = { .acct = st_view(acct, sizeof acct), .dev = 1 + (which & 1u) };
    struct st_int_drop drop = { .sid = hop->sid, .attach = which >> 2, .reason = 1 };
    if (world->last_type[index] == ST_ATTACH)
        send_sound(world, peer, hop, ST_ATTACH_R, request, &attach);
    else if (world->last_type[index] == ST_ALIVE)
        send_sound(world, peer, &service, ST_ALIVE_R, request, &alive);
    else if (world->last_type[index] == ST_BOXES_SET)
        send_sound(world, peer, &service, ST_BOXES_SET_R, request, &boxes);
    else if (which & 0x40)
        send_sound(world, peer, &service, ST_WAKE, 0, &wake);
    else
        send_sound(world, peer, &service, ST_DROP, 0, &drop);
}

static void pongs(struct world *world)
{
    uint8_t bits = take(world);
    static const struct st_hop service = { .kind = ST_HOP_SERVICE };
    for (unsigned n = 0; n < 3; n++) {
        struct st_int_svc_pong pong = { .boot = 1 + (((unsigned)bits >> (n + 3)) & 1u), .draining = 0 };
        if (bits & (1u << n))
            send_sound(world, n == 0 ? world->auth : world->relays[n - 1], &service, ST_SVC_PONG, 0, &pong);
    }
}

static void zap(struct world *world)
{
    uint8_t which = take(world);
    uint8_t tk[ST_KEY_LEN], rid[5] = { 0, which % RIDS };
    key_of(which % KEYS, tk);
    struct gateway_zap request = { .rid = st_view(rid, sizeof rid),
                                   .request_id = st_view_text("1"),
                                   .version = st_view_text("1.0"),
                                   .domain = st_view_text(which & 0x80 ? "enrol" : "device"),
                                   .mechanism = st_view_text("CURVE"),
                                   .credential = st_view(tk, sizeof tk) };
    if (which & 0x40)
        *(which & 0x20 ? &request.domain : &request.credential) = take_some(world);
    if (which & 0x10)
        *(which & 0x20 ? &request.request_id : &request.rid) = take_some(world);
    gateway_core_zap(world->core, &request);
}

static void connection(struct world *world)
{
    uint8_t which = take(world);
    uint8_t address[ST_ADDR_LEN] = { [10] = 0xff, 0xff, 10, 0, 0, which & 1 };
    if (which & 0x80)
        gateway_core_closed(world->core, which % 7u);
    else if (which % 7u != 0) {
        gateway_core_closed(world->core, which % 7u);
        gateway_core_opened(world->core, which % 7u, which & 2 ? GATEWAY_ENROL : GATEWAY_DEVICE, address);
    }
}

static void pass_time(struct world *world)
{
    static const int32_t steps_ms[] = { 1, 20, 100, 1000, 1500, 4000, 15000, 60000, 75000, 600000, 900000, -5000 };
    world->now_ms += steps_ms[take(world) % (sizeof steps_ms / sizeof steps_ms[0])];
    gateway_core_tick(world->core);
    must(gateway_core_next_ms(world->core) >= world->now_ms);
}

static void step(struct world *world)
{
    uint8_t op = take(world);
    switch (op % 12) {
    case 0:
        client_speaks(world, true);
        break;
    case 1:
    case 2:
        client_speaks(world, false);
        break;
    case 3:
        service_speaks(world, false);
        break;
    case 4:
        service_speaks(world, true);
        break;
    case 5:
        auth_answers(world);
        break;
    case 6:
        relay_answers(world);
        break;
    case 7:
        pongs(world);
        break;
    case 8:
        zap(world);
        break;
    case 9:
        connection(world);
        break;
    case 10:
        pass_time(world);
        break;
    default:
        world->send_fails = take(world);
        if (world->send_fails == 0xff)
            gateway_core_drain(world->core, 10);
        break;
    }
    if ((op & 0x80) == 0)
        gateway_core_flush(world->core);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world world = { .in = data, .left = size, .now_ms = 1000000, .random = 1 };
    struct gateway_options options = { 0 };
    struct st_env env = { &world, mono, mono, draw };
    struct gateway_out out = { &world, on_zap, on_client, on_service, on_cut };
    gateway_limits_default(&options.limits);
    if (gateway_core_new(&world.core, &options, &env, &out) != ST_OK)
        return 0;
    if (gateway_core_peer_add(world.core, GATEWAY_AUTH, "a", &world.auth) == ST_OK &&
        gateway_core_peer_add(world.core, GATEWAY_RELAY, "b", &world.relays[0]) == ST_OK &&
        gateway_core_peer_add(world.core, GATEWAY_RELAY, "c", &world.relays[1]) == ST_OK)
        while (world.left > 0)
            step(&world);
    struct gateway_stats stats;
    gateway_core_stats(world.core, &stats);
    must(stats.sessions <= KEYS && stats.connections <= 7 && stats.zap_waiting <= GATEWAY_ZAP_WAITING_MAX);
    gateway_core_free(&world.core);
    return 0;
}
