#include "tests/unit/gateway/fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "services/gateway/gateway_z85.h"

/* ---- outside ---- */

static int64_t fake_mono(void *ctx)
{
    return ((struct fake *)ctx)->now_ms;
}

static void fake_random(void *ctx, void *out, size_t len)
{
    struct fake *fake = ctx;
    uint8_t *bytes = out;
    for (size_t i = 0; i < len; i++) {
        fake->random = fake->random * UINT64_C(6364136223846793005) + 1442695040888963407u;
        bytes[i] = (uint8_t)(fake->random >> 56);
    }
}

static struct fake_sent *record(struct fake *fake, enum fake_what what)
{
    assert_true(fake->sent_count < FAKE_SENT_MAX);
    struct fake_sent *sent = &fake->sent[fake->sent_count++];
    free(sent->bytes);
    memset(sent, 0, sizeof *sent);
    sent->what = what;
    return sent;
}

static void put_rid(struct fake_sent *sent, struct st_view rid)
{
    assert_in_range(rid.len, 1, GATEWAY_RID_MAX);
    memcpy(sent->rid, rid.p, rid.len);
    sent->rid_len = rid.len;
}

static void put_frame(struct fake_sent *sent, struct st_view frame)
{
    sent->bytes = malloc(frame.len);
    assert_non_null(sent->bytes);
    memcpy(sent->bytes, frame.p, frame.len);
    sent->len = frame.len;
    if (st_frame_open(st_view(sent->bytes, sent->len), ST_FRAME_MAX, &sent->frame) != ST_OK)
        memset(&sent->frame, 0, sizeof sent->frame);
}

static void out_zap(void *ctx, struct st_view rid, struct st_view request_id, unsigned status, const char *user_id)
{
    struct fake_sent *sent = record(ctx, FAKE_ZAP);
    put_rid(sent, rid);
    assert_int_equal(request_id.len, 1);
    sent->status = status;
    assert_int_equal(strlen(user_id), status == 200 ? 40 : 0);
    memcpy(sent->user_id, user_id, strlen(user_id));
}

static enum st_err out_client(void *ctx, enum gateway_socket socket, struct st_view rid, struct st_view frame)
{
    struct fake *fake = ctx;
    if (fake->client_answer != ST_OK)
        return fake->client_answer;
    struct fake_sent *sent = record(fake, FAKE_CLIENT);
    sent->socket = socket;
    put_rid(sent, rid);
    put_frame(sent, frame);
    return ST_OK;
}

static enum st_err out_service(void *ctx, unsigned peer, const struct st_hop *hop, struct st_view frame)
{
    struct fake *fake = ctx;
    if (fake->service_answer != ST_OK)
        return fake->service_answer;
    struct fake_sent *sent = record(fake, FAKE_SERVICE);
    sent->peer = peer;
    sent->hop = *hop;
    put_frame(sent, frame);
    return ST_OK;
}

static void out_cut(void *ctx, uint64_t conn)
{
    record(ctx, FAKE_CUT)->conn = conn;
}

/* ---- life ---- */

void fake_pong(struct fake *fake, unsigned peer, uint64_t boot, uint64_t draining)
{
    struct st_int_svc_pong pong = { .boot = boot, .draining = draining, .registration = 2 };
    ST_SET(&pong, 3);
    fake_from(fake, peer, NULL, ST_SVC_PONG, 1, &pong);
}

void fake_open(struct fake *fake, const struct gateway_limits *limits)
{
    memset(fake, 0, sizeof *fake);
    fake->now_ms = 1000000;
    fake->random = 7;
    fake->sent = calloc(FAKE_SENT_MAX, sizeof *fake->sent);
    assert_non_null(fake->sent);
    struct gateway_options options = { .promises = { 30, 64, 1024 } };
    gateway_limits_default(&options.limits);
    if (limits != NULL)
        options.limits = *limits;
    struct st_env env = { fake, fake_mono, fake_mono, fake_random };
    struct gateway_out out = { fake, out_zap, out_client, out_service, out_cut };
    assert_int_equal(gateway_core_new(&fake->core, &options, &env, &out), ST_OK);
    assert_int_equal(gateway_core_peer_add(fake->core, GATEWAY_AUTH, "inproc://auth", &fake->auth), ST_OK);
    assert_int_equal(gateway_core_peer_add(fake->core, GATEWAY_RELAY, "inproc://relay", &fake->relay), ST_OK);
    fake->relay2 = GATEWAY_PEERS_MAX;
    fake_pong(fake, fake->auth, 11, 0);
    fake_pong(fake, fake->relay, 21, 0);
    gateway_core_tick(fake->core);
    fake_expect_nothing(fake);
}

void fake_second_relay(struct fake *fake)
{
    assert_int_equal(gateway_core_peer_add(fake->core, GATEWAY_RELAY, "inproc://relay2", &fake->relay2), ST_OK);
    fake_pong(fake, fake->relay2, 31, 0);
}

void fake_close(struct fake *fake)
{
    gateway_core_free(&fake->core);
    assert_null(fake->core);
    for (size_t i = 0; i < FAKE_SENT_MAX; i++)
        free(fake->sent[i].bytes);
    free(fake->sent);
}

void fake_run(struct fake *fake, int64_t ms, bool alive)
{
    int64_t end_ms = fake->now_ms + ms;
    while (fake->now_ms < end_ms) {
        int64_t next_ms = gateway_core_next_ms(fake->core);
        fake->now_ms = next_ms < end_ms ? (next_ms > fake->now_ms ? next_ms : fake->now_ms + 1) : end_ms;
        if (alive) {
            fake_pong(fake, fake->auth, 11, 0);
            fake_pong(fake, fake->relay, 21, 0);
            if (fake->relay2 < GATEWAY_PEERS_MAX)
                fake_pong(fake, fake->relay2, 31, 0);
        }
        gateway_core_tick(fake->core);
    }
}

/* ---- clients ---- */

struct fake_device fake_device(unsigned n)
{
    struct fake_device device = { .dev = n % 8 + 1 };
    memset(device.tk, (int)(n + 1), sizeof device.tk);
    st_put_u32(device.tk, n + 1);
    memset(device.acct, (int)(0x40 + n), sizeof device.acct);
    st_put_u32(device.acct, n);
    st_put_u32(device.rid + 1, 0x1000 + n);
    gateway_z85_encode(device.user_id, device.tk);
    return device;
}

void fake_zap(struct fake *fake, const char *domain, const struct fake_device *device)
{
    struct gateway_zap request = { .rid = st_view(device->rid, sizeof device->rid),
                                   .request_id = st_view_text("1"),
                                   .version = st_view_text("1.0"),
                                   .domain = st_view_text(domain),
                                   .address = st_view_text("203.0.113.7"),
                                   .mechanism = st_view_text("CURVE"),
                                   .credential = st_view(device->tk, sizeof device->tk) };
    gateway_core_zap(fake->core, &request);
    gateway_core_flush(fake->core);
}

void fake_say_raw(struct fake *fake, enum gateway_socket socket, const struct fake_device *device, struct st_view frame,
                  unsigned frames)
{
    struct gateway_client from = { .socket = socket,
                                   .rid = st_view(device->rid, sizeof device->rid),
                                   .user_id = device->user_id,
                                   .address = "203.0.113.7",
                                   .conn = device->conn,
                                   .frames = frames };
    gateway_core_client(fake->core, &from, frame);
    gateway_core_flush(fake->core);
}

void fake_say(struct fake *fake, enum gateway_socket socket, const struct fake_device *device, enum st_type type,
              const void *msg)
{
    struct st_buf frame;
    st_buf_init(&frame, ST_FRAME_MAX);
    assert_int_equal(st_frame_write(type, ++fake->last_request, msg, &frame), ST_OK);
    fake_say_raw(fake, socket, device, st_buf_view(&frame), 1);
    st_buf_free(&frame);
}

void fake_from(struct fake *fake, unsigned peer, const struct st_hop *hop, enum st_type type, uint64_t request,
               const void *msg)
{
    static const struct st_hop service = { .kind = ST_HOP_SERVICE };
    uint8_t head[ST_HOP_ENROL_LEN];
    size_t len = st_hop_write(hop != NULL ? hop : &service, head);
    struct st_buf frame;
    st_buf_init(&frame, ST_FRAME_MAX);
    assert_int_equal(st_frame_write(type, request, msg, &frame), ST_OK);
    gateway_core_service(fake->core, peer, st_view(head, len), st_buf_view(&frame), st_view(NULL, 0));
    gateway_core_flush(fake->core);
    st_buf_free(&frame);
}

/* ---- outputs ---- */

const struct fake_sent *fake_next(struct fake *fake)
{
    while (fake->read < fake->sent_count) {
        const struct fake_sent *sent = &fake->sent[fake->read++];
        if (sent->what != FAKE_SERVICE || sent->frame.type != ST_SVC_PING)
            return sent;
    }
    fake->read = fake->sent_count = 0;
    return NULL;
}

const struct fake_sent *fake_expect(struct fake *fake, enum fake_what what, int type)
{
    const struct fake_sent *sent = fake_next(fake);
    assert_non_null(sent);
    assert_int_equal(sent->what, what);
    if (what == FAKE_CLIENT || what == FAKE_SERVICE)
        assert_int_equal(sent->frame.type, type);
    return sent;
}

void fake_expect_nothing(struct fake *fake)
{
    const struct fake_sent *sent = fake_next(fake);
    if (sent != NULL)
        fail_msg("output of kind %d, type %d", (int)sent->what, sent->frame.type);
}

void fake_expect_error(struct fake *fake, enum st_code code)
{
    const struct fake_sent *sent = fake_expect(fake, FAKE_CLIENT, ST_ERROR);
    struct st_msg_error error;
    assert_int_equal(st_frame_read(&sent->frame, &error), ST_OK);
    assert_int_equal(error.code, code);
}

/* ---- courses of events ---- */

void fake_tk_answer(struct fake *fake, const struct fake_sent *check, const struct fake_device *device,
                    enum st_tk_state state)
{
    uint8_t devs[4];
    st_put_u32(devs, device->dev);
    struct st_int_tk_item item = { .tk = st_view(device->tk, ST_KEY_LEN),
                                   .state = state,
                                   .acct = st_view(device->acct, ST_ACCT_LEN),
                                   .dev = device->dev,
                                   .list_seq = 1,
                                   .devs = { .count = 1, .items = devs },
                                   .opk_left = 9 };
    if (state == ST_TK_ACTIVE || state == ST_TK_PENDING)
        for (unsigned key = 3; key <= 7; key++)
            ST_SET(&item, key);
    struct st_int_tk_check_r answer = { .items = { .count = 1, .items = &item } };
    fake_from(fake, check->peer, NULL, ST_TK_CHECK_R, check->frame.request, &answer);
}

const struct fake_sent *fake_hello(struct fake *fake, struct fake_device *device)
{
    fake_zap(fake, "device", device);
    const struct fake_sent *sent = fake_next(fake);
    assert_non_null(sent);
    if (sent->what == FAKE_SERVICE) {
        assert_int_equal(sent->frame.type, ST_TK_CHECK);
        fake_tk_answer(fake, sent, device, ST_TK_ACTIVE);
        sent = fake_expect(fake, FAKE_ZAP, 0);
    }
    assert_int_equal(sent->status, 200);
    struct st_msg_hello hello = { 0 };
    fake_say(fake, GATEWAY_DEVICE, device, ST_HELLO, &hello);
    return fake_expect(fake, FAKE_SERVICE, ST_ATTACH);
}

void fake_attach_answer(struct fake *fake, const struct fake_sent *attach, uint64_t number, uint64_t pending)
{
    static const uint8_t epoch[ST_EPOCH_LEN] = { 1, 2, 3 };
    struct st_int_attach_r answer = { .attach = number, .epoch = st_view(epoch, sizeof epoch), .pending = pending };
    struct st_hop hop = attach->hop;
    fake_from(fake, attach->peer, &hop, ST_ATTACH_R, attach->frame.request, &answer);
}

void fake_connect(struct fake *fake, struct fake_device *device)
{
    const struct fake_sent *attach = fake_hello(fake, device);
    device->sid = attach->hop.sid;
    fake_attach_answer(fake, attach, 100 + device->sid, 3);
    fake_expect(fake, FAKE_CLIENT, ST_WELCOME);
    fake_expect_nothing(fake);
}

/* ---- sound frames ---- */

/* Fills every field of a schema with the least that its limits allow. Room for lists comes from `arena`. */
static void fill(const struct st_schema *schema, uint8_t *msg, uint8_t **arena, const uint8_t *bytes)
{
    for (size_t i = 0; i < schema->field_count; i++) {
        const struct st_field *field = &schema->fields[i];
        uint8_t *at = msg + field->offset;
        if (field->optional)
            continue;
        if (field->kind == ST_KIND_UINT) {
            memcpy(at, &field->min, sizeof field->min);
        } else if (field->kind == ST_KIND_RECORDS || field->kind == ST_KIND_BYTES_LIST) {
            struct st_records list = { .count = (size_t)field->min, .items = bytes };
            if (field->kind == ST_KIND_RECORDS && list.count > 0) {
                list.items = *arena;
                uint8_t *element = *arena;
                *arena += list.count * field->of->struct_size;
                for (size_t n = 0; n < list.count; n++)
                    fill(field->of, element + n * field->of->struct_size, arena, bytes);
            }
            memcpy(at, &list, sizeof list);
        } else {
            struct st_view view = st_view(bytes, (size_t)field->min);
            memcpy(at, &view, sizeof view);
        }
    }
}

bool fake_sound_frame(uint8_t type, uint64_t request, struct st_buf *out)
{
    static uint8_t letters[ST_FRAME_MAX];
    static union {
        uint64_t align;
        uint8_t bytes[8192];
    } room;
    const struct st_message_type *row = st_message_type(type);
    if (row == NULL)
        return false;
    memset(letters, 'a', sizeof letters);
    memset(&room, 0, sizeof room);
    uint8_t *arena = room.bytes + 1024;
    fill(row->schema, room.bytes, &arena, letters);
    st_buf_clear(out);
    assert_int_equal(st_frame_write((enum st_type)type, request, room.bytes, out), ST_OK);
    return strcmp(row->from, "client") == 0;
}
