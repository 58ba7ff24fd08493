/* Answers that wait for a mailbox to be opened, purges, logins pinned to one auth, where frames go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/gateway/fake.h"

static struct gateway_stats stats_of(const struct fake *fake)
{
    struct gateway_stats stats;
    gateway_core_stats(fake->core, &stats);
    return stats;
}

/* auth answers start_chat for the account of `about` to `device`, with boxes_set behind it. */
static void chat_confirmed(struct fake *fake, const struct fake_device *device, const struct fake_device *about,
                           uint64_t request)
{
    uint8_t head[ST_HOP_ENROL_LEN], devs[8];
    struct st_hop hop = { .kind = ST_HOP_DEVICE, .dev = device->dev, .sid = device->sid };
    struct st_buf answer, boxes;
    memcpy(hop.acct, device->acct, ST_ACCT_LEN);
    st_buf_init(&answer, ST_FRAME_MAX);
    st_buf_init(&boxes, ST_FRAME_MAX);
    (void)fake_sound_frame(ST_CHAT_CONFIRMED, request, &answer);
    st_put_u32(devs, 1);
    st_put_u32(devs + 4, 2);
    struct st_int_boxes_set set = { .acct = st_view(about->acct, ST_ACCT_LEN),
                                    .seq = 6,
                                    .devs = { .count = 2, .items = devs } };
    assert_int_equal(st_frame_write(ST_BOXES_SET, 0, &set, &boxes), ST_OK);
    gateway_core_service(fake->core, fake->auth, st_view(head, st_hop_write(&hop, head)), st_buf_view(&answer),
                         st_buf_view(&boxes));
    st_buf_free(&answer);
    st_buf_free(&boxes);
}

static void boxes_done(struct fake *fake, unsigned peer, uint64_t request, const struct fake_device *about)
{
    struct st_int_boxes_set_r done = { .acct = st_view(about->acct, ST_ACCT_LEN), .seq = 6 };
    fake_from(fake, peer, NULL, ST_BOXES_SET_R, request, &done);
}

static void barrier__answer_waits_for_the_relay(void **state)
{
    struct fake fake;
    struct fake_device device = fake_device(1);
    struct fake_device about = fake_device(2);
    struct fake_device other = fake_device(3);
    struct st_int_boxes_set set;
    (void)state;
    fake_open(&fake, NULL);
    fake_connect(&fake, &device);
    chat_confirmed(&fake, &device, &about, 42);
    struct fake_sent order = *fake_expect(&fake, FAKE_SERVICE, ST_BOXES_SET);
    assert_int_equal(order.peer, fake.relay);
    assert_int_equal(order.hop.kind, ST_HOP_SERVICE);
    assert_int_equal(st_frame_read(&order.frame, &set), ST_OK);
    assert_memory_equal(set.acct.p, about.acct, ST_ACCT_LEN);
    assert_int_equal(set.seq, 6);
    assert_int_equal(set.devs.count, 2);
    fake_expect_nothing(&fake); /* not before it is done */
    boxes_done(&fake, fake.relay, order.frame.request + 1, &about);
    boxes_done(&fake, fake.relay, order.frame.request, &other);
    boxes_done(&fake, fake.auth, order.frame.request, &about);
    fake_expect_nothing(&fake);
    boxes_done(&fake, fake.relay, order.frame.request, &about);
    const struct fake_sent *sent = fake_expect(&fake, FAKE_CLIENT, ST_CHAT_CONFIRMED);
    assert_int_equal(sent->frame.request, 42);
    boxes_done(&fake, fake.relay, order.frame.request, &about);
    fake_expect_nothing(&fake);
    assert_int_equal(stats_of(&fake).holds, 0);
    fake_close(&fake);
}

static void barrier__relay_silent_or_gone_is_unavailable(void **state)
{
    struct fake fake;
    struct fake_device device = fake_device(1);
    struct fake_device about = fake_device(2);
    (void)state;
    fake_open(&fake, NULL);
    fake_connect(&fake, &device);
    chat_confirmed(&fake, &device, &about, 42);
    fake_expect(&fake, FAKE_SERVICE, ST_BOXES_SET);
    fake_run(&fake, 4900, true);
    fake_expect_nothing(&fake);
    fake_run(&fake, 200, true);
    fake_expect_error(&fake, ST_CODE_UNAVAILABLE);
    assert_int_equal(stats_of(&fake).holds, 0);
    fake_close(&fake);
}

static void barrier__goes_to_another_relay_when_the_first_dies(void **state)
{
    struct fake fake;
    struct fake_device device = fake_device(1);
    (void)state;
    fake_open(&fake, NULL);
    fake_second_relay(&fake);
    gateway_core_tick(fake.core);
    struct fake_sent attach = *fake_hello(&fake, &device);
    device.sid = attach.hop.sid;
    fake_attach_answer(&fake, &attach, 1, 0);
    fake_expect(&fake, FAKE_CLIENT, ST_WELCOME);
    /* An account whose relay is the second one. */
    struct fake_device about = fake_device(0);
    unsigned first = GATEWAY_PEERS_MAX;
    for (unsigned n = 10; n < 40 && first != fake.relay2; n++) {
        about = fake_device(n);
        chat_confirmed(&fake, &device, &about, 42);
        first = fake_expect(&fake, FAKE_SERVICE, ST_BOXES_SET)->peer;
    }
    assert_int_equal(first, fake.relay2);
    fake_pong(&fake, fake.relay2, 31, 1); /* leaves */
    unsigned relay2 = fake.relay2;
    fake.relay2 = GATEWAY_PEERS_MAX;
    fake_run(&fake, 1500, true);
    struct fake_sent order = { .peer = relay2 };
    for (const struct fake_sent *sent; (sent = fake_next(&fake)) != NULL;)
        if (sent->what == FAKE_SERVICE && sent->frame.type == ST_BOXES_SET)
            order = *sent;
    assert_int_equal(order.peer, fake.relay);
    boxes_done(&fake, fake.relay, order.frame.request, &about);
    fake_expect(&fake, FAKE_CLIENT, ST_CHAT_CONFIRMED);
    fake_close(&fake);
}

static void barrier__client_gone_meanwhile_and_hostile_third_frames(void **state)
{
    struct fake fake;
    struct fake_device device = fake_device(1);
    struct fake_device about = fake_device(2);
    uint8_t head[ST_HOP_ENROL_LEN];
    struct st_buf answer;
    (void)state;
    fake_open(&fake, NULL);
    fake_connect(&fake, &device);
    chat_confirmed(&fake, &device, &about, 42);
    struct fake_sent order = *fake_expect(&fake, FAKE_SERVICE, ST_BOXES_SET);
    uint8_t order_bytes[256];
    assert_true(order.len <= sizeof order_bytes);
    memcpy(order_bytes, order.bytes, order.len);
    struct st_int_revoke revoke = { .acct = st_view(device.acct, ST_ACCT_LEN), .reason = ST_BYE_REVOKED };
    fake_from(&fake, fake.auth, NULL, ST_REVOKE, 0, &revoke);
    while (fake_next(&fake) != NULL)
        ;
    boxes_done(&fake, fake.relay, order.frame.request, &about);
    fake_expect_nothing(&fake);
    device.rid[4]++;
    fake_connect(&fake, &device);
    /* A third frame that is no boxes_set, or comes from a relay, or is cut: nothing reaches the client. */
    struct st_hop hop = { .kind = ST_HOP_DEVICE, .dev = device.dev, .sid = device.sid };
    memcpy(hop.acct, device.acct, ST_ACCT_LEN);
    size_t len = st_hop_write(&hop, head);
    st_buf_init(&answer, ST_FRAME_MAX);
    (void)fake_sound_frame(ST_PUSH, 0, &answer);
    gateway_core_service(fake.core, fake.relay, st_view(head, len), st_buf_view(&answer),
                         st_view(order_bytes, order.len));
    (void)fake_sound_frame(ST_IS_USER_R, 0, &answer);
    gateway_core_service(fake.core, fake.auth, st_view(head, len), st_buf_view(&answer), st_buf_view(&answer));
    for (size_t cut = 1; cut < order.len; cut++)
        gateway_core_service(fake.core, fake.auth, st_view(head, len), st_buf_view(&answer), st_view(order_bytes, cut));
    fake_expect_nothing(&fake);
    st_buf_free(&answer);
    fake_close(&fake);
}

static void barrier__is_bounded(void **state)
{
    struct fake fake;
    struct fake_device device = fake_device(1);
    struct fake_device about = fake_device(2);
    unsigned unavailable = 0;
    (void)state;
    fake_open(&fake, NULL);
    fake_connect(&fake, &device);
    fake.service_answer = ST_EUNAVAILABLE;
    for (unsigned i = 0; i < GATEWAY_HOLDS_MAX + 50; i++) {
        chat_confirmed(&fake, &device, &about, i);
        for (const struct fake_sent *sent; (sent = fake_next(&fake)) != NULL;)
            unavailable += sent->what == FAKE_CLIENT && sent->frame.type == ST_ERROR;
    }
    assert_int_equal(stats_of(&fake).holds, GATEWAY_HOLDS_MAX);
    assert_int_equal(unavailable, 50);
    fake_close(&fake);
}

static void purge__is_passed_on_and_back(void **state)
{
    struct fake fake;
    struct fake_device about = fake_device(2);
    uint8_t devs[4] = { 0, 0, 0, 1 };
    struct st_int_purge purge;
    (void)state;
    fake_open(&fake, NULL);
    struct st_int_purge_req req = { .acct = st_view(about.acct, ST_ACCT_LEN), .devs = { .count = 1, .items = devs } };
    fake_from(&fake, fake.relay, NULL, ST_PURGE_REQ, 1, &req);
    fake_expect_nothing(&fake); /* a relay may not ask for it */
    fake_from(&fake, fake.auth, NULL, ST_PURGE_REQ, 1, &req);
    struct fake_sent order = *fake_expect(&fake, FAKE_SERVICE, ST_PURGE);
    assert_int_equal(order.peer, fake.relay);
    assert_int_equal(st_frame_read(&order.frame, &purge), ST_OK);
    assert_int_equal(purge.devs.count, 1);
    struct st_int_boxes_set_r wrong = { .acct = st_view(about.acct, ST_ACCT_LEN) };
    fake_from(&fake, fake.relay, NULL, ST_BOXES_SET_R, order.frame.request, &wrong);
    fake_expect_nothing(&fake);
    struct st_int_purge_r done = { .acct = st_view(about.acct, ST_ACCT_LEN) };
    fake_from(&fake, fake.relay, NULL, ST_PURGE_R, order.frame.request, &done);
    assert_int_equal(fake_expect(&fake, FAKE_SERVICE, ST_PURGED)->peer, fake.auth);
    fake_expect_nothing(&fake);
    fake_close(&fake);
}

static void login__is_pinned_to_one_auth(void **state)
{
    struct fake fake;
    struct fake_device device = fake_device(1);
    struct st_buf frame;
    unsigned second = 0, first;
    (void)state;
    fake_open(&fake, NULL);
    st_buf_init(&frame, ST_FRAME_MAX);
    assert_int_equal(gateway_core_peer_add(fake.core, GATEWAY_AUTH, "inproc://auth2", &second), ST_OK);
    fake_pong(&fake, second, 41, 0);
    fake_zap(&fake, "enrol", &device);
    fake_expect(&fake, FAKE_ZAP, 0);
    for (unsigned round = 0; round < 4; round++) {
        fake.now_ms += 4000; /* the connection's own limit is not the point here */
        (void)fake_sound_frame(ST_LOGIN, 1, &frame);
        fake_say_raw(&fake, GATEWAY_ENROL, &device, st_buf_view(&frame), 1);
        first = fake_expect(&fake, FAKE_SERVICE, ST_LOGIN)->peer;
        (void)fake_sound_frame(ST_ENDPOINTS, 1, &frame);
        fake_say_raw(&fake, GATEWAY_ENROL, &device, st_buf_view(&frame), 1);
        assert_int_not_equal(fake_expect(&fake, FAKE_SERVICE, ST_ENDPOINTS)->peer, first);
        fake_say_raw(&fake, GATEWAY_ENROL, &device, st_buf_view(&frame), 1);
        fake_expect(&fake, FAKE_SERVICE, ST_ENDPOINTS);
        (void)fake_sound_frame(ST_LOGIN_FINISH, 1, &frame);
        fake_say_raw(&fake, GATEWAY_ENROL, &device, st_buf_view(&frame), 1);
        assert_int_equal(fake_expect(&fake, FAKE_SERVICE, ST_LOGIN_FINISH)->peer, first);
    }
    /* That auth is started again: what it knew of the login is gone. */
    (void)fake_sound_frame(ST_LOGIN, 1, &frame);
    fake_say_raw(&fake, GATEWAY_ENROL, &device, st_buf_view(&frame), 1);
    first = fake_expect(&fake, FAKE_SERVICE, ST_LOGIN)->peer;
    fake_pong(&fake, first, 77, 0);
    (void)fake_sound_frame(ST_LOGIN_FINISH, 1, &frame);
    fake_say_raw(&fake, GATEWAY_ENROL, &device, st_buf_view(&frame), 1);
    fake_expect_error(&fake, ST_CODE_UNAVAILABLE);
    /* A login begun on another connection of the same key does not go on here. */
    (void)fake_sound_frame(ST_LOGIN, 1, &frame);
    fake_say_raw(&fake, GATEWAY_ENROL, &device, st_buf_view(&frame), 1);
    uint64_t sid = fake_expect(&fake, FAKE_SERVICE, ST_LOGIN)->hop.sid;
    device.rid[4]++;
    (void)fake_sound_frame(ST_LOGIN_FINISH, 1, &frame);
    fake_say_raw(&fake, GATEWAY_ENROL, &device, st_buf_view(&frame), 1);
    fake_expect_error(&fake, ST_CODE_WRONG_STATE);
    /* And the answer to the old one reaches nobody. */
    struct st_hop hop = { .kind = ST_HOP_ENROL, .sid = sid };
    memcpy(hop.tk, device.tk, ST_KEY_LEN);
    uint8_t head[ST_HOP_ENROL_LEN];
    (void)fake_sound_frame(ST_LOGIN_R, 1, &frame);
    gateway_core_service(fake.core, first, st_view(head, st_hop_write(&hop, head)), st_buf_view(&frame),
                         st_view(NULL, 0));
    fake_expect_nothing(&fake);
    st_buf_free(&frame);
    fake_close(&fake);
}

static void route__messages_go_by_recipient_the_rest_by_sender(void **state)
{
    struct fake fake;
    struct fake_device device = fake_device(1);
    unsigned by_recipient[2] = { 0, 0 };
    (void)state;
    fake_open(&fake, NULL);
    fake_second_relay(&fake);
    gateway_core_tick(fake.core);
    struct fake_sent attach = *fake_hello(&fake, &device);
    fake_attach_answer(&fake, &attach, 1, 0);
    fake_expect(&fake, FAKE_CLIENT, ST_WELCOME);
    static uint8_t envelope[ST_ENVELOPE_MIN];
    for (unsigned n = 0; n < 100; n++) {
        struct fake_device to = fake_device(n);
        struct st_msg_copy copy = { .dev = 1, .body = st_view(envelope, sizeof envelope) };
        struct st_msg_message message = { .to = st_view(to.acct, ST_ACCT_LEN),
                                          .id = st_view(to.tk, ST_MSG_ID_LEN),
                                          .copies = { .count = 1, .items = &copy } };
        struct st_msg_fetch fetch = { 0 };
        fake_say(&fake, GATEWAY_DEVICE, &device, ST_MESSAGE, &message);
        by_recipient[fake_expect(&fake, FAKE_SERVICE, ST_MESSAGE)->peer == fake.relay ? 0 : 1]++;
        fake_say(&fake, GATEWAY_DEVICE, &device, ST_FETCH, &fetch);
        assert_int_equal(fake_expect(&fake, FAKE_SERVICE, ST_FETCH)->peer, attach.peer);
    }
    assert_in_range(by_recipient[0], 25, 75);
    fake_close(&fake);
}

static void route__full_or_missing_services_are_unavailable_an_ack_is_silent(void **state)
{
    struct fake fake;
    struct fake_device device = fake_device(1);
    struct st_msg_fetch fetch = { 0 };
    uint8_t token[ST_TOKEN_LEN] = { 0 };
    struct st_msg_ack ack = { .tokens = { .count = 1, .items = token } };
    (void)state;
    fake_open(&fake, NULL);
    fake_connect(&fake, &device);
    fake.service_answer = ST_EUNAVAILABLE;
    fake_say(&fake, GATEWAY_DEVICE, &device, ST_FETCH, &fetch);
    fake_expect_error(&fake, ST_CODE_UNAVAILABLE);
    fake_say(&fake, GATEWAY_DEVICE, &device, ST_ACK, &ack);
    fake_expect_nothing(&fake);
    fake.service_answer = ST_OK;
    gateway_core_peer_remove(fake.core, fake.relay);
    fake_say(&fake, GATEWAY_DEVICE, &device, ST_FETCH, &fetch);
    fake_expect_error(&fake, ST_CODE_UNAVAILABLE);
    gateway_core_peer_remove(fake.core, fake.auth);
    gateway_core_peer_remove(fake.core, fake.auth);
    struct st_msg_link_get get = { 0 };
    fake_say(&fake, GATEWAY_DEVICE, &device, ST_LINK_GET, &get);
    fake_expect_error(&fake, ST_CODE_UNAVAILABLE);
    fake_close(&fake);
}

static void overheard__how_many_prekeys_are_left(void **state)
{
    struct fake fake;
    struct fake_device device = fake_device(1);
    struct st_msg_ping ping = { 0 };
    struct st_msg_pong pong;
    (void)state;
    fake_open(&fake, NULL);
    fake_connect(&fake, &device);
    struct st_hop hop = { .kind = ST_HOP_DEVICE, .dev = device.dev, .sid = device.sid };
    memcpy(hop.acct, device.acct, ST_ACCT_LEN);
    struct st_msg_confirm_chat_r confirmed = { .opk_left = 100, .spk_id = 1 };
    fake_from(&fake, fake.auth, &hop, ST_CONFIRM_CHAT_R, 3, &confirmed);
    fake_expect(&fake, FAKE_CLIENT, ST_CONFIRM_CHAT_R);
    fake_say(&fake, GATEWAY_DEVICE, &device, ST_PING, &ping);
    fake_expect(&fake, FAKE_SERVICE, ST_ALIVE);
    struct st_int_alive_r_item item = { .sid = device.sid, .attach = 100 + device.sid };
    struct st_int_alive_r alive = { .items = { .count = 1, .items = &item } };
    fake_from(&fake, fake.relay, NULL, ST_ALIVE_R, 0, &alive);
    assert_int_equal(st_frame_read(&fake_expect(&fake, FAKE_CLIENT, ST_PONG)->frame, &pong), ST_OK);
    assert_int_equal(pong.opk_left, 100);
    fake_close(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(barrier__answer_waits_for_the_relay),
        cmocka_unit_test(barrier__relay_silent_or_gone_is_unavailable),
        cmocka_unit_test(barrier__goes_to_another_relay_when_the_first_dies),
        cmocka_unit_test(barrier__client_gone_meanwhile_and_hostile_third_frames),
        cmocka_unit_test(barrier__is_bounded),
        cmocka_unit_test(purge__is_passed_on_and_back),
        cmocka_unit_test(login__is_pinned_to_one_auth),
        cmocka_unit_test(route__messages_go_by_recipient_the_rest_by_sender),
        cmocka_unit_test(route__full_or_missing_services_are_unavailable_an_ack_is_silent),
        cmocka_unit_test(overheard__how_many_prekeys_are_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
