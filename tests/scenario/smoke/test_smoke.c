/* Goal: two people register at a real safetalkd, log in and write to each other; nothing that was accepted is lost when
 * the server is killed. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>
#include <zmq.h>

#include "tests/scenario/smoke/person.h"

static struct daemon_proc proc;
static struct person alice, bob;
static void *zmq;

static int start(void **state)
{
    (void)state;
    zmq = zmq_ctx_new();
    daemon_proc_make(&proc);
    daemon_proc_start(&proc);
    person_init(&alice, zmq, &proc, "alice", "correct horse");
    person_init(&bob, zmq, &proc, "bob", "battery staple");
    return 0;
}

static int end(void **state)
{
    (void)state;
    person_close(&alice);
    person_close(&bob);
    daemon_proc_remove(&proc);
    zmq_ctx_term(zmq);
    return 0;
}

static void expect_stored(struct person *person, const uint8_t *id)
{
    struct st_msg_accepted accepted;
    struct st_msg_accepted_item item;
    person_expect(person, ST_ACCEPTED, &accepted);
    assert_true(st_records_next(&st_schema_accepted_item, &accepted.items, &item));
    assert_memory_equal(item.id.p, id, ST_MSG_ID_LEN);
    assert_int_equal(item.status, ST_COPY_STORED);
}

/* Takes one pushed message and acknowledges it. */
static void expect_push(struct person *person, const struct person *from, const uint8_t *id)
{
    struct st_msg_push push;
    struct st_msg_push_item item;
    person_expect(person, ST_PUSH, &push);
    assert_true(st_records_next(&st_schema_push_item, &push.items, &item));
    assert_memory_equal(item.from.p, from->acct, ST_ACCT_LEN);
    assert_int_equal(item.from_dev, from->dev);
    assert_memory_equal(item.id.p, id, ST_MSG_ID_LEN);
    struct st_msg_ack ack = { .tokens = { .count = 1, .items = item.token.p } };
    person_say(person, ST_ACK, &ack);
}

static uint64_t pending(struct person *person)
{
    struct st_msg_ping ping = { 0 };
    struct st_msg_pong pong;
    person_say(person, ST_PING, &ping);
    person_expect(person, ST_PONG, &pong);
    return pong.pending;
}

static void register__needs_the_invite(void **state)
{
    char path[512];
    (void)state;
    assert_int_equal(person_register_refused(&alice, NULL), ST_CODE_INVITE_REQUIRED);
    person_register(&alice, proc.invite);
    person_register(&bob, proc.invite);
    struct person second;
    person_init(&second, zmq, &proc, "alice", "another password");
    assert_int_equal(person_register_refused(&second, proc.invite), ST_CODE_NAME_TAKEN);
    person_close(&second);
    /* The first code's file goes once there is an account. */
    snprintf(path, sizeof path, "%s/first-invite", proc.dir);
    for (int i = 0; i < 100 && access(path, F_OK) == 0; i++)
        daemon_proc_sleep_ms(100);
    assert_int_not_equal(access(path, F_OK), 0);
}

static void login__binds_a_new_transport_key(void **state)
{
    (void)state;
    assert_int_equal(person_login_wrong(&alice), 0);
    person_login(&alice);
    person_login(&bob);
}

static void hello__welcomes_both(void **state)
{
    struct st_msg_welcome welcome;
    (void)state;
    person_hello(&alice, &welcome);
    assert_int_equal(welcome.pending, 0);
    assert_int_equal(welcome.list_seq, 1);
    assert_int_equal(welcome.registration, 2);
    assert_int_equal(welcome.retention_s, 30 * 86400);
    assert_int_equal(welcome.mailbox_bytes_max, 64 * 1024 * 1024);
    person_hello(&bob, &welcome);
}

static void lookup__then_bundle(void **state)
{
    struct st_msg_is_user ask = { .name = st_view_text("bob") };
    struct st_msg_is_user_r answer;
    struct st_msg_chat_confirmed confirmed;
    struct st_msg_opk opk = { .id = 1, .pub = st_view(bob.dik, 32) };
    struct st_msg_confirm_chat upload = { .opks = { .count = 1, .items = &opk } };
    struct st_msg_confirm_chat_r uploaded;
    uint8_t nonce[ST_NONCE_LEN] = { 7 };
    (void)state;
    ST_SET(&upload, 2);
    person_say(&bob, ST_CONFIRM_CHAT, &upload);
    person_expect(&bob, ST_CONFIRM_CHAT_R, &uploaded);
    assert_int_equal(uploaded.opk_left, 1);
    person_say(&alice, ST_IS_USER, &ask);
    person_expect(&alice, ST_IS_USER_R, &answer);
    assert_memory_equal(answer.acct.p, bob.acct, ST_ACCT_LEN);
    assert_memory_equal(answer.ak.p, bob.ak, 32);
    struct st_msg_start_chat start_chat = { .acct = st_view(bob.acct, ST_ACCT_LEN),
                                            .nonce = st_view(nonce, sizeof nonce) };
    person_say(&alice, ST_START_CHAT, &start_chat);
    person_expect(&alice, ST_CHAT_CONFIRMED, &confirmed);
    struct st_msg_bundle bundle;
    assert_true(st_records_next(&st_schema_bundle, &confirmed.bundles, &bundle));
    assert_true(ST_HAS(&bundle, 7));
    struct st_msg_chat_started started;
    person_expect(&bob, ST_CHAT_STARTED, &started); /* auth → gateway → relay → gateway → bob */
    ask.name = st_view_text("nobody");
    person_say(&alice, ST_IS_USER, &ask);
    assert_int_equal(person_expect_error(&alice), ST_CODE_NOT_FOUND);
}

static void message__is_stored_pushed_and_acknowledged(void **state)
{
    uint8_t id[ST_MSG_ID_LEN];
    (void)state;
    for (int i = 0; i < 20; i++) {
        struct person *from = i % 2 == 0 ? &alice : &bob;
        struct person *to = i % 2 == 0 ? &bob : &alice;
        person_send(from, to, id, i == 3 ? ST_ENVELOPE_MAX : 500);
        expect_stored(from, id);
        expect_push(to, from, id);
    }
    for (int i = 0; i < 50 && pending(&bob) > 0; i++)
        daemon_proc_sleep_ms(20);
    assert_int_equal(pending(&bob), 0);
}

static void message__to_somebody_absent_waits_for_him(void **state)
{
    uint8_t ids[5][ST_MSG_ID_LEN];
    struct st_msg_welcome welcome;
    (void)state;
    person_close(&bob);
    for (int i = 0; i < 5; i++) {
        person_send(&alice, &bob, ids[i], 600);
        expect_stored(&alice, ids[i]);
    }
    person_hello(&bob, &welcome);
    assert_int_equal(welcome.pending, 5);
    struct st_msg_push push;
    int count = 0;
    while (count < 5) {
        struct st_msg_push_item item;
        person_expect(&bob, ST_PUSH, &push);
        while (st_records_next(&st_schema_push_item, &push.items, &item))
            assert_memory_equal(item.id.p, ids[count++], ST_MSG_ID_LEN);
    }
    /* Not acknowledged: they come again. */
    person_hello(&bob, &welcome);
    assert_int_equal(welcome.pending, 5);
}

static void message__from_a_second_connection_of_the_same_key(void **state)
{
    struct person clone = alice;
    struct st_msg_welcome welcome;
    struct st_msg_bye bye;
    (void)state;
    clone.socket = NULL;
    person_hello(&clone, &welcome);
    person_expect(&alice, ST_BYE, &bye);
    assert_int_equal(bye.reason, ST_BYE_REPLACED);
    person_close(&clone);
    person_hello(&alice, &welcome);
}

/* Says hello until it is heard: the server was killed a moment ago. */
static void hello_again(struct person *person, struct st_msg_welcome *welcome)
{
    struct st_msg_hello hello = { 0 };
    person_connect(person, true);
    for (int i = 0; i < 100; i++) {
        person_say(person, ST_HELLO, &hello);
        if (person_hear(person, 300) == ST_WELCOME) {
            assert_int_equal(st_frame_read(&person->frame, welcome), ST_OK);
            return;
        }
    }
    fail_msg("no welcome for %s", person->name);
}

static void kill__of_the_worker_loses_nothing_accepted(void **state)
{
    uint8_t id[ST_MSG_ID_LEN];
    struct st_msg_welcome welcome;
    (void)state;
    person_close(&bob);
    for (int round = 0; round < 3; round++) {
        person_send(&alice, &bob, id, 700);
        expect_stored(&alice, id);
        pid_t worker = daemon_proc_worker(&proc);
        assert_true(worker > 0);
        assert_int_equal(kill(worker, SIGKILL), 0);
        int64_t start_ms = daemon_proc_now_ms();
        hello_again(&alice, &welcome);
        assert_true(daemon_proc_now_ms() - start_ms < 5000);
    }
    hello_again(&bob, &welcome);
    assert_int_equal(welcome.pending, 8); /* five from before, three from here */
}

static void term__says_bye_and_ends_with_0(void **state)
{
    struct st_msg_bye bye;
    struct st_msg_welcome welcome;
    (void)state;
    hello_again(&alice, &welcome);
    int64_t start_ms = daemon_proc_now_ms();
    assert_int_equal(kill(proc.pid, SIGTERM), 0);
    person_expect(&alice, ST_BYE, &bye);
    assert_int_equal(bye.reason, ST_BYE_DRAIN);
    assert_in_range(bye.reconnect_after_ms, 1000, 2000);
    assert_int_equal(daemon_proc_wait(&proc, 10000), 0);
    assert_true(daemon_proc_now_ms() - start_ms < 4000);
    daemon_proc_start(&proc);
    hello_again(&bob, &welcome);
    assert_int_equal(welcome.pending, 8);
    assert_int_equal(daemon_proc_stop(&proc), 0);
    if (strstr(proc.log, "AddressSanitizer") != NULL || strstr(proc.log, "LeakSanitizer") != NULL)
        fail_msg("%s", proc.log);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(register__needs_the_invite),
        cmocka_unit_test(login__binds_a_new_transport_key),
        cmocka_unit_test(hello__welcomes_both),
        cmocka_unit_test(lookup__then_bundle),
        cmocka_unit_test(message__is_stored_pushed_and_acknowledged),
        cmocka_unit_test(message__to_somebody_absent_waits_for_him),
        cmocka_unit_test(message__from_a_second_connection_of_the_same_key),
        cmocka_unit_test(kill__of_the_worker_loses_nothing_accepted),
        cmocka_unit_test(term__says_bye_and_ends_with_0),
    };
    if (argc != 2 || sodium_init() < 0)
        return 2;
    daemon_proc_program(argv[1]);
    return cmocka_run_group_tests(tests, start, end);
}
