/* Bytes that no honest gateway or client would send. Whatever comes: no crash, no lie, and the relay goes on working.
 */
#include "tests/unit/relay/relay_samples.h"
#include "tests/unit/relay/relay_world.h"

#include <stdlib.h>
#include <string.h>

static const struct service_peer gateway = { "gw-x" };

/* Gives raw bytes in exactly sized copies. */
static void give(struct world *world, struct st_view hop, struct st_view frame)
{
    uint8_t *hop_copy = malloc(hop.len > 0 ? hop.len : 1), *frame_copy = malloc(frame.len > 0 ? frame.len : 1);
    assert_true(hop_copy != NULL && frame_copy != NULL);
    if (hop.len > 0)
        memcpy(hop_copy, hop.p, hop.len);
    if (frame.len > 0)
        memcpy(frame_copy, frame.p, frame.len);
    relay_core_input(world->relays[0], &gateway, st_view(hop_copy, hop.len), st_view(frame_copy, frame.len));
    free(hop_copy);
    free(frame_copy);
    relay_core_flush(world->relays[0]);
}

static struct st_view hop_of(enum st_hop_kind kind, uint32_t dev, uint64_t sid, uint8_t bytes[static ST_HOP_ENROL_LEN])
{
    struct st_hop hop = { .kind = kind, .dev = dev, .sid = sid };
    if (kind == ST_HOP_DEVICE)
        memcpy(hop.acct, world_acct(1), ST_ACCT_LEN);
    size_t len = st_hop_write(&hop, bytes);
    return st_view(bytes, len);
}

static void sample(size_t i, struct st_buf *out)
{
    static const uint8_t token[ST_TOKEN_LEN] = { 1 };
    st_buf_init(out, ST_FRAME_MAX);
    assert_int_equal(relay_sample_write(i, world_acct(20), token, out), ST_OK);
}

/* An honest message still gets through. */
static void expect_alive(struct world *world)
{
    static unsigned n = 0;
    char text[16] = "probe", got[256];
    text[5] = (char)('a' + n++ % 26);
    world_forget(world);
    world_attach(world, 0, "gw-b", 50, 1, 5, NULL);
    assert_int_equal(world_send(world, 0, 51, 50, 1, text, NULL), ST_COPY_STORED);
    assert_string_equal(world_pushed(world, got), text);
    world_attach(world, 0, "gw-b", 50, 1, 5, NULL);
    assert_int_equal(world_drain(world, 0, "gw-b", 50, 1, 5), 1);
    world_forget(world);
}

static void hostile__every_sample__is_taken_when_whole(void **state)
{
    struct world *world = *state;
    uint8_t hop[ST_HOP_ENROL_LEN];
    for (size_t i = 0; i < RELAY_SAMPLES; i++) {
        struct st_buf frame;
        sample(i, &frame);
        uint64_t refused = world_stats(world, 0).refused;
        give(world, hop_of(relay_samples[i].kind, relay_samples[i].kind == ST_HOP_DEVICE, 5, hop), st_buf_view(&frame));
        assert_int_equal(world_stats(world, 0).refused, refused);
        st_buf_free(&frame);
    }
    expect_alive(world);
}

static void hostile__frame_cut_at_each_length__is_malformed(void **state)
{
    struct world *world = *state;
    uint8_t hop[ST_HOP_ENROL_LEN];
    for (size_t i = 0; i < RELAY_SAMPLES; i++) {
        struct st_buf frame;
        sample(i, &frame);
        for (size_t len = 0; len < frame.len; len++) {
            give(world, hop_of(relay_samples[i].kind, relay_samples[i].kind == ST_HOP_DEVICE, 5, hop),
                 st_view(frame.p, len));
            world_expect_error(world, ST_CODE_MALFORMED);
            assert_null(world_take(world, ST_ERROR, NULL));
            world_forget(world);
        }
        st_buf_free(&frame);
    }
    assert_int_equal(world_stats(world, 0).stored, 0);
    expect_alive(world);
}

static void hostile__bytes_behind_the_end__are_malformed(void **state)
{
    struct world *world = *state;
    uint8_t hop[ST_HOP_ENROL_LEN];
    for (size_t i = 0; i < RELAY_SAMPLES; i++) {
        struct st_buf frame;
        sample(i, &frame);
        assert_int_equal(st_buf_append(&frame, "", 1), ST_OK);
        give(world, hop_of(relay_samples[i].kind, relay_samples[i].kind == ST_HOP_DEVICE, 5, hop), st_buf_view(&frame));
        world_expect_error(world, ST_CODE_MALFORMED);
        st_buf_free(&frame);
    }
    expect_alive(world);
}

static void hostile__every_bit_flipped__never_breaks_the_relay(void **state)
{
    struct world *world = *state;
    uint8_t hop[ST_HOP_ENROL_LEN];
    for (size_t i = 0; i < RELAY_SAMPLES; i++) {
        struct st_buf frame;
        sample(i, &frame);
        /* Beyond 200 bytes every sample is one long body. */
        for (size_t bit = 0; bit < 8 * (frame.len < 200 ? frame.len : 200); bit++) {
            frame.p[bit / 8] ^= (uint8_t)(1u << (bit % 8));
            give(world, hop_of(relay_samples[i].kind, relay_samples[i].kind == ST_HOP_DEVICE, 5, hop),
                 st_buf_view(&frame));
            frame.p[bit / 8] ^= (uint8_t)(1u << (bit % 8));
            world_forget(world);
        }
        st_buf_free(&frame);
    }
    expect_alive(world);
}

static void hostile__every_type_with_every_hop__is_taken_only_where_it_belongs(void **state)
{
    struct world *world = *state;
    uint8_t hop[ST_HOP_ENROL_LEN];
    static const enum st_hop_kind kinds[] = { ST_HOP_SERVICE, ST_HOP_DEVICE };
    struct st_buf body;
    for (unsigned type = 0; type < 256; type++) {
        for (size_t k = 0; k < 2; k++) {
            size_t i = 0;
            while (i < RELAY_SAMPLES && (unsigned)relay_samples[i].type != type)
                i++;
            if (i < RELAY_SAMPLES && relay_samples[i].kind == kinds[k])
                continue; /* hostile__every_sample */
            sample(0, &body);
            body.p[1] = (uint8_t)type;
            give(world, hop_of(kinds[k], k == 1, 5, hop), st_buf_view(&body));
            bool known = st_message_type((uint8_t)type) != NULL;
            world_expect_error(world, known ? ST_CODE_NOT_ALLOWED : ST_CODE_UNKNOWN_TYPE);
            st_buf_free(&body);
        }
    }
    assert_int_equal(world_stats(world, 0).sessions, 0);
    expect_alive(world);
}

static void hostile__version_flags_and_size__are_refused_by_name(void **state)
{
    struct world *world = *state;
    uint8_t hop[ST_HOP_ENROL_LEN];
    struct st_buf frame;
    sample(2, &frame);
    for (unsigned version = 0; version < 256; version++) {
        if (version == ST_WIRE_VERSION)
            continue;
        frame.p[0] = (uint8_t)version;
        give(world, hop_of(ST_HOP_DEVICE, 1, 5, hop), st_buf_view(&frame));
        world_expect_error(world, ST_CODE_WRONG_VERSION);
    }
    frame.p[0] = ST_WIRE_VERSION;
    frame.p[2] = 1;
    give(world, hop_of(ST_HOP_DEVICE, 1, 5, hop), st_buf_view(&frame));
    world_expect_error(world, ST_CODE_MALFORMED);
    st_buf_free(&frame);
    uint8_t *huge = calloc(1, ST_FRAME_MAX + 1);
    assert_non_null(huge);
    huge[0] = ST_WIRE_VERSION;
    huge[1] = ST_MESSAGE;
    give(world, hop_of(ST_HOP_DEVICE, 1, 5, hop), st_view(huge, ST_FRAME_MAX + 1));
    world_expect_error(world, ST_CODE_TOO_LARGE);
    give(world, hop_of(ST_HOP_DEVICE, 1, 5, hop), st_view(huge, ST_FRAME_MAX));
    world_expect_error(world, ST_CODE_MALFORMED);
    free(huge);
    expect_alive(world);
}

static void hostile__hop_of_any_other_shape__is_dropped_in_silence(void **state)
{
    struct world *world = *state;
    uint8_t bytes[ST_HOP_ENROL_LEN + 8] = { 0 };
    struct st_buf frame;
    sample(0, &frame);
    for (size_t len = 0; len < sizeof bytes; len++) {
        for (unsigned kind = 0; kind < 4; kind++) {
            memset(bytes, 0, sizeof bytes);
            bytes[0] = ST_WIRE_VERSION;
            bytes[1] = (uint8_t)kind;
            if (len == ST_HOP_LEN && kind == ST_HOP_SERVICE)
                continue; /* well-formed; the frame is not for it */
            give(world, st_view(bytes, len), st_buf_view(&frame));
        }
    }
    /* Device 0, a session number that the wire cannot carry, another version, the enrol endpoint. */
    give(world, hop_of(ST_HOP_DEVICE, 0, 5, bytes), st_buf_view(&frame));
    give(world, hop_of(ST_HOP_DEVICE, 1, ST_UINT_MAX + 1, bytes), st_buf_view(&frame));
    give(world, hop_of(ST_HOP_ENROL, 0, 5, bytes), st_buf_view(&frame));
    struct st_view hop = hop_of(ST_HOP_DEVICE, 1, 5, bytes);
    bytes[0] = 2;
    give(world, hop, st_buf_view(&frame));
    assert_int_equal(world->sent_count, 0);
    assert_int_equal(world_stats(world, 0).stored + world_stats(world, 0).absent, 0);
    struct service_peer nameless;
    memset(nameless.name, 'x', sizeof nameless.name); /* without its end */
    bytes[0] = ST_WIRE_VERSION;
    relay_core_input(world->relays[0], &nameless, hop, st_buf_view(&frame));
    relay_core_flush(world->relays[0]);
    assert_int_equal(world->sent_count, 0);
    st_buf_free(&frame);
    expect_alive(world);
}

/* A device that is correctly authenticated names what is not its own, in every type it may send. */
static void hostile__authenticated_device__cannot_touch_what_is_not_its_own(void **state)
{
    struct world *world = *state;
    uint8_t token[ST_TOKEN_LEN], hop[ST_HOP_ENROL_LEN];
    char text[256];
    world_attach(world, 0, "gw-b", 20, 1, 5, NULL);
    world_send(world, 0, 3, 20, 1, "secret", token);
    world_forget(world);
    /* Account 1 sends every client frame with account 20's id and token in it. */
    for (size_t i = 0; i < RELAY_SAMPLES; i++) {
        struct st_buf frame;
        if (relay_samples[i].type >= 128 || relay_samples[i].type == ST_MESSAGE)
            continue; /* the gateway's own; and anybody may write to anybody */
        st_buf_init(&frame, ST_FRAME_MAX);
        assert_int_equal(relay_sample_write(i, world_acct(20), token, &frame), ST_OK);
        give(world, hop_of(ST_HOP_DEVICE, 1, 9, hop), st_buf_view(&frame));
        st_buf_free(&frame);
    }
    assert_int_equal(world_length(world, 20, 1), 1);
    assert_int_equal(world_count(world, ST_PUSH), 0);
    assert_int_equal(world_count(world, ST_GET_EXPOSED_R), 0);
    world_forget(world);
    world_wait(world, ST_PUSH_AGAIN_MS + 1000);
    assert_string_equal(world_pushed(world, text), "secret");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(hostile__every_sample__is_taken_when_whole),
        TEST(hostile__frame_cut_at_each_length__is_malformed),
        TEST(hostile__bytes_behind_the_end__are_malformed),
        TEST(hostile__every_bit_flipped__never_breaks_the_relay),
        TEST(hostile__every_type_with_every_hop__is_taken_only_where_it_belongs),
        TEST(hostile__version_flags_and_size__are_refused_by_name),
        TEST(hostile__hop_of_any_other_shape__is_dropped_in_silence),
        TEST(hostile__authenticated_device__cannot_touch_what_is_not_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
