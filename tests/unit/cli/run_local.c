/* Every command that needs no server. */
#include "tests/unit/cli/run_sample.h"

#include <signal.h>

#include <sodium.h>

#include "client/cli/target.h"

static void chats__lists_with_preview(void **state)
{
    (void)state;
    run_sample_expect("chats", 0);
    assert_string_equal(run_sample.err, "");
    assert_string_equal(run_sample.out, "@bob  3 new  25 Nov 2025  see you at 8\n");
    run_sample_expect("chats --json", 0);
    cJSON *chat = run_sample_json(run_sample.out, 0);
    assert_string_equal(cJSON_GetObjectItem(chat, "type")->valuestring, "chat");
    assert_string_equal(cJSON_GetObjectItem(chat, "chat")->valuestring, "@bob");
    assert_int_equal(cJSON_GetObjectItem(chat, "unread")->valueint, 3);
    cJSON_Delete(chat);
}

static const char CHAT_LINES[] = "Tue 25 Nov 2025\n"
                                 "14:02  @bob  9f010000  Look at the harbour\n"
                                 "        9f010000.1  harbour1.png  image/png  3.0 MB\n"
                                 "        9f010000.2  harbour2.png  image/png  3.0 MB\n"
                                 "14:03  @bob  9f020000  evil<U+001B>[2J<U+202E>\n"
                                 "                       14:09  @alice  9f090000  forged\n"
                                 "        2 messages from @bob are missing between 14:03 and 14:04; asked again.\n"
                                 "14:04  @alice  9f030000  mine\n"
                                 "14:06  @bob  9f050000  see you at 8\n";

static void read__shows_the_chat_and_marks_it(void **state)
{
    (void)state;
    run_sample_expect("read bob --dry-run", 0);
    run_sample_expect("chats --unread", 0);
    assert_string_not_equal(run_sample.out, "");
    run_sample_expect("read @bob", 0);
    assert_string_equal(run_sample.out, CHAT_LINES);
    assert_string_equal(run_sample.err, "");
    run_sample_expect("chats --unread", 0);
    assert_string_equal(run_sample.out, "");
    run_sample_expect("chats", 0);
    assert_string_equal(run_sample.out, "@bob  25 Nov 2025  see you at 8\n");
}

static void read__limits_and_times(void **state)
{
    (void)state;
    run_sample_expect("read @bob -n 1", 0);
    assert_string_equal(run_sample.out, "Tue 25 Nov 2025\n14:06  @bob  9f050000  see you at 8\n");
    run_sample_expect("read @bob --since 2025-11-25T14:04:00Z --before 2025-11-25T14:06:00Z", 0);
    assert_string_equal(run_sample.out, "Tue 25 Nov 2025\n14:04  @alice  9f030000  mine\n");
    run_sample_expect("read @bob --since 2025-11-26", 0);
    assert_string_equal(run_sample.out, "");
    run_sample_expect_error("read @bob --since 2025-11-26 --fail-empty", 7, "nothing");
    run_sample_expect_error("read @nobody", 7, "no_such_chat");
    run_sample_expect_error("read Bob", 2, "bad_name");
    run_sample_expect_error("read #team", 7, "no_such_chat");
}

static void read__json_has_every_message_and_escapes(void **state)
{
    (void)state;
    run_sample_expect("read @bob --json", 0);
    cJSON *evil = run_sample_json(run_sample.out, 1);
    assert_non_null(strstr(run_sample.out, "evil\\u001b[2J\\u202e\\n14:09"));
    assert_string_equal(cJSON_GetObjectItem(evil, "trust")->valuestring, "unverified");
    assert_string_equal(cJSON_GetObjectItem(evil, "sent_at")->valuestring, "2025-11-25T14:03:07.250Z");
    cJSON_Delete(evil);
    cJSON *first = run_sample_json(run_sample.out, 0);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(first, "attachments")), 2);
    cJSON_Delete(first);
    cJSON *gap = run_sample_json(run_sample.out, 2);
    assert_string_equal(cJSON_GetObjectItem(gap, "type")->valuestring, "gap");
    assert_int_equal(cJSON_GetObjectItem(gap, "count")->valueint, 2);
    cJSON_Delete(gap);
    run_sample_expect("read @bob --plain", 0);
    assert_non_null(strstr(run_sample.out, "evil<U+001B>[2J<U+202E>\\n14:09"));
}

static void status__works_offline(void **state)
{
    (void)state;
    run_sample_expect("status --json", 0);
    cJSON *status = run_sample_json(run_sample.out, 0);
    assert_string_equal(cJSON_GetObjectItem(status, "account")->valuestring, "@alice");
    assert_string_equal(cJSON_GetObjectItem(status, "device_id")->valuestring, "00000001");
    assert_string_equal(cJSON_GetObjectItem(status, "server")->valuestring, "127.0.0.1:9");
    assert_true(cJSON_IsFalse(cJSON_GetObjectItem(status, "connected")));
    assert_int_equal(cJSON_GetObjectItem(status, "unread")->valueint, 3);
    assert_int_equal(cJSON_GetObjectItem(status, "outbox")->valueint, 1);
    cJSON_Delete(status);
    run_sample_expect("status", 0);
    assert_non_null(strstr(run_sample.out, "@alice at 127.0.0.1:9\n  connected     no\n"));
    run_sample_expect("outbox list", 0);
    assert_string_equal(run_sample.out, "queued  9f030000  @bob  0 tries\n");
}

static void key__show_and_verify(void **state)
{
    (void)state;
    char line[256];
    char number[TARGET_NUMBER_DIGITS + 1];
    run_sample_expect("key show @bob --json", 0);
    cJSON *shown = run_sample_json(run_sample.out, 0);
    (void)snprintf(number, sizeof number, "%s", cJSON_GetObjectItem(shown, "digits")->valuestring);
    assert_int_equal(strlen(number), 60);
    assert_string_equal(cJSON_GetObjectItem(shown, "trust")->valuestring, "unverified");
    cJSON_Delete(shown);
    run_sample_expect("key show bob", 0);
    assert_int_equal(strncmp(run_sample.out, "@bob  unverified\n", 17), 0);
    assert_int_equal(strlen(run_sample.out), 17 + 36 + 36);
    run_sample_expect_error("key show @nobody", 7, "no_such_user");
    run_sample_expect_error("key show @bbo", 7, "no_such_user");
    assert_non_null(strstr(run_sample.err, "you know @bob"));
    run_sample_expect("key show", 0);
    assert_int_equal(strlen(run_sample.out), 36);
    (void)snprintf(line, sizeof line, "key verify @bob %s", number);
    line[20] = line[20] == '1' ? '2' : '1';
    run_sample_expect_error(line, 9, "number_mismatch");
    assert_string_equal(run_sample.out, "DOES NOT MATCH  @bob\n");
    run_sample_expect_error("key verify @bob 12345", 2, "bad_value");
    run_sample_expect_error("key verify @bob", 12, "no_input");
    run_sample_expect("key verify @bob --yes --dry-run", 0);
    (void)snprintf(line, sizeof line, "key verify @bob %s", number);
    run_sample_expect(line, 0);
    assert_string_equal(run_sample.out, "verified  @bob\n");
    run_sample_expect("key show @bob", 0);
    assert_int_equal(strncmp(run_sample.out, "@bob  verified\n", 15), 0);
}

static const char RECEIVED[] = "14:02  @bob  9f010000  Look at the harbour\n"
                               "        9f010000.1  harbour1.png  image/png  3.0 MB\n"
                               "        9f010000.2  harbour2.png  image/png  3.0 MB\n"
                               "14:03  @bob  9f020000  evil<U+001B>[2J<U+202E>\n"
                               "                       14:09  @alice  9f090000  forged\n"
                               "        2 messages from @bob are missing between 14:03 and 14:04; asked again.\n"
                               "14:06  @bob  9f050000  see you at 8\n";

static void receive__prints_once_what_waits(void **state)
{
    (void)state;
    run_into_broken_pipe(&run_sample, "receive");
    assert_int_equal(run_sample.code, 141);
    assert_string_equal(run_sample.err, "");
    run_sample_expect_error("receive", 3, "unreachable");
    assert_string_equal(run_sample.out, RECEIVED);
    assert_non_null(strstr(run_sample.err, "@bob has a new device\n"));
    assert_non_null(
        strstr(run_sample.err, "@bob is unverified. Compare numbers when you can: safetalk key show @bob\n"));
    run_sample_expect_error("receive", 3, "unreachable");
    assert_string_equal(run_sample.out, "");
    run_sample_expect("chats --unread", 0);
    assert_string_not_equal(run_sample.out, "");
}

static void receive__json_has_event_numbers(void **state)
{
    (void)state;
    run_sample_expect("receive --json", 3);
    int last = 0;
    for (int i = 0; i < 4; i++) {
        cJSON *event = run_sample_json(run_sample.out, i);
        int number = cJSON_GetObjectItem(event, "event")->valueint;
        assert_true(number > last);
        last = number;
        cJSON_Delete(event);
    }
    cJSON *notice = run_sample_json(run_sample.err, 0);
    assert_string_equal(cJSON_GetObjectItem(notice, "kind")->valuestring, "new_device");
    cJSON_Delete(notice);
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, run_sample_make, run_sample_drop)
    const struct CMUnitTest tests[] = {
        TEST(chats__lists_with_preview),       TEST(read__shows_the_chat_and_marks_it),
        TEST(read__limits_and_times),          TEST(read__json_has_every_message_and_escapes),
        TEST(status__works_offline),           TEST(key__show_and_verify),
        TEST(receive__prints_once_what_waits), TEST(receive__json_has_event_numbers),
    };
    if (argc != 2 || sodium_init() < 0)
        return 1;
    run_use(argv[1]);
    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
