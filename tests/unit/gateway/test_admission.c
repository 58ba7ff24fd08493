/* Who is let in: the ZAP decisions, the cache of known keys, batches to auth. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "services/gateway/gateway_z85.h"
#include "tests/unit/gateway/fake.h"

static const struct fake_sent *expect_zap(struct fake *fake, unsigned status)
{
    const struct fake_sent *sent = fake_expect(fake, FAKE_ZAP, 0);
    assert_int_equal(sent->status, status);
    return sent;
}

static void zap__enrol__any_key_is_let_in_under_its_own_name(void **state)
{
    struct fake fake;
    struct fake_device device = fake_device(1);
    (void)state;
    fake_open(&fake, NULL);
    fake_zap(&fake, "enrol", &device);
    const struct fake_sent *sent = expect_zap(&fake, 200);
    assert_string_equal(sent->user_id, device.user_id);
    assert_memory_equal(sent->rid, device.rid, sizeof device.rid);
    fake_expect_nothing(&fake);
    fake_close(&fake);
}

static void zap__device__known_key_is_asked_once_and_cached_a_minute(void **state)
{
    struct fake fake;
    struct fake_device device = fake_device(1);
    (void)state;
    fake_open(&fake, NULL);
    fake_zap(&fake, "device", &device);
    const struct fake_sent *check = fake_expect(&fake, FAKE_SERVICE, ST_TK_CHECK);
    assert_int_equal(check->peer, fake.auth);
    fake_expect_nothing(&fake);
    fake_tk_answer(&fake, check, &device, ST_TK_ACTIVE);
    assert_string_equal(expect_zap(&fake, 200)->user_id, device.user_id);

    fake_run(&fake, 59000, true);
    fake_zap(&fake, "device", &device);
    expect_zap(&fake, 200);
    fake_run(&fake, 2000, true);
    fake_zap(&fake, "device", &device);
    fake_expect(&fake, FAKE_SERVICE, ST_TK_CHECK);
    fake_expect_nothing(&fake);
    fake_close(&fake);
}

static void zap__device__absent_key_gets_400_and_is_not_remembered(void **state)
{
    struct fake fake;
    struct fake_device device = fake_device(1);
    struct gateway_stats stats;
    (void)state;
    fake_open(&fake, NULL);
    fake_zap(&fake, "device", &device);
    fake_tk_answer(&fake, fake_expect(&fake, FAKE_SERVICE, ST_TK_CHECK), &device, ST_TK_NONE);
    expect_zap(&fake, 400);
    gateway_core_stats(fake.core, &stats);
    assert_int_equal(stats.keys, 0);
    /* Registered a moment later through another gateway. */
    fake_zap(&fake, "device", &device);
    fake_tk_answer(&fake, fake_expect(&fake, FAKE_SERVICE, ST_TK_CHECK), &device, ST_TK_ACTIVE);
    expect_zap(&fake, 200);
    fake_close(&fake);
}

static void zap__device__no_answer_of_auth_is_silence_never_400(void **state)
{
    struct fake fake;
    struct fake_device device = fake_device(1);
    struct gateway_stats stats;
    (void)state;
    fake_open(&fake, NULL);
    fake_zap(&fake, "device", &device);
    const struct fake_sent *check = fake_expect(&fake, FAKE_SERVICE, ST_TK_CHECK);
    unsigned peer = check->peer;
    uint64_t request = check->frame.request;
    fake_run(&fake, 1600, true); /* asked again after 1.5 s */
    fake_expect(&fake, FAKE_SERVICE, ST_TK_CHECK);
    fake_run(&fake, 3000, true);
    for (const struct fake_sent *sent; (sent = fake_next(&fake)) != NULL;)
        assert_int_equal(sent->frame.type, ST_TK_CHECK);
    gateway_core_stats(fake.core, &stats);
    assert_int_equal(stats.zap_waiting, 0);
    assert_int_equal(stats.silent, 1);
    assert_int_equal(stats.keys, 0);
    /* The answer comes after all. */
    struct fake_sent late = { .peer = peer, .frame = { .request = request } };
    fake_tk_answer(&fake, &late, &device, ST_TK_ACTIVE);
    fake_expect_nothing(&fake);
    fake_close(&fake);
}

static void zap__device__without_any_auth_waits_and_asks_when_one_comes(void **state)
{
    struct fake fake;
    struct fake_device device = fake_device(1);
    (void)state;
    fake_open(&fake, NULL);
    fake_run(&fake, 5000, false); /* both services fall silent */
    assert_false(gateway_core_peer_is_live(fake.core, fake.auth));
    fake_zap(&fake, "device", &device);
    fake_expect_nothing(&fake);
    fake_pong(&fake, fake.auth, 11, 0);
    fake_tk_answer(&fake, fake_expect(&fake, FAKE_SERVICE, ST_TK_CHECK), &device, ST_TK_ACTIVE);
    expect_zap(&fake, 200);
    fake_close(&fake);
}

static void zap__device__answers_of_another_question_or_twice_change_nothing(void **state)
{
    struct fake fake;
    struct fake_device device = fake_device(1);
    (void)state;
    fake_open(&fake, NULL);
    fake_zap(&fake, "device", &device);
    const struct fake_sent *check = fake_expect(&fake, FAKE_SERVICE, ST_TK_CHECK);
    struct fake_sent wrong = *check;
    wrong.frame.request += 7;
    fake_tk_answer(&fake, &wrong, &device, ST_TK_ACTIVE);
    fake_expect_nothing(&fake);
    struct fake_sent right = wrong;
    right.frame.request -= 7;
    fake_tk_answer(&fake, &right, &device, ST_TK_ACTIVE);
    expect_zap(&fake, 200);
    fake_tk_answer(&fake, &right, &device, ST_TK_NONE);
    fake_expect_nothing(&fake);
    /* A relay may not say who is known. */
    struct fake_sent by_relay = right;
    by_relay.peer = fake.relay;
    fake_tk_answer(&fake, &by_relay, &device, ST_TK_NONE);
    fake_zap(&fake, "device", &device);
    expect_zap(&fake, 200);
    fake_close(&fake);
}

static void zap__device__questions_travel_in_batches_of_256(void **state)
{
    struct fake fake;
    (void)state;
    fake_open(&fake, NULL);
    for (unsigned n = 0; n < 300; n++) {
        struct fake_device device = fake_device(n);
        struct gateway_zap request = { .rid = st_view(device.rid, sizeof device.rid),
                                       .request_id = st_view_text("1"),
                                       .version = st_view_text("1.0"),
                                       .domain = st_view_text("device"),
                                       .mechanism = st_view_text("CURVE"),
                                       .credential = st_view(device.tk, sizeof device.tk) };
        gateway_core_zap(fake.core, &request);
    }
    fake_expect_nothing(&fake);
    gateway_core_flush(fake.core);
    struct st_int_tk_check check;
    assert_int_equal(st_frame_read(&fake_expect(&fake, FAKE_SERVICE, ST_TK_CHECK)->frame, &check), ST_OK);
    assert_int_equal(check.tks.count, 256);
    assert_int_equal(st_frame_read(&fake_expect(&fake, FAKE_SERVICE, ST_TK_CHECK)->frame, &check), ST_OK);
    assert_int_equal(check.tks.count, 44);
    fake_expect_nothing(&fake);
    fake_close(&fake);
}

static void zap__waiting__is_bounded(void **state)
{
    struct fake fake;
    struct gateway_stats stats;
    (void)state;
    fake_open(&fake, NULL);
    fake.service_answer = ST_EUNAVAILABLE;
    for (unsigned n = 0; n < GATEWAY_ZAP_WAITING_MAX + 100; n++) {
        struct fake_device device = fake_device(n);
        fake_zap(&fake, "device", &device);
    }
    gateway_core_stats(fake.core, &stats);
    assert_int_equal(stats.zap_waiting, GATEWAY_ZAP_WAITING_MAX);
    assert_int_equal(stats.keys, GATEWAY_ZAP_WAITING_MAX);
    fake_run(&fake, 5000, true);
    gateway_core_stats(fake.core, &stats);
    assert_int_equal(stats.zap_waiting, 0);
    assert_int_equal(stats.keys, 0);
    assert_int_equal(stats.silent, GATEWAY_ZAP_WAITING_MAX + 100);
    assert_int_equal(stats.refused, 0);
    fake_close(&fake);
}

static void zap__malformed__is_400(void **state)
{
    struct fake fake;
    struct fake_device device = fake_device(1);
    static const uint8_t zero[ST_KEY_LEN];
    const struct gateway_zap good = { .rid = st_view(device.rid, sizeof device.rid),
                                      .request_id = st_view_text("1"),
                                      .version = st_view_text("1.0"),
                                      .domain = st_view_text("enrol"),
                                      .address = st_view_text("203.0.113.7"),
                                      .mechanism = st_view_text("CURVE"),
                                      .credential = st_view(device.tk, sizeof device.tk) };
    struct gateway_zap bad[] = { good, good, good, good, good, good, good, good };
    (void)state;
    bad[0].version = st_view_text("1.1");
    bad[1].domain = st_view_text("");
    bad[2].domain = st_view_text("devices");
    bad[3].mechanism = st_view_text("NULL");
    bad[4].mechanism = st_view_text("PLAIN");
    bad[5].credential = st_view(device.tk, 31);
    bad[6].credential = st_view(NULL, 0);
    bad[7].credential = st_view(zero, sizeof zero);
    fake_open(&fake, NULL);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        gateway_core_zap(fake.core, &bad[i]);
        expect_zap(&fake, 400);
    }
    struct gateway_zap silent = good;
    silent.rid = st_view(NULL, 0);
    gateway_core_zap(fake.core, &silent);
    silent = good;
    silent.request_id = st_view("12345678901234567", 17);
    gateway_core_zap(fake.core, &silent);
    fake_expect_nothing(&fake);
    fake_close(&fake);
}

static void zap__one_key__two_connections_and_ten_handshakes_a_minute(void **state)
{
    struct fake fake;
    struct fake_device device = fake_device(1);
    (void)state;
    fake_open(&fake, NULL);
    fake_connect(&fake, &device);
    /* One session, one connection that has not spoken: that is two. */
    fake_zap(&fake, "device", &device);
    expect_zap(&fake, 200);
    fake_zap(&fake, "device", &device);
    fake_expect_nothing(&fake);
    for (unsigned i = 0; i < 20; i++) {
        struct st_msg_hello hello = { 0 };
        fake_zap(&fake, "device", &device);
        const struct fake_sent *sent = fake_next(&fake);
        if (i > 10)
            assert_null(sent);
        device.rid[4]++;
        fake_say(&fake, GATEWAY_DEVICE, &device, ST_HELLO, &hello);
        while (fake_next(&fake) != NULL)
            ;
    }
    fake_run(&fake, 30000, true);
    while (fake_next(&fake) != NULL)
        ;
    fake_zap(&fake, "device", &device);
    expect_zap(&fake, 200);
    fake_close(&fake);
}

static void zap__disabled_account__is_let_in_to_be_told(void **state)
{
    struct fake fake;
    struct fake_device device = fake_device(1);
    struct st_msg_hello hello = { 0 };
    (void)state;
    fake_open(&fake, NULL);
    fake_zap(&fake, "device", &device);
    fake_tk_answer(&fake, fake_expect(&fake, FAKE_SERVICE, ST_TK_CHECK), &device, ST_TK_DISABLED);
    expect_zap(&fake, 200);
    fake_say(&fake, GATEWAY_DEVICE, &device, ST_HELLO, &hello);
    fake_expect_error(&fake, ST_CODE_ACCOUNT_DISABLED);
    fake_expect_nothing(&fake);
    fake_close(&fake);
}

static void revoke__a_device__ends_its_session_and_forgets_its_key(void **state)
{
    struct fake fake;
    struct fake_device device = fake_device(1);
    struct fake_device other = fake_device(2);
    struct st_msg_bye bye;
    (void)state;
    fake_open(&fake, NULL);
    fake_connect(&fake, &device);
    fake_connect(&fake, &other);
    struct st_int_revoke revoke = { .acct = st_view(device.acct, ST_ACCT_LEN), .dev = 77, .reason = ST_BYE_REVOKED };
    fake_from(&fake, fake.auth, NULL, ST_REVOKE, 0, &revoke);
    fake_expect_nothing(&fake); /* another device of the account */
    revoke.dev = 0;
    fake_from(&fake, fake.relay, NULL, ST_REVOKE, 0, &revoke);
    fake_expect_nothing(&fake); /* a relay may not */
    fake_from(&fake, fake.auth, NULL, ST_REVOKE, 0, &revoke);
    const struct fake_sent *sent = fake_expect(&fake, FAKE_CLIENT, ST_BYE);
    assert_memory_equal(sent->rid, device.rid, sizeof device.rid);
    assert_int_equal(st_frame_read(&sent->frame, &bye), ST_OK);
    assert_int_equal(bye.reason, ST_BYE_REVOKED);
    fake_expect(&fake, FAKE_SERVICE, ST_DETACH);
    fake_expect_nothing(&fake);
    fake_zap(&fake, "device", &device);
    fake_tk_answer(&fake, fake_expect(&fake, FAKE_SERVICE, ST_TK_CHECK), &device, ST_TK_NONE);
    expect_zap(&fake, 400);
    fake_close(&fake);
}

static void revoke__while_a_question_is_under_way__its_answer_does_not_count(void **state)
{
    struct fake fake;
    struct fake_device device = fake_device(1);
    (void)state;
    fake_open(&fake, NULL);
    fake_connect(&fake, &device);
    struct st_msg_ping ping = { 0 };
    for (unsigned i = 0; i < 4; i++) {
        fake_run(&fake, 15000, true);
        fake_say(&fake, GATEWAY_DEVICE, &device, ST_PING, &ping);
    }
    fake_run(&fake, 500, true);
    const struct fake_sent *sent = NULL;
    struct fake_sent check = { 0 };
    while ((sent = fake_next(&fake)) != NULL)
        if (sent->frame.type == ST_TK_CHECK)
            check = *sent;
    assert_int_equal(check.frame.type, ST_TK_CHECK);
    struct st_int_revoke revoke = { .acct = st_view(device.acct, ST_ACCT_LEN), .reason = ST_BYE_REVOKED };
    fake_from(&fake, fake.auth, NULL, ST_REVOKE, 0, &revoke);
    fake_tk_answer(&fake, &check, &device, ST_TK_ACTIVE);
    while (fake_next(&fake) != NULL)
        ;
    fake_zap(&fake, "device", &device);
    fake_expect(&fake, FAKE_SERVICE, ST_TK_CHECK);
    fake_expect_nothing(&fake);
    fake_close(&fake);
}

static void revoke__while_a_handshake_waits__it_is_decided_by_a_new_question(void **state)
{
    struct fake fake;
    struct fake_device device = fake_device(1);
    (void)state;
    fake_open(&fake, NULL);
    fake_zap(&fake, "device", &device);
    fake_tk_answer(&fake, fake_expect(&fake, FAKE_SERVICE, ST_TK_CHECK), &device, ST_TK_ACTIVE);
    expect_zap(&fake, 200);
    fake_run(&fake, 61000, true);
    fake_expect_nothing(&fake);
    fake_zap(&fake, "device", &device);
    struct fake_sent check = *fake_expect(&fake, FAKE_SERVICE, ST_TK_CHECK);
    struct st_int_revoke revoke = { .acct = st_view(device.acct, ST_ACCT_LEN), .reason = ST_BYE_REVOKED };
    fake_from(&fake, fake.auth, NULL, ST_REVOKE, 0, &revoke);
    struct fake_sent again = *fake_expect(&fake, FAKE_SERVICE, ST_TK_CHECK);
    fake_tk_answer(&fake, &check, &device, ST_TK_ACTIVE); /* from before the revoke */
    fake_expect_nothing(&fake);
    fake_tk_answer(&fake, &again, &device, ST_TK_NONE);
    expect_zap(&fake, 400);
    fake_close(&fake);
}

static void z85__vectors_and_hostile_text(void **state)
{
    /* The test vector of ZeroMQ RFC 26/32. */
    static const uint8_t key[32] = { 0xBB, 0x88, 0x47, 0x1D, 0x65, 0xE2, 0x65, 0x9B, 0x30, 0xC5, 0x5A,
                                     0x53, 0x21, 0xCE, 0xBB, 0x5A, 0xAB, 0x2B, 0x70, 0xA3, 0x98, 0x64,
                                     0x5C, 0x26, 0xDC, 0xA2, 0xB2, 0xFC, 0xB4, 0x3F, 0xC5, 0x18 };
    char text[41];
    uint8_t back[32];
    (void)state;
    gateway_z85_encode(text, key);
    assert_string_equal(text, "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID");
    assert_int_equal(gateway_z85_decode(back, text), ST_OK);
    assert_memory_equal(back, key, 32);
    static const char *const bad[] = { "",
                                       "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hI",
                                       "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hIDx",
                                       "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hI~",
                                       "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hI ",
                                       "#####-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hIDa",
                                       "0000000000000000000000000000000000000000" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(gateway_z85_decode(back, bad[i]), ST_EMALFORMED);
    assert_int_equal(gateway_z85_decode(back, NULL), ST_EMALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zap__enrol__any_key_is_let_in_under_its_own_name),
        cmocka_unit_test(zap__device__known_key_is_asked_once_and_cached_a_minute),
        cmocka_unit_test(zap__device__absent_key_gets_400_and_is_not_remembered),
        cmocka_unit_test(zap__device__no_answer_of_auth_is_silence_never_400),
        cmocka_unit_test(zap__device__without_any_auth_waits_and_asks_when_one_comes),
        cmocka_unit_test(zap__device__answers_of_another_question_or_twice_change_nothing),
        cmocka_unit_test(zap__device__questions_travel_in_batches_of_256),
        cmocka_unit_test(zap__waiting__is_bounded),
        cmocka_unit_test(zap__malformed__is_400),
        cmocka_unit_test(zap__one_key__two_connections_and_ten_handshakes_a_minute),
        cmocka_unit_test(zap__disabled_account__is_let_in_to_be_told),
        cmocka_unit_test(revoke__a_device__ends_its_session_and_forgets_its_key),
        cmocka_unit_test(revoke__while_a_question_is_under_way__its_answer_does_not_count),
        cmocka_unit_test(revoke__while_a_handshake_waits__it_is_decided_by_a_new_question),
        cmocka_unit_test(z85__vectors_and_hostile_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
