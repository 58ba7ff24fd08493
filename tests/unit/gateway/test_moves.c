/* Sessions that move between relays, and the end of it all. */
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

static void expect_bye(struct fake *fake, const struct fake_device *device, enum st_bye_reason reason)
{
    struct st_msg_bye bye;
    const struct fake_sent *sent = fake_expect(fake, FAKE_CLIENT, ST_BYE);
    assert_memory_equal(sent->rid, device->rid, sizeof device->rid);
    assert_int_equal(st_frame_read(&sent->frame, &bye), ST_OK);
    assert_int_equal(bye.reason, reason);
}

/* Which relay an account is attached at, over two relays; counts both. */
static void connect_many(struct fake *fake, unsigned count, unsigned at[2])
{
    at[0] = at[1] = 0;
    for (unsigned n = 0; n < count; n++) {
        struct fake_device device = fake_device(n);
        struct fake_sent attach = *fake_hello(fake, &device);
        at[attach.peer == fake->relay ? 0 : 1]++;
        fake_attach_answer(fake, &attach, 1000 + n, 0);
        fake_expect(fake, FAKE_CLIENT, ST_WELCOME);
        fake_expect_nothing(fake);
    }
}

static void answer_attaches(struct fake *fake, unsigned *attached, unsigned *detached)
{
    *attached = *detached = 0;
    for (const struct fake_sent *sent; (sent = fake_next(fake)) != NULL;) {
        struct fake_sent copy = *sent;
        if (sent->what == FAKE_SERVICE && sent->frame.type == ST_DETACH)
            ++*detached;
        if (sent->what != FAKE_SERVICE || sent->frame.type != ST_ATTACH)
            continue;
        ++*attached;
        fake_attach_answer(fake, &copy, 5000 + *attached, 0);
    }
}

/* The same over some time, answering each half second. */
static unsigned run_and_answer(struct fake *fake, int64_t ms, unsigned *detached)
{
    unsigned total = 0, total_detached = 0, attached;
    for (; ms > 0; ms -= 500) {
        fake_run(fake, 500, true);
        answer_attaches(fake, &attached, detached);
        total += attached;
        total_detached += *detached;
    }
    *detached = total_detached;
    return total;
}

static void move__a_new_relay_takes_its_share_at_500_a_second(void **state)
{
    struct fake fake;
    unsigned at[2], attached, detached, total = 0, total_detached = 0;
    (void)state;
    fake_open(&fake, NULL);
    connect_many(&fake, 1200, at);
    assert_int_equal(at[0], 1200);
    fake_second_relay(&fake);
    attached = run_and_answer(&fake, 500, &detached);
    assert_in_range(attached, 200, 310); /* burst 50, then 500 a second */
    total = attached;
    total_detached = detached;
    total += run_and_answer(&fake, 5000, &detached);
    total_detached += detached;
    assert_in_range(total, 500, 700); /* about half */
    assert_int_equal(total_detached, total);
    assert_int_equal(run_and_answer(&fake, 2000, &detached), 0);
    /* It drains: its share goes back, and the other keeps its own. */
    fake_pong(&fake, fake.relay2, 31, 1);
    fake.relay2 = GATEWAY_PEERS_MAX;
    assert_int_equal(run_and_answer(&fake, 4000, &detached), total);
    fake_close(&fake);
}

static void move__a_silent_relay_loses_its_sessions_a_restarted_one_gets_them_again(void **state)
{
    struct fake fake;
    unsigned at[2], attached, detached;
    (void)state;
    fake_open(&fake, NULL);
    fake_second_relay(&fake);
    connect_many(&fake, 100, at);
    assert_in_range(at[1], 25, 75);
    unsigned relay2 = fake.relay2;
    fake.relay2 = GATEWAY_PEERS_MAX; /* silent */
    fake_run(&fake, 5000, true);
    assert_false(gateway_core_peer_is_live(fake.core, relay2));
    answer_attaches(&fake, &attached, &detached);
    assert_int_equal(attached, at[1]);
    /* The other one is started again: all of its sessions are unknown to it. */
    fake_pong(&fake, fake.relay, 22, 0);
    gateway_core_tick(fake.core);
    fake.now_ms += 100;
    fake_pong(&fake, fake.relay, 22, 0);
    gateway_core_tick(fake.core);
    answer_attaches(&fake, &attached, &detached);
    assert_int_equal(attached, 100);
    fake_close(&fake);
}

static void move__ping_during_it_is_answered_by_the_attach(void **state)
{
    struct fake fake;
    struct fake_device device = fake_device(1);
    struct st_msg_ping ping = { 0 };
    struct st_msg_pong pong;
    (void)state;
    fake_open(&fake, NULL);
    fake_connect(&fake, &device);
    fake_pong(&fake, fake.relay, 99, 0); /* restarted */
    gateway_core_tick(fake.core);
    struct fake_sent attach = *fake_expect(&fake, FAKE_SERVICE, ST_ATTACH);
    fake_say(&fake, GATEWAY_DEVICE, &device, ST_PING, &ping);
    fake_expect_nothing(&fake);
    fake_attach_answer(&fake, &attach, 77, 12);
    const struct fake_sent *sent = fake_expect(&fake, FAKE_CLIENT, ST_PONG);
    assert_int_equal(st_frame_read(&sent->frame, &pong), ST_OK);
    assert_int_equal(pong.pending, 12);
    fake_expect_nothing(&fake); /* no second welcome */
    fake_close(&fake);
}

static void drain__says_bye_with_hints_and_lets_nobody_in(void **state)
{
    struct fake fake;
    struct st_msg_hello hello = { 0 };
    uint64_t low = UINT64_MAX, high = 0;
    unsigned byes = 0, at[2];
    (void)state;
    fake_open(&fake, NULL);
    connect_many(&fake, 50, at);
    gateway_core_drain(fake.core, 1000);
    for (const struct fake_sent *sent; (sent = fake_next(&fake)) != NULL;) {
        struct st_msg_bye bye;
        if (sent->what != FAKE_CLIENT)
            continue;
        assert_int_equal(st_frame_read(&sent->frame, &bye), ST_OK);
        assert_int_equal(bye.reason, ST_BYE_DRAIN);
        low = bye.reconnect_after_ms < low ? bye.reconnect_after_ms : low;
        high = bye.reconnect_after_ms > high ? bye.reconnect_after_ms : high;
        byes++;
    }
    assert_int_equal(byes, 50);
    assert_in_range(low, 1000, 1200);
    assert_in_range(high, 1700, 2000);
    assert_int_equal(sessions(&fake), 0);
    struct fake_device device = fake_device(1);
    fake_zap(&fake, "device", &device);
    fake_zap(&fake, "enrol", &device);
    fake_expect_nothing(&fake);
    fake_say(&fake, GATEWAY_DEVICE, &device, ST_HELLO, &hello);
    expect_bye(&fake, &device, ST_BYE_DRAIN);
    fake_close(&fake);
}

static void drain__of_nobody_works_and_free_works_at_any_time(void **state)
{
    struct fake fake;
    struct fake_device device = fake_device(1);
    (void)state;
    fake_open(&fake, NULL);
    gateway_core_drain(fake.core, 0);
    fake_expect_nothing(&fake);
    fake_close(&fake);
    fake_open(&fake, NULL);
    (void)fake_hello(&fake, &device);
    fake_zap(&fake, "enrol", &device);
    device = fake_device(2);
    fake_zap(&fake, "device", &device);
    fake_close(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(move__a_new_relay_takes_its_share_at_500_a_second),
        cmocka_unit_test(move__a_silent_relay_loses_its_sessions_a_restarted_one_gets_them_again),
        cmocka_unit_test(move__ping_during_it_is_answered_by_the_attach),
        cmocka_unit_test(drain__says_bye_with_hints_and_lets_nobody_in),
        cmocka_unit_test(drain__of_nobody_works_and_free_works_at_any_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
