/* Buckets with a moved clock, connection caps, strikes, connections that never speak. */
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

/* Sends the same sound frame until it is refused; returns how many passed. The refusal must be rate_limited. */
static unsigned send_until_limited(struct fake *fake, enum gateway_socket socket, const struct fake_device *device,
                                   uint8_t type, unsigned at_most)
{
    struct st_buf frame;
    unsigned passed = 0;
    st_buf_init(&frame, ST_FRAME_MAX);
    (void)fake_sound_frame(type, 8, &frame);
    for (; passed < at_most; passed++) {
        fake_say_raw(fake, socket, device, st_buf_view(&frame), 1);
        const struct fake_sent *sent = fake_next(fake);
        assert_non_null(sent);
        if (sent->what == FAKE_CLIENT && sent->frame.type == ST_ERROR) {
            struct st_msg_error error;
            assert_int_equal(st_frame_read(&sent->frame, &error), ST_OK);
            assert_int_equal(error.code, ST_CODE_RATE_LIMITED);
            assert_true(ST_HAS(&error, 3));
            assert_in_range(error.retry_after_s, 1, 61);
            break;
        }
        fake_expect_nothing(fake);
    }
    st_buf_free(&frame);
    return passed;
}

static void rate__frames__burst_400_then_20_a_second(void **state)
{
    struct fake fake;
    struct fake_device device = fake_device(1);
    (void)state;
    fake_open(&fake, NULL);
    fake_connect(&fake, &device);
    /* The hello took one. */
    assert_int_equal(send_until_limited(&fake, GATEWAY_DEVICE, &device, ST_MESSAGE, 1000), 399);
    fake.now_ms += 1000;
    assert_int_equal(send_until_limited(&fake, GATEWAY_DEVICE, &device, ST_MESSAGE, 1000), 20);
    fake.now_ms += 10000;
    assert_int_equal(send_until_limited(&fake, GATEWAY_DEVICE, &device, ST_MESSAGE, 1000), 200);
    fake.now_ms -= 100000; /* a clock that steps back gives nothing */
    assert_int_equal(send_until_limited(&fake, GATEWAY_DEVICE, &device, ST_MESSAGE, 1000), 0);
    assert_int_equal(stats_of(&fake).strikes, 0);
    fake_close(&fake);
}

static void rate__survives_a_reconnect(void **state)
{
    struct fake fake;
    struct fake_device device = fake_device(1);
    (void)state;
    fake_open(&fake, NULL);
    fake_connect(&fake, &device);
    assert_int_equal(send_until_limited(&fake, GATEWAY_DEVICE, &device, ST_MESSAGE, 1000), 399);
    device.rid[4] ^= 1;
    fake_run(&fake, 100, true);
    while (fake_next(&fake) != NULL)
        ;
    struct st_msg_hello hello = { 0 };
    fake_zap(&fake, "device", &device);
    assert_int_equal(fake_expect(&fake, FAKE_ZAP, 0)->status, 200);
    fake_say(&fake, GATEWAY_DEVICE, &device, ST_HELLO, &hello);
    fake_expect(&fake, FAKE_CLIENT, ST_BYE);
    fake_expect(&fake, FAKE_SERVICE, ST_DETACH);
    fake_attach_answer(&fake, fake_expect(&fake, FAKE_SERVICE, ST_ATTACH), 1, 0);
    fake_expect(&fake, FAKE_CLIENT, ST_WELCOME);
    /* 100 ms gave two, of which the hello took one. */
    assert_int_equal(send_until_limited(&fake, GATEWAY_DEVICE, &device, ST_IS_USER, 1000), 1);
    fake_close(&fake);
}

static void rate__classes_are_apart(void **state)
{
    struct fake fake;
    struct fake_device device = fake_device(1);
    (void)state;
    fake_open(&fake, NULL);
    fake_connect(&fake, &device);
    assert_int_equal(send_until_limited(&fake, GATEWAY_DEVICE, &device, ST_MESSAGE, 1000), 399);
    assert_int_equal(send_until_limited(&fake, GATEWAY_DEVICE, &device, ST_ACK, 2000), 1000);
    /* 32 MiB of answers with 65,600 bytes each. */
    assert_int_equal(send_until_limited(&fake, GATEWAY_DEVICE, &device, ST_GET_BLOB, 1000), 511);
    assert_int_equal(send_until_limited(&fake, GATEWAY_DEVICE, &device, ST_PUT_CHUNK, 10), 10);
    fake_close(&fake);
}

static void rate__ke1__50_a_second_over_all(void **state)
{
    struct fake fake;
    unsigned passed = 0;
    (void)state;
    fake_open(&fake, NULL);
    for (unsigned n = 0; n < 20; n++) {
        struct fake_device device = fake_device(n);
        fake_zap(&fake, "enrol", &device);
        fake_expect(&fake, FAKE_ZAP, 0);
        passed += send_until_limited(&fake, GATEWAY_ENROL, &device, n % 2 == 0 ? ST_LOGIN : ST_ADD_USER, 5);
    }
    assert_int_equal(passed, 50);
    fake.now_ms += 1000;
    struct fake_device device = fake_device(21);
    fake_zap(&fake, "enrol", &device);
    fake_expect(&fake, FAKE_ZAP, 0);
    /* 16 of the connection's own burst. */
    assert_int_equal(send_until_limited(&fake, GATEWAY_ENROL, &device, ST_ENDPOINTS, 100), 16);
    fake_close(&fake);
}

static void rate__off_means_off(void **state)
{
    struct gateway_limits limits;
    struct fake fake;
    struct fake_device device = fake_device(1);
    (void)state;
    gateway_limits_default(&limits);
    limits.off = true;
    fake_open(&fake, &limits);
    fake_connect(&fake, &device);
    assert_int_equal(send_until_limited(&fake, GATEWAY_DEVICE, &device, ST_MESSAGE, 3000), 3000);
    limits.off = false;
    gateway_core_set_limits(fake.core, &limits);
    assert_int_equal(send_until_limited(&fake, GATEWAY_DEVICE, &device, ST_MESSAGE, 3000), 400);
    fake_close(&fake);
}

/* ---- strikes ---- */

static void say_garbage(struct fake *fake, enum gateway_socket socket, const struct fake_device *device)
{
    static const uint8_t garbage[] = { 1, ST_PING, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xc1 };
    fake_say_raw(fake, socket, device, st_view(garbage, sizeof garbage), 1);
}

static void strikes__five_in_a_minute_are_ignored_then_revoked(void **state)
{
    struct fake fake;
    struct fake_device device = fake_device(1);
    struct st_msg_ping ping = { 0 };
    struct st_msg_bye bye;
    (void)state;
    fake_open(&fake, NULL);
    fake_connect(&fake, &device);
    for (unsigned i = 0; i < 4; i++) {
        say_garbage(&fake, GATEWAY_DEVICE, &device);
        fake_expect_error(&fake, ST_CODE_MALFORMED);
    }
    fake.now_ms += 60000; /* a new minute: the four are forgotten */
    for (unsigned i = 0; i < 4; i++) {
        say_garbage(&fake, GATEWAY_DEVICE, &device);
        fake_expect_error(&fake, ST_CODE_MALFORMED);
    }
    fake_say(&fake, GATEWAY_DEVICE, &device, ST_PING, &ping);
    fake_expect(&fake, FAKE_SERVICE, ST_ALIVE);
    say_garbage(&fake, GATEWAY_DEVICE, &device);
    fake_expect_nothing(&fake);
    fake_say(&fake, GATEWAY_DEVICE, &device, ST_PING, &ping);
    fake_expect_nothing(&fake); /* not listened to */
    fake.now_ms += 60000;
    fake_say(&fake, GATEWAY_DEVICE, &device, ST_PING, &ping);
    fake_expect(&fake, FAKE_SERVICE, ST_ALIVE); /* again */
    for (unsigned i = 0; i < 4; i++) {
        say_garbage(&fake, GATEWAY_DEVICE, &device);
        fake_expect_error(&fake, ST_CODE_MALFORMED);
    }
    say_garbage(&fake, GATEWAY_DEVICE, &device);
    const struct fake_sent *sent = fake_expect(&fake, FAKE_CLIENT, ST_BYE);
    assert_int_equal(st_frame_read(&sent->frame, &bye), ST_OK);
    assert_int_equal(bye.reason, ST_BYE_STRIKES);
    fake_expect(&fake, FAKE_SERVICE, ST_DETACH);
    /* Not let in, and not told 400. */
    fake_zap(&fake, "device", &device);
    fake_expect_nothing(&fake);
    fake_run(&fake, 9 * 60000, true);
    fake_expect_nothing(&fake);
    fake_zap(&fake, "device", &device);
    fake_expect_nothing(&fake);
    fake_run(&fake, 61000, true);
    while (fake_next(&fake) != NULL)
        ;
    fake_zap(&fake, "device", &device);
    fake_expect(&fake, FAKE_SERVICE, ST_TK_CHECK);
    fake_close(&fake);
}

static void strikes__what_counts_and_what_does_not(void **state)
{
    struct fake fake;
    struct fake_device device = fake_device(1);
    uint8_t frame[ST_HEADER_LEN + 1] = { 1, ST_FETCH, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x80 };
    static uint8_t long_frame[ST_FRAME_MAX + 1];
    (void)state;
    fake_open(&fake, NULL);
    fake_connect(&fake, &device);
    fake_say_raw(&fake, GATEWAY_DEVICE, &device, st_view(frame, sizeof frame), 1);
    fake_expect(&fake, FAKE_SERVICE, ST_FETCH);
    fake_say_raw(&fake, GATEWAY_DEVICE, &device, st_view(frame, sizeof frame), 2); /* two frames */
    fake_expect_error(&fake, ST_CODE_MALFORMED);
    fake_say_raw(&fake, GATEWAY_DEVICE, &device, st_view(frame, 11), 1); /* no header */
    fake_expect_error(&fake, ST_CODE_MALFORMED);
    frame[2] = 1; /* flags */
    fake_say_raw(&fake, GATEWAY_DEVICE, &device, st_view(frame, sizeof frame), 1);
    fake_expect_error(&fake, ST_CODE_MALFORMED);
    frame[2] = 0;
    fake_say_raw(&fake, GATEWAY_DEVICE, &device, st_view(long_frame, sizeof long_frame), 1);
    fake_expect_error(&fake, ST_CODE_MALFORMED);
    assert_int_equal(stats_of(&fake).strikes, 4);
    frame[0] = 2; /* a newer client */
    fake_say_raw(&fake, GATEWAY_DEVICE, &device, st_view(frame, sizeof frame), 1);
    fake_expect_error(&fake, ST_CODE_WRONG_VERSION);
    frame[0] = 1;
    frame[1] = 99;
    fake_say_raw(&fake, GATEWAY_DEVICE, &device, st_view(frame, sizeof frame), 1);
    fake_expect_error(&fake, ST_CODE_UNKNOWN_TYPE);
    assert_int_equal(stats_of(&fake).strikes, 4);
    fake_close(&fake);
}

static void strikes__enrol_frames_end_at_4096_bytes(void **state)
{
    struct fake fake;
    struct fake_device device = fake_device(1);
    static uint8_t frame[ST_ENROL_FRAME_MAX + 1] = { 1, ST_ENDPOINTS };
    (void)state;
    fake_open(&fake, NULL);
    fake_zap(&fake, "enrol", &device);
    fake_expect(&fake, FAKE_ZAP, 0);
    for (unsigned i = 0; i < 4; i++) {
        fake_say_raw(&fake, GATEWAY_ENROL, &device, st_view(frame, sizeof frame), 1);
        fake_expect_error(&fake, ST_CODE_MALFORMED);
    }
    fake_say_raw(&fake, GATEWAY_ENROL, &device, st_view(frame, sizeof frame), 1);
    fake_expect_nothing(&fake);
    assert_int_equal(send_until_limited(&fake, GATEWAY_ENROL, &device, ST_ENDPOINTS, 0), 0);
    fake_close(&fake);
}

/* ---- connections ---- */

static void open_from(struct fake *fake, uint64_t conn, enum gateway_socket socket, const char *text)
{
    uint8_t address[ST_ADDR_LEN];
    assert_int_equal(st_cidr_parse_address(address, text), ST_OK);
    gateway_core_opened(fake->core, conn, socket, address);
}

static unsigned cuts(struct fake *fake)
{
    unsigned count = 0;
    for (const struct fake_sent *sent; (sent = fake_next(fake)) != NULL;)
        count += sent->what == FAKE_CUT;
    return count;
}

static void caps__per_address__ipv4_and_ipv6_households(void **state)
{
    struct fake fake;
    (void)state;
    fake_open(&fake, NULL);
    uint64_t conn = 0;
    for (unsigned i = 0; i < 40; i++)
        open_from(&fake, ++conn, GATEWAY_ENROL, "203.0.113.7");
    assert_int_equal(cuts(&fake), 8);
    for (unsigned i = 0; i < 70; i++)
        open_from(&fake, ++conn, GATEWAY_DEVICE, "203.0.113.7");
    assert_int_equal(cuts(&fake), 6);
    open_from(&fake, ++conn, GATEWAY_ENROL, "203.0.113.8");
    assert_int_equal(cuts(&fake), 0);
    /* One household of IPv6, from forty addresses. */
    for (unsigned i = 0; i < 40; i++) {
        uint8_t address[ST_ADDR_LEN] = { 0x20, 0x01, 0x0d, 0xb8 };
        address[15] = (uint8_t)i;
        gateway_core_opened(fake.core, ++conn, GATEWAY_ENROL, address);
    }
    assert_int_equal(cuts(&fake), 8);
    open_from(&fake, ++conn, GATEWAY_ENROL, "2001:db8:0:1::1");
    assert_int_equal(cuts(&fake), 0);
    assert_int_equal(stats_of(&fake).connections, 32 + 64 + 1 + 32 + 1);
    /* What closes makes room. */
    gateway_core_closed(fake.core, 1);
    gateway_core_closed(fake.core, 1);
    gateway_core_closed(fake.core, 35); /* one that was cut */
    open_from(&fake, ++conn, GATEWAY_ENROL, "203.0.113.7");
    assert_int_equal(cuts(&fake), 0);
    open_from(&fake, ++conn, GATEWAY_ENROL, "203.0.113.7");
    assert_int_equal(cuts(&fake), 1);
    fake_close(&fake);
}

static void caps__total_and_trusted_proxies(void **state)
{
    struct gateway_limits limits;
    struct fake fake;
    (void)state;
    gateway_limits_default(&limits);
    limits.connections_max = 100;
    assert_int_equal(st_cidr_parse_list(&limits.trusted_proxies, "192.0.2.0/24"), ST_OK);
    fake_open(&fake, &limits);
    for (uint64_t conn = 1; conn <= 120; conn++)
        open_from(&fake, conn, GATEWAY_ENROL, "192.0.2.9");
    assert_int_equal(cuts(&fake), 20);
    for (uint64_t conn = 1; conn <= 120; conn++)
        gateway_core_closed(fake.core, conn);
    assert_int_equal(stats_of(&fake).connections, 0);
    fake_close(&fake);
}

static void conns__who_never_speaks_is_cut_after_15_seconds(void **state)
{
    struct fake fake;
    struct fake_device device = fake_device(1);
    (void)state;
    fake_open(&fake, NULL);
    open_from(&fake, 1, GATEWAY_DEVICE, "203.0.113.7");
    open_from(&fake, 2, GATEWAY_DEVICE, "203.0.113.7");
    device.conn = 2;
    fake_connect(&fake, &device);
    fake_run(&fake, 14900, true);
    assert_int_equal(cuts(&fake), 0);
    fake_run(&fake, 200, true);
    const struct fake_sent *sent = fake_expect(&fake, FAKE_CUT, 0);
    assert_int_equal(sent->conn, 1);
    assert_int_equal(cuts(&fake), 0);
    fake_run(&fake, 40000, true);
    assert_int_equal(cuts(&fake), 0);
    fake_close(&fake);
}

static void conns__its_end_ends_the_session_at_once(void **state)
{
    struct fake fake;
    struct fake_device device = fake_device(1);
    (void)state;
    fake_open(&fake, NULL);
    open_from(&fake, 7, GATEWAY_DEVICE, "203.0.113.7");
    device.conn = 7;
    fake_connect(&fake, &device);
    gateway_core_closed(fake.core, 8);
    assert_int_equal(stats_of(&fake).sessions, 1);
    gateway_core_closed(fake.core, 7);
    assert_int_equal(stats_of(&fake).sessions, 0);
    fake_expect(&fake, FAKE_SERVICE, ST_DETACH);
    fake_expect_nothing(&fake);
    fake_close(&fake);
}

static void conns__after_a_bye_the_connection_is_cut_and_no_other(void **state)
{
    struct fake fake;
    struct fake_device device = fake_device(1);
    struct fake_device again = device;
    struct st_msg_hello hello = { 0 };
    (void)state;
    fake_open(&fake, NULL);
    open_from(&fake, 1, GATEWAY_DEVICE, "203.0.113.7");
    open_from(&fake, 2, GATEWAY_DEVICE, "203.0.113.7");
    device.conn = 1;
    fake_connect(&fake, &device);
    again.rid[4] ^= 1;
    again.conn = 2;
    fake_say(&fake, GATEWAY_DEVICE, &again, ST_HELLO, &hello);
    while (fake_next(&fake) != NULL)
        ;
    fake_run(&fake, 400, true);
    assert_int_equal(cuts(&fake), 0);
    fake_run(&fake, 200, true);
    assert_int_equal(fake_expect(&fake, FAKE_CUT, 0)->conn, 1);
    gateway_core_closed(fake.core, 1);
    assert_int_equal(stats_of(&fake).sessions, 1);
    /* A frame without a name, over a known connection: cut. */
    struct gateway_client from = {
        .socket = GATEWAY_DEVICE, .rid = st_view(device.rid, sizeof device.rid), .conn = 2, .frames = 1
    };
    while (fake_next(&fake) != NULL)
        ;
    gateway_core_client(fake.core, &from, st_view("x", 1));
    assert_int_equal(fake_expect(&fake, FAKE_CUT, 0)->conn, 2);
    fake_close(&fake);
}

static void conns__a_number_that_somebody_else_speaks_over_is_not_cut(void **state)
{
    struct fake fake;
    struct fake_device device = fake_device(1);
    struct fake_device other = fake_device(2);
    (void)state;
    fake_open(&fake, NULL);
    open_from(&fake, 1, GATEWAY_DEVICE, "203.0.113.7");
    device.conn = other.conn = 1;
    fake_connect(&fake, &device);
    fake_connect(&fake, &other); /* the descriptor was given again */
    struct st_int_revoke revoke = { .acct = st_view(device.acct, ST_ACCT_LEN), .reason = ST_BYE_REVOKED };
    fake_from(&fake, fake.auth, NULL, ST_REVOKE, 0, &revoke);
    fake_expect(&fake, FAKE_CLIENT, ST_BYE);
    fake_run(&fake, 5000, true);
    assert_int_equal(cuts(&fake), 0);
    assert_int_equal(stats_of(&fake).sessions, 1);
    fake_close(&fake);
}

static void enrol__idle_connections_are_forgotten_and_cut(void **state)
{
    struct fake fake;
    struct fake_device device = fake_device(1);
    (void)state;
    fake_open(&fake, NULL);
    open_from(&fake, 3, GATEWAY_ENROL, "203.0.113.7");
    device.conn = 3;
    fake_zap(&fake, "enrol", &device);
    fake_expect(&fake, FAKE_ZAP, 0);
    assert_int_equal(send_until_limited(&fake, GATEWAY_ENROL, &device, ST_ENDPOINTS, 1), 1);
    fake_run(&fake, 59000, true);
    assert_int_equal(stats_of(&fake).enrolments, 1);
    assert_int_equal(cuts(&fake), 0);
    fake_run(&fake, 2000, true);
    assert_int_equal(stats_of(&fake).enrolments, 0);
    assert_int_equal(cuts(&fake), 1);
    fake_close(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rate__frames__burst_400_then_20_a_second),
        cmocka_unit_test(rate__survives_a_reconnect),
        cmocka_unit_test(rate__classes_are_apart),
        cmocka_unit_test(rate__ke1__50_a_second_over_all),
        cmocka_unit_test(rate__off_means_off),
        cmocka_unit_test(strikes__five_in_a_minute_are_ignored_then_revoked),
        cmocka_unit_test(strikes__what_counts_and_what_does_not),
        cmocka_unit_test(strikes__enrol_frames_end_at_4096_bytes),
        cmocka_unit_test(caps__per_address__ipv4_and_ipv6_households),
        cmocka_unit_test(caps__total_and_trusted_proxies),
        cmocka_unit_test(conns__who_never_speaks_is_cut_after_15_seconds),
        cmocka_unit_test(conns__its_end_ends_the_session_at_once),
        cmocka_unit_test(conns__after_a_bye_the_connection_is_cut_and_no_other),
        cmocka_unit_test(conns__a_number_that_somebody_else_speaks_over_is_not_cut),
        cmocka_unit_test(enrol__idle_connections_are_forgotten_and_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
