/* hello, attach, ping, wake, drop, idle sessions; with late, missing and repeated answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/gateway/fake.h"

static uint64_t sessions(struct fake *fake)
{
    struct gateway_stats stats;
    gateway_core_stats(fake->core, &stats);
    return stats.sessions;
}

static void skip_all(struct fake *fake)
{
    while (fake_next(fake) != NULL)
        ;
}

static void expect_bye(struct fake *fake, const struct fake_device *device, enum st_bye_reason reason)
{
    struct st_msg_bye bye;
    const struct fake_sent *sent = fake_expect(fake, FAKE_CLIENT, ST_BYE);
    assert_memory_equal(sent->rid, device->rid, sizeof device->rid);
    assert_int_equal(st_frame_read(&sent->frame, &bye), ST_OK);
    assert_int_equal(bye.reason, reason);
}

static void hello__attaches_then_welcomes(void **state)
{
    struct fake fake;
    struct fake_device device = fake_device(1);
    struct st_int_attach attach;
    struct st_msg_welcome welcome;
    struct st_view dev;
    (void)state;
    fake_open(&fake, NULL);
    const struct fake_sent *sent = fake_hello(&fake, &device);
    assert_int_equal(sent->hop.kind, ST_HOP_DEVICE);
    assert_memory_equal(sent->hop.acct, device.acct, ST_ACCT_LEN);
    assert_int_equal(sent->hop.dev, device.dev);
    assert_int_equal(st_frame_read(&sent->frame, &attach), ST_OK);
    assert_int_equal(attach.list_seq, 1);
    assert_int_equal(attach.devs.count, 1);
    assert_true(st_bytes_list_next(&attach.devs, &dev));
    assert_int_equal(st_get_u32(dev.p), device.dev);
    fake_attach_answer(&fake, sent, 5, 17);
    sent = fake_expect(&fake, FAKE_CLIENT, ST_WELCOME);
    assert_int_equal(sent->frame.request, fake.last_request);
    assert_int_equal(st_frame_read(&sent->frame, &welcome), ST_OK);
    assert_int_equal(welcome.pending, 17);
    assert_int_equal(welcome.opk_left, 9);
    assert_int_equal(welcome.list_seq, 1);
    assert_int_equal(welcome.retention_s, 30);
    assert_int_equal(welcome.registration, 2);
    fake_expect_nothing(&fake);
    fake_close(&fake);
}

static void hello__unanswered_attach_is_sent_again_then_unavailable(void **state)
{
    struct fake fake;
    struct fake_device device = fake_device(1);
    (void)state;
    fake_open(&fake, NULL);
    struct fake_sent first = *fake_hello(&fake, &device);
    fake_run(&fake, 3100, true);
    struct fake_sent second = *fake_expect(&fake, FAKE_SERVICE, ST_ATTACH);
    assert_int_equal(second.hop.sid, first.hop.sid);
    fake_attach_answer(&fake, &first, 1, 0); /* late: the later attempt decides */
    fake_expect_nothing(&fake);
    fake_run(&fake, 7000, true);
    bool told = false;
    for (const struct fake_sent *sent; (sent = fake_next(&fake)) != NULL;) {
        struct st_msg_error error;
        if (sent->what == FAKE_CLIENT) {
            assert_int_equal(st_frame_read(&sent->frame, &error), ST_OK);
            assert_int_equal(error.code, ST_CODE_UNAVAILABLE);
            told = true;
        }
    }
    assert_true(told);
    assert_int_equal(sessions(&fake), 0);
    fake_close(&fake);
}

static void hello__without_a_relay_attaches_when_one_comes(void **state)
{
    struct fake fake;
    struct fake_device device = fake_device(1);
    struct st_msg_hello hello = { 0 };
    (void)state;
    fake_open(&fake, NULL);
    fake_run(&fake, 5000, false);
    fake_pong(&fake, fake.auth, 11, 0);
    fake_zap(&fake, "device", &device);
    fake_tk_answer(&fake, fake_expect(&fake, FAKE_SERVICE, ST_TK_CHECK), &device, ST_TK_ACTIVE);
    fake_expect(&fake, FAKE_ZAP, 0);
    fake_say(&fake, GATEWAY_DEVICE, &device, ST_HELLO, &hello);
    fake_expect_nothing(&fake);
    fake_pong(&fake, fake.relay, 21, 0);
    gateway_core_tick(fake.core);
    fake_attach_answer(&fake, fake_expect(&fake, FAKE_SERVICE, ST_ATTACH), 5, 0);
    fake_expect(&fake, FAKE_CLIENT, ST_WELCOME);
    fake_close(&fake);
}

static void hello__no_mailbox_means_revoked(void **state)
{
    struct fake fake;
    struct fake_device device = fake_device(1);
    (void)state;
    fake_open(&fake, NULL);
    fake_attach_answer(&fake, fake_hello(&fake, &device), 0, 0);
    fake_expect_error(&fake, ST_CODE_DEVICE_REVOKED);
    expect_bye(&fake, &device, ST_BYE_REVOKED);
    fake_expect_nothing(&fake);
    assert_int_equal(sessions(&fake), 0);
    fake_close(&fake);
}

static void hello__newest_connection_of_a_key_wins(void **state)
{
    struct fake fake;
    struct fake_device device = fake_device(1);
    struct fake_device clone = device;
    struct st_msg_ping ping = { 0 };
    (void)state;
    fake_open(&fake, NULL);
    fake_connect(&fake, &device);
    clone.rid[4] ^= 0x55;
    struct st_msg_hello hello = { 0 };
    fake_say(&fake, GATEWAY_DEVICE, &clone, ST_HELLO, &hello);
    expect_bye(&fake, &device, ST_BYE_REPLACED);
    fake_expect(&fake, FAKE_SERVICE, ST_DETACH);
    fake_attach_answer(&fake, fake_expect(&fake, FAKE_SERVICE, ST_ATTACH), 7, 0);
    assert_memory_equal(fake_expect(&fake, FAKE_CLIENT, ST_WELCOME)->rid, clone.rid, sizeof clone.rid);
    fake_say(&fake, GATEWAY_DEVICE, &device, ST_PING, &ping);
    fake_expect_error(&fake, ST_CODE_WRONG_STATE);
    assert_int_equal(sessions(&fake), 1);
    fake_close(&fake);
}

static void hello__same_device_under_a_new_key_replaces(void **state)
{
    struct fake fake;
    struct fake_device device = fake_device(1);
    struct fake_device again = fake_device(2);
    (void)state;
    fake_open(&fake, NULL);
    memcpy(again.acct, device.acct, ST_ACCT_LEN);
    again.dev = device.dev;
    fake_connect(&fake, &device);
    fake_zap(&fake, "device", &again);
    fake_tk_answer(&fake, fake_expect(&fake, FAKE_SERVICE, ST_TK_CHECK), &again, ST_TK_ACTIVE);
    fake_expect(&fake, FAKE_ZAP, 0);
    struct st_msg_hello hello = { 0 };
    fake_say(&fake, GATEWAY_DEVICE, &again, ST_HELLO, &hello);
    expect_bye(&fake, &device, ST_BYE_REPLACED);
    skip_all(&fake);
    assert_int_equal(sessions(&fake), 1);
    fake_close(&fake);
}

static void hello__pending_device_is_welcomed_without_a_mailbox(void **state)
{
    struct fake fake;
    struct fake_device device = fake_device(1);
    struct st_msg_hello hello = { 0 };
    struct st_msg_ping ping = { 0 };
    (void)state;
    fake_open(&fake, NULL);
    fake_zap(&fake, "device", &device);
    fake_tk_answer(&fake, fake_expect(&fake, FAKE_SERVICE, ST_TK_CHECK), &device, ST_TK_PENDING);
    fake_expect(&fake, FAKE_ZAP, 0);
    fake_say(&fake, GATEWAY_DEVICE, &device, ST_HELLO, &hello);
    fake_tk_answer(&fake, fake_expect(&fake, FAKE_SERVICE, ST_TK_CHECK), &device, ST_TK_PENDING);
    fake_expect(&fake, FAKE_CLIENT, ST_WELCOME);
    fake_say(&fake, GATEWAY_DEVICE, &device, ST_PING, &ping);
    fake_expect(&fake, FAKE_CLIENT, ST_PONG);
    fake_expect_nothing(&fake);
    /* Linked: the next hello is a device's like any other, without waiting for the cache. */
    fake_say(&fake, GATEWAY_DEVICE, &device, ST_HELLO, &hello);
    fake_tk_answer(&fake, fake_expect(&fake, FAKE_SERVICE, ST_TK_CHECK), &device, ST_TK_ACTIVE);
    fake_attach_answer(&fake, fake_expect(&fake, FAKE_SERVICE, ST_ATTACH), 4, 0);
    fake_expect(&fake, FAKE_CLIENT, ST_WELCOME);
    fake_close(&fake);
}

static void alive_answer(struct fake *fake, const struct fake_sent *alive, uint64_t sid, uint64_t attach, bool replaced)
{
    struct st_int_alive_r_item item = { .sid = sid, .attach = attach, .pending = 4, .replaced = replaced };
    struct st_int_alive_r answer = { .items = { .count = 1, .items = &item } };
    fake_from(fake, alive->peer, NULL, ST_ALIVE_R, alive->frame.request, &answer);
}

static void ping__asks_the_relay_then_pongs(void **state)
{
    struct fake fake;
    struct fake_device device = fake_device(1);
    uint8_t generation[ST_GENERATION_LEN] = { 1, 2 };
    struct st_msg_ping ping = { .generation = st_view(generation, sizeof generation) };
    struct st_int_alive alive;
    struct st_int_alive_item item;
    struct st_msg_pong pong;
    (void)state;
    ST_SET(&ping, 1);
    fake_open(&fake, NULL);
    fake_connect(&fake, &device);
    fake_say(&fake, GATEWAY_DEVICE, &device, ST_PING, &ping);
    const struct fake_sent *sent = fake_expect(&fake, FAKE_SERVICE, ST_ALIVE);
    assert_int_equal(st_frame_read(&sent->frame, &alive), ST_OK);
    assert_true(st_records_next(&st_schema_alive_item, &alive.items, &item));
    assert_int_equal(item.sid, device.sid);
    assert_int_equal(item.attach, 100 + device.sid);
    assert_memory_equal(item.generation.p, generation, sizeof generation);
    alive_answer(&fake, sent, device.sid, 100 + device.sid, false);
    sent = fake_expect(&fake, FAKE_CLIENT, ST_PONG);
    assert_int_equal(sent->frame.request, fake.last_request);
    assert_int_equal(st_frame_read(&sent->frame, &pong), ST_OK);
    assert_int_equal(pong.pending, 4);
    assert_int_equal(pong.opk_left, 9);
    /* A second answer has no ping to go with. */
    fake_from(&fake, fake.relay, NULL, ST_ALIVE_R, 0,
              &(struct st_int_alive_r) {
                  .items = { .count = 1, .items = &(struct st_int_alive_r_item) { .sid = device.sid, .attach = 1 } } });
    fake_expect_nothing(&fake);
    fake_close(&fake);
}

static void ping__replaced_ends_the_session(void **state)
{
    struct fake fake;
    struct fake_device device = fake_device(1);
    struct st_msg_ping ping = { 0 };
    (void)state;
    fake_open(&fake, NULL);
    fake_connect(&fake, &device);
    fake_say(&fake, GATEWAY_DEVICE, &device, ST_PING, &ping);
    alive_answer(&fake, fake_expect(&fake, FAKE_SERVICE, ST_ALIVE), device.sid, 0, true);
    expect_bye(&fake, &device, ST_BYE_REPLACED);
    fake_expect_nothing(&fake);
    assert_int_equal(sessions(&fake), 0);
    fake_close(&fake);
}

static void wake__goes_to_the_attached_relay_and_waits_for_an_attach(void **state)
{
    struct fake fake;
    struct fake_device device = fake_device(1);
    (void)state;
    fake_open(&fake, NULL);
    struct st_int_wake wake = { .acct = st_view(device.acct, ST_ACCT_LEN), .dev = device.dev };
    fake_from(&fake, fake.relay, NULL, ST_WAKE, 0, &wake);
    fake_expect_nothing(&fake); /* nobody here */
    struct fake_sent attach = *fake_hello(&fake, &device);
    fake_from(&fake, fake.relay, NULL, ST_WAKE, 0, &wake);
    fake_expect_nothing(&fake); /* held */
    fake_attach_answer(&fake, &attach, 9, 0);
    fake_expect(&fake, FAKE_CLIENT, ST_WELCOME);
    assert_int_equal(fake_expect(&fake, FAKE_SERVICE, ST_WAKE)->peer, fake.relay);
    fake_from(&fake, fake.relay, NULL, ST_WAKE, 0, &wake);
    fake_expect(&fake, FAKE_SERVICE, ST_WAKE);
    fake_expect_nothing(&fake);
    fake_close(&fake);
}

static void drop__counts_only_for_the_current_attach(void **state)
{
    struct fake fake;
    struct fake_device device = fake_device(1);
    (void)state;
    fake_open(&fake, NULL);
    fake_connect(&fake, &device);
    struct st_int_drop drop = { .sid = device.sid, .attach = 1, .reason = ST_BYE_REPLACED };
    fake_from(&fake, fake.relay, NULL, ST_DROP, 0, &drop);
    drop.sid += 1;
    drop.attach = 100 + device.sid;
    fake_from(&fake, fake.relay, NULL, ST_DROP, 0, &drop);
    fake_expect_nothing(&fake);
    drop.sid -= 1;
    fake_from(&fake, fake.relay, NULL, ST_DROP, 0, &drop);
    expect_bye(&fake, &device, ST_BYE_REPLACED);
    fake_expect_nothing(&fake);
    fake_close(&fake);
}

static void notify__reaches_the_device_by_way_of_the_relay(void **state)
{
    struct fake fake;
    struct fake_device device = fake_device(1);
    struct st_msg_ping ping = { 0 };
    struct st_msg_pong pong;
    (void)state;
    fake_open(&fake, NULL);
    fake_connect(&fake, &device);
    struct st_int_notify notify = {
        .acct = st_view(device.acct, ST_ACCT_LEN), .dev = device.dev, .kind = 1, .number = 3
    };
    ST_SET(&notify, 4);
    fake_from(&fake, fake.auth, NULL, ST_NOTIFY, 0, &notify);
    assert_int_equal(fake_expect(&fake, FAKE_SERVICE, ST_NOTIFY)->peer, fake.relay);
    fake_from(&fake, fake.relay, NULL, ST_NOTIFY, 0, &notify);
    fake_expect_nothing(&fake); /* that is auth's to say */
    struct st_hop hop = { .kind = ST_HOP_DEVICE, .dev = device.dev, .sid = device.sid };
    memcpy(hop.acct, device.acct, ST_ACCT_LEN);
    struct st_msg_chat_started started = { .opk_left = 3 };
    ST_SET(&started, 1);
    fake_from(&fake, fake.relay, &hop, ST_CHAT_STARTED, 0, &started);
    fake_expect(&fake, FAKE_CLIENT, ST_CHAT_STARTED);
    fake_say(&fake, GATEWAY_DEVICE, &device, ST_PING, &ping);
    alive_answer(&fake, fake_expect(&fake, FAKE_SERVICE, ST_ALIVE), device.sid, 100 + device.sid, false);
    assert_int_equal(st_frame_read(&fake_expect(&fake, FAKE_CLIENT, ST_PONG)->frame, &pong), ST_OK);
    assert_int_equal(pong.opk_left, 3);
    fake_expect_nothing(&fake);
    fake_close(&fake);
}

static void gone__client_is_noticed_at_the_next_send(void **state)
{
    struct fake fake;
    struct fake_device device = fake_device(1);
    struct st_msg_ping ping = { 0 };
    (void)state;
    fake_open(&fake, NULL);
    fake_connect(&fake, &device);
    fake_say(&fake, GATEWAY_DEVICE, &device, ST_PING, &ping);
    struct fake_sent alive = *fake_expect(&fake, FAKE_SERVICE, ST_ALIVE);
    fake.client_answer = ST_EUNAVAILABLE; /* full: it stays */
    alive_answer(&fake, &alive, device.sid, 100 + device.sid, false);
    gateway_core_tick(fake.core);
    assert_int_equal(sessions(&fake), 1);
    fake.client_answer = ST_OK;
    fake_say(&fake, GATEWAY_DEVICE, &device, ST_PING, &ping);
    alive = *fake_expect(&fake, FAKE_SERVICE, ST_ALIVE);
    fake.client_answer = ST_ENOTFOUND;
    alive_answer(&fake, &alive, device.sid, 100 + device.sid, false);
    gateway_core_tick(fake.core);
    assert_int_equal(sessions(&fake), 0);
    fake_expect(&fake, FAKE_SERVICE, ST_DETACH);
    fake_close(&fake);
}

static void idle__session_ends_after_75_seconds_of_silence(void **state)
{
    struct fake fake;
    struct fake_device device = fake_device(1);
    struct st_msg_ping ping = { 0 };
    (void)state;
    fake_open(&fake, NULL);
    fake_connect(&fake, &device);
    fake_run(&fake, 50000, true);
    fake_say(&fake, GATEWAY_DEVICE, &device, ST_PING, &ping);
    fake_run(&fake, 74000, true);
    assert_int_equal(sessions(&fake), 1);
    fake_run(&fake, 2000, true);
    assert_int_equal(sessions(&fake), 0);
    fake_close(&fake);
}

/* Pings every 20 s for so long; auth answers tk_check with `state`, or not at all. Returns how long the session lived.
 */
static int64_t live(struct fake *fake, struct fake_device *device, int64_t ms, bool answer, enum st_tk_state state)
{
    struct st_msg_ping ping = { 0 };
    int64_t start_ms = fake->now_ms;
    while (fake->now_ms - start_ms < ms && sessions(fake) > 0) {
        fake_say(fake, GATEWAY_DEVICE, device, ST_PING, &ping);
        fake_run(fake, 20000, true);
        for (const struct fake_sent *sent; (sent = fake_next(fake)) != NULL;) {
            struct fake_sent copy = *sent;
            if (sent->what == FAKE_SERVICE && sent->frame.type == ST_TK_CHECK && answer)
                fake_tk_answer(fake, &copy, device, state);
        }
    }
    return fake->now_ms - start_ms;
}

static void recheck__each_minute_and_quarter_of_an_hour_without_auth(void **state)
{
    struct fake fake;
    struct fake_device device = fake_device(1);
    (void)state;
    fake_open(&fake, NULL);
    fake_connect(&fake, &device);
    assert_int_equal(live(&fake, &device, 3600000, true, ST_TK_ACTIVE), 3600000);
    assert_int_equal(sessions(&fake), 1);
    int64_t without_ms = live(&fake, &device, 3600000, false, ST_TK_ACTIVE);
    assert_in_range(without_ms, 800000, 920000);
    assert_int_equal(sessions(&fake), 0);
    fake_close(&fake);

    fake_open(&fake, NULL);
    fake_connect(&fake, &device);
    assert_in_range(live(&fake, &device, 3600000, true, ST_TK_NONE), 60000, 100000);
    fake_close(&fake);
    fake_open(&fake, NULL);
    fake_connect(&fake, &device);
    assert_in_range(live(&fake, &device, 3600000, true, ST_TK_DISABLED), 60000, 100000);
    fake_close(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hello__attaches_then_welcomes),
        cmocka_unit_test(hello__unanswered_attach_is_sent_again_then_unavailable),
        cmocka_unit_test(hello__without_a_relay_attaches_when_one_comes),
        cmocka_unit_test(hello__no_mailbox_means_revoked),
        cmocka_unit_test(hello__newest_connection_of_a_key_wins),
        cmocka_unit_test(hello__same_device_under_a_new_key_replaces),
        cmocka_unit_test(hello__pending_device_is_welcomed_without_a_mailbox),
        cmocka_unit_test(ping__asks_the_relay_then_pongs),
        cmocka_unit_test(ping__replaced_ends_the_session),
        cmocka_unit_test(wake__goes_to_the_attached_relay_and_waits_for_an_attach),
        cmocka_unit_test(drop__counts_only_for_the_current_attach),
        cmocka_unit_test(notify__reaches_the_device_by_way_of_the_relay),
        cmocka_unit_test(gone__client_is_noticed_at_the_next_send),
        cmocka_unit_test(idle__session_ends_after_75_seconds_of_silence),
        cmocka_unit_test(recheck__each_minute_and_quarter_of_an_hour_without_auth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
