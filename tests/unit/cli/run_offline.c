/* Every command that needs no server, and what the others say without one. */
#include "tests/unit/cli/run_program.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <sodium.h>

#include "client/cli/target.h"
#include "client/cli/when.h"

static struct run run;

/* The moments of the messages: a day in the past, so that no clock of this machine matters. */
static const int64_t AT = INT64_C(1764079267250); /* Tue 25 Nov 2025 14:01:07.250 UTC */

static const uint8_t BOB[16] = { 0xB0, 0xB0 };
static const uint8_t CAROL[16] = { 0xCA, 0x01 };

static void message_id(uint8_t id[static 16], uint8_t first)
{
    memset(id, 0, 16);
    id[0] = 0x9f;
    id[1] = first;
}

static enum st_err add_contact(struct store *store, const uint8_t *acct, const char *name, enum store_trust trust)
{
    struct store_contact contact = { .trust = trust, .relation = STORE_ACCEPTED, .first_at_ms = AT };
    uint8_t secret[64];
    memcpy(contact.acct, acct, 16);
    (void)snprintf(contact.name, sizeof contact.name, "%s", name);
    if (crypto_sign_keypair(contact.ak, secret) != 0)
        return ST_EIO;
    return store_contact_put(store, &contact);
}

static enum st_err add_message(struct store *store, int64_t chat, uint8_t number, const char *text, bool incoming,
                               int64_t *row_r)
{
    struct store_message message = { .chat = chat,
                                     .sender = { .dev = 1 },
                                     .direction = incoming ? STORE_IN : STORE_OUT,
                                     .seq = number,
                                     .sent_at_ms = AT + number * 60000,
                                     .received_at_ms = incoming ? AT + number * 60000 : 0,
                                     .state = incoming ? STORE_STATE_DELIVERED : STORE_STATE_QUEUED,
                                     .shown = true,
                                     .text = st_view_text(text) };
    if (incoming)
        memcpy(message.sender.acct, BOB, 16);
    message_id(message.id, number);
    return store_message_add(store, &message, row_r);
}

static enum st_err add_file(struct store *store, int64_t row, uint32_t index)
{
    struct store_attachment file = { .message = row,
                                     .index = index,
                                     .plain_bytes = 2999000,
                                     .blob_bytes = 3000000,
                                     .chunks = 46,
                                     .state = STORE_ATTACHMENT_REMOTE };
    (void)snprintf(file.name, sizeof file.name, "harbour%u.png", (unsigned)index);
    (void)snprintf(file.mime, sizeof file.mime, "image/png");
    return store_attachment_add(store, &file);
}

static enum st_err add_outbox(struct store *store)
{
    struct store_copy copy = {
        .to = { .dev = 1 }, .kind = STORE_COPY_MESSAGE, .queued_at_ms = AT, .envelope = st_view_text("bytes")
    };
    int64_t row;
    memcpy(copy.to.acct, BOB, 16);
    message_id(copy.msg_id, 3);
    return store_outbox_add(store, &copy, &row);
}

/* A chat with @bob: three from him (one hostile, one with two files), one of ours in the outbox, a gap, a notice. */
static enum st_err fill(struct store *store)
{
    int64_t chat;
    int64_t row;
    int64_t gap;
    enum st_err err = add_contact(store, BOB, "bob", STORE_UNVERIFIED);
    if (err == ST_OK)
        err = add_contact(store, CAROL, "caroline", STORE_VERIFIED);
    if (err == ST_OK)
        err = store_chat_open(store, STORE_CHAT_PERSON, BOB, "bob", AT, &chat);
    if (err == ST_OK)
        err = add_message(store, chat, 1, "Look at the harbour", true, &row);
    if (err == ST_OK)
        err = add_file(store, row, 1);
    if (err == ST_OK)
        err = add_file(store, row, 2);
    if (err == ST_OK)
        err = add_message(store, chat, 2, "evil\x1b[2J\xE2\x80\xAE\n14:09  @alice  9f090000  forged", true, &row);
    struct store_gap missing = { .chat = chat, .first_seq = 3, .last_seq = 4, .asked_at_ms = AT };
    memcpy(missing.sender.acct, BOB, 16);
    missing.sender.dev = 1;
    if (err == ST_OK)
        err = store_gap_add(store, &missing, AT, &gap);
    if (err == ST_OK)
        err = add_message(store, chat, 3, "mine", false, &row);
    if (err == ST_OK)
        err = add_outbox(store);
    if (err == ST_OK)
        err = add_message(store, chat, 5, "see you at 8", true, &row);
    if (err == ST_OK)
        err = store_event_add(store, STORE_EVENT_NOTICE, chat, st_view("new_device\0@bob has a new device", 32), AT);
    return err;
}

static int make(void **state)
{
    (void)state;
    run_make_account(fill);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    run_remove_account();
    return 0;
}

static void expect(const char *line, int code)
{
    run_line(&run, line, NULL);
    if (run.code != code)
        fail_msg("%s: %d, not %d\n%s%s", line, run.code, code, run.out, run.err);
}

static void expect_error(const char *line, int code, const char *reason)
{
    char tag[96];
    expect(line, code);
    (void)snprintf(tag, sizeof tag, "[%d %s]", code, reason);
    if (strstr(run.err, tag) == NULL)
        fail_msg("%s: %s", line, run.err);
}

/* Every line is one JSON object; returns the one at `index` (to be deleted). */
static cJSON *json_line(const char *text, int index)
{
    cJSON *found = NULL;
    for (int i = 0; *text != '\0'; i++) {
        size_t len = strcspn(text, "\n");
        cJSON *object = cJSON_ParseWithLength(text, len);
        assert_true(cJSON_IsObject(object));
        assert_int_equal(cJSON_GetObjectItem(object, "v")->valueint, 1);
        if (i == index)
            found = object;
        else
            cJSON_Delete(object);
        text += len + 1;
    }
    assert_non_null(found);
    return found;
}

static void chats__lists_with_preview(void **state)
{
    (void)state;
    expect("chats", 0);
    assert_string_equal(run.err, "");
    assert_string_equal(run.out, "@bob  3 new  25 Nov 2025  see you at 8\n");
    expect("chats --json", 0);
    cJSON *chat = json_line(run.out, 0);
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
    expect("read bob --dry-run", 0);
    expect("chats --unread", 0);
    assert_string_not_equal(run.out, "");
    expect("read @bob", 0);
    assert_string_equal(run.out, CHAT_LINES);
    assert_string_equal(run.err, "");
    expect("chats --unread", 0);
    assert_string_equal(run.out, "");
    expect("chats", 0);
    assert_string_equal(run.out, "@bob  25 Nov 2025  see you at 8\n");
}

static void read__limits_and_times(void **state)
{
    (void)state;
    expect("read @bob -n 1", 0);
    assert_string_equal(run.out, "Tue 25 Nov 2025\n14:06  @bob  9f050000  see you at 8\n");
    expect("read @bob --since 2025-11-25T14:04:00Z --before 2025-11-25T14:06:00Z", 0);
    assert_string_equal(run.out, "Tue 25 Nov 2025\n14:04  @alice  9f030000  mine\n");
    expect("read @bob --since 2025-11-26", 0);
    assert_string_equal(run.out, "");
    expect_error("read @bob --since 2025-11-26 --fail-empty", 7, "nothing");
    expect_error("read @nobody", 7, "no_such_chat");
    expect_error("read Bob", 2, "bad_name");
    expect_error("read #team", 7, "no_such_chat");
}

static void read__json_has_every_message_and_escapes(void **state)
{
    (void)state;
    expect("read @bob --json", 0);
    cJSON *evil = json_line(run.out, 1);
    assert_non_null(strstr(run.out, "evil\\u001b[2J\\u202e\\n14:09"));
    assert_string_equal(cJSON_GetObjectItem(evil, "trust")->valuestring, "unverified");
    assert_string_equal(cJSON_GetObjectItem(evil, "sent_at")->valuestring, "2025-11-25T14:03:07.250Z");
    cJSON_Delete(evil);
    cJSON *first = json_line(run.out, 0);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(first, "attachments")), 2);
    cJSON_Delete(first);
    cJSON *gap = json_line(run.out, 2);
    assert_string_equal(cJSON_GetObjectItem(gap, "type")->valuestring, "gap");
    assert_int_equal(cJSON_GetObjectItem(gap, "count")->valueint, 2);
    cJSON_Delete(gap);
    expect("read @bob --plain", 0);
    assert_non_null(strstr(run.out, "evil<U+001B>[2J<U+202E>\\n14:09"));
}

static void status__works_offline(void **state)
{
    (void)state;
    expect("status --json", 0);
    cJSON *status = json_line(run.out, 0);
    assert_string_equal(cJSON_GetObjectItem(status, "account")->valuestring, "@alice");
    assert_string_equal(cJSON_GetObjectItem(status, "device_id")->valuestring, "00000001");
    assert_string_equal(cJSON_GetObjectItem(status, "server")->valuestring, "127.0.0.1:9");
    assert_true(cJSON_IsFalse(cJSON_GetObjectItem(status, "connected")));
    assert_int_equal(cJSON_GetObjectItem(status, "unread")->valueint, 3);
    assert_int_equal(cJSON_GetObjectItem(status, "outbox")->valueint, 1);
    cJSON_Delete(status);
    expect("status", 0);
    assert_non_null(strstr(run.out, "@alice at 127.0.0.1:9\n  connected     no\n"));
    expect("outbox list", 0);
    assert_string_equal(run.out, "queued  9f030000  @bob  0 tries\n");
}

static void key__show_and_verify(void **state)
{
    (void)state;
    char line[256];
    char number[TARGET_NUMBER_DIGITS + 1];
    expect("key show @bob --json", 0);
    cJSON *shown = json_line(run.out, 0);
    (void)snprintf(number, sizeof number, "%s", cJSON_GetObjectItem(shown, "digits")->valuestring);
    assert_int_equal(strlen(number), 60);
    assert_string_equal(cJSON_GetObjectItem(shown, "trust")->valuestring, "unverified");
    cJSON_Delete(shown);
    expect("key show bob", 0);
    assert_int_equal(strncmp(run.out, "@bob  unverified\n", 17), 0);
    assert_int_equal(strlen(run.out), 17 + 36 + 36);
    expect_error("key show @nobody", 7, "no_such_user");
    expect_error("key show @bbo", 7, "no_such_user");
    assert_non_null(strstr(run.err, "you know @bob"));
    expect("key show", 0);
    assert_int_equal(strlen(run.out), 36);
    (void)snprintf(line, sizeof line, "key verify @bob %s", number);
    line[20] = line[20] == '1' ? '2' : '1';
    expect_error(line, 9, "number_mismatch");
    assert_string_equal(run.out, "DOES NOT MATCH  @bob\n");
    expect_error("key verify @bob 12345", 2, "bad_value");
    expect_error("key verify @bob", 12, "no_input");
    expect("key verify @bob --yes --dry-run", 0);
    (void)snprintf(line, sizeof line, "key verify @bob %s", number);
    expect(line, 0);
    assert_string_equal(run.out, "verified  @bob\n");
    expect("key show @bob", 0);
    assert_int_equal(strncmp(run.out, "@bob  verified\n", 15), 0);
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
    run_into_broken_pipe(&run, "receive");
    assert_int_equal(run.code, 141);
    assert_string_equal(run.err, "");
    expect_error("receive", 3, "unreachable");
    assert_string_equal(run.out, RECEIVED);
    assert_non_null(strstr(run.err, "@bob has a new device\n"));
    assert_non_null(strstr(run.err, "@bob is unverified. Compare numbers when you can: safetalk key show @bob\n"));
    expect_error("receive", 3, "unreachable");
    assert_string_equal(run.out, "");
    expect("chats --unread", 0);
    assert_string_not_equal(run.out, "");
}

static void receive__json_has_event_numbers(void **state)
{
    (void)state;
    expect("receive --json", 3);
    int last = 0;
    for (int i = 0; i < 4; i++) {
        cJSON *event = json_line(run.out, i);
        int number = cJSON_GetObjectItem(event, "event")->valueint;
        assert_true(number > last);
        last = number;
        cJSON_Delete(event);
    }
    cJSON *notice = json_line(run.err, 0);
    assert_string_equal(cJSON_GetObjectItem(notice, "kind")->valuestring, "new_device");
    cJSON_Delete(notice);
}

static void send__without_a_server(void **state)
{
    (void)state;
    expect_error("send @bob -m hello", 3, "unreachable");
    expect_error("send @bob", 2, "no_text");
    expect_error("send '#team' -m hello", 2, "bad_name");
    expect_error("send #team -m hello", 7, "no_such_chat");
    expect_error("send me -m hello", 7, "no_such_chat");
    expect("send @bob -m hello --dry-run", 0);
    assert_string_equal(run.err, "would send 5 bytes of text and 0 files to @bob\n");
    run_line(&run, "send bob --dry-run", "two\r\nlines\n");
    assert_int_equal(run.code, 0);
    assert_string_equal(run.err, "would send 9 bytes of text and 0 files to @bob\n");
    run_line(&run, "send bob --dry-run", "an \x1b escape");
    assert_int_equal(run.code, 2);
    run_line(&run, "send bob --dry-run", "not \xFF UTF-8");
    assert_int_equal(run.code, 2);
    assert_non_null(strstr(run.err, "[2 text_invalid]"));
}

static void write_file(const char *path, const void *bytes, size_t len)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static void send__checks_pictures(void **state)
{
    (void)state;
    char line[512];
    char path[256];
    (void)snprintf(path, sizeof path, "%s/cut.png", run_folder());
    write_file(path, "\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16);
    (void)snprintf(line, sizeof line, "send @bob --attach %s", path);
    expect_error(line, 18, "picture_truncated");
    assert_non_null(strstr(run.err, "cut.png ends too early"));
    assert_non_null(strstr(run.err, "PNG without its last block; nothing was sent"));
    (void)snprintf(line, sizeof line, "send @bob --attach %s --as-file --dry-run", path);
    expect(line, 0);
    expect_error("send @bob --attach /nonexistent/x.png", 7, "no_such_file");
    (void)snprintf(line, sizeof line, "send @bob --attach %s", run_folder());
    expect_error(line, 7, "no_such_file");
    run_line(&run, "send @bob --attach - --file-name a/b/../notes.txt --dry-run", "some notes");
    assert_int_equal(run.code, 0);
    assert_string_equal(run.err, "would send 0 bytes of text and 1 files to @bob\n");
}

static void attachment__get__names_what_is_wrong(void **state)
{
    (void)state;
    char line[512];
    char path[256];
    struct stat info;
    (void)snprintf(path, sizeof path, "%s/out.png", run_folder());
    (void)snprintf(line, sizeof line, "attachment get 9f01 -o %s", path);
    expect_error(line, 2, "part_needed");
    (void)snprintf(line, sizeof line, "attachment get 9f01.3 -o %s", path);
    expect_error(line, 7, "no_such_attachment");
    (void)snprintf(line, sizeof line, "attachment get 9f02 -o %s", path);
    expect_error(line, 7, "no_such_attachment");
    (void)snprintf(line, sizeof line, "attachment get abcd -o %s", path);
    expect_error(line, 7, "no_such_message");
    (void)snprintf(line, sizeof line, "attachment get 9f01.1 -o %s", path);
    expect_error(line, 3, "unreachable");
    assert_int_equal(stat(path, &info), -1);
    write_file(path, "x", 1);
    expect_error(line, 2, "output_exists");
    expect_error("attachment get xyz -o -", 2, "bad_value");
}

static void account__list_and_choice(void **state)
{
    (void)state;
    char path[256];
    expect("account list", 0);
    assert_string_equal(run.out, "@alice  127.0.0.1:9  default\n");
    (void)snprintf(path, sizeof path, "%s/bob@chat.example.org:7420", run_folder());
    assert_int_equal(mkdir(path, 0700), 0);
    expect("account list", 0);
    assert_string_equal(run.out, "@alice  127.0.0.1:9\n@bob    chat.example.org:7420\n");
    expect_error("chats", 2, "account_needed");
    assert_non_null(strstr(run.err, "alice@127.0.0.1:9, bob@chat.example.org:7420"));
    expect("chats -a alice", 0);
    expect_error("chats -a carol", 7, "no_such_account");
    expect_error("chats -a bob", 7, "not_registered");
    expect_error("account login carol", 7, "no_such_account");
    expect_error("chats -a alice --server "
                 "safetalk://127.0.0.1:9#kdmfryeyl3gh6ycbrkxqzrnllb7ufqsxbkeebfnj5dgkzuhwkrqa",
                 2, "server_differs");
}

static void account__create__before_anything_is_asked(void **state)
{
    (void)state;
    static const char address[] = "safetalk://127.0.0.1:9#kdmfryeyl3gh6ycbrkxqzrnllb7ufqsxbkeebfnj5dgkzuhwkroa";
    char line[512];
    (void)snprintf(line, sizeof line, "account create bob --server %s --invite 7QK2-M9DX-4TR5", address);
    expect_error(line, 13, "invite_mistyped");
    char lines[1024];
    (void)snprintf(lines, sizeof lines,
                   "safetalk: 7QK2-M9DX-4TR5 is not an invite code [13 invite_mistyped]\n"
                   "  Why:  one character is wrong, or two are swapped. Nothing was sent.\n"
                   "  Next: safetalk account create bob --server %s --invite CODE\n",
                   address);
    assert_string_equal(run.err, lines);
    expect_error("account create bob", 2, "no_server");
    (void)snprintf(line, sizeof line, "account create Bob --server %s", address);
    expect_error(line, 2, "bad_name");
    (void)snprintf(line, sizeof line, "account create alice --server %s", address);
    expect_error(line, 14, "account_exists");
    (void)snprintf(line, sizeof line, "account create carol --server %s --invite 7QK2-M9XD-4TR5", address);
    expect_error(line, 3, "unreachable");
    expect("account list", 0);
    assert_string_equal(run.out, "@alice  127.0.0.1:9  default\n@carol  127.0.0.1:9  not registered\n");
    expect("chats", 0);                   /* an account that is not registered is no other choice */
    expect_error(line, 3, "unreachable"); /* goes on with the same keys */
}

static void account__what_dies_asks(void **state)
{
    (void)state;
    expect_error("account delete", 12, "no_input");
    expect_error("account delete --confirm bob", 2, "not_confirmed");
    expect_error("account delete --confirm alice", 3, "unreachable");
    expect_error("account logout --erase", 12, "no_input");
    expect_error("account logout", 3, "unreachable");
    expect_error("account passwd", 12, "no_input");
    expect_error("contact lookup @bob", 3, "unreachable");
    expect("chats", 0);
}

static void account__held_by_another_process(void **state)
{
    (void)state;
    char path[300];
    (void)snprintf(path, sizeof path, "%s/lock", run_account_folder());
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    static const char text[] = "pid 4121\nsince 1\ncommand safetalk receive --follow\x1b[2J\n";
    assert_int_equal(write(fd, text, sizeof text - 1), (ssize_t)sizeof text - 1);
    expect_error("chats", 10, "held");
    assert_non_null(strstr(run.err, "@alice is in use"));
    assert_non_null(strstr(run.err, "pid 4121, safetalk receive --follow<U+001B>[2J, "));
    assert_non_null(strstr(run.err, "safetalk chats --lock-timeout 60"));
    close(fd);
    expect("chats", 0);
}

static void account__wrong_password_and_foreign_files(void **state)
{
    (void)state;
    char line[512];
    char path[300];
    (void)snprintf(path, sizeof path, "%s/other", run_folder());
    write_file(path, "wrong horse\n", 12);
    assert_int_equal(chmod(path, 0600), 0);
    (void)snprintf(line, sizeof line, "chats --password-file %s", path);
    expect_error(line, 6, "wrong_password");
    assert_int_equal(chmod(path, 0640), 0);
    expect_error(line, 2, "password_file_open");
    assert_null(strstr(run.err, "horse"));
    (void)snprintf(path, sizeof path, "%s/store.db", run_account_folder());
    write_file(path, "SQLite format 3\0 and more", 24);
    expect_error("chats", 17, "foreign_db");
    (void)snprintf(path, sizeof path, "%s/slots", run_account_folder());
    write_file(path, "x", 1);
    expect("chats", 17);
}

static void deny__transcript_check_forge(void **state)
{
    (void)state;
    char line[512];
    (void)snprintf(line, sizeof line, "deny transcript @bob -o %s/bob.stx", run_folder());
    expect(line, 0);
    assert_non_null(strstr(run.out, "@bob  0 messages"));
    expect_error(line, 2, "output_exists");
    (void)snprintf(line, sizeof line, "deny check %s/bob.stx", run_folder());
    expect(line, 0);
    (void)snprintf(line, sizeof line, "deny forge %s/bob.stx --message 9f01 -m text", run_folder());
    expect_error(line, 7, "no_such_message");
    (void)snprintf(line, sizeof line, "deny check %s/password", run_folder());
    expect_error(line, 2, "file_form");
    expect_error("deny transcript @nobody -o -", 7, "no_such_chat");
    expect_error("deny check /nonexistent/x.stx", 7, "no_such_file");
}

/* No secret in what anybody can see of the program. */
static void program__shows_no_secret(void **state)
{
    (void)state;
    char line[512];
    char log[256];
    static char text[65536];
    (void)snprintf(log, sizeof log, "%s/log", run_folder());
    (void)snprintf(line, sizeof line, "read @bob -v --log-file %s", log);
    expect(line, 0);
    FILE *file = fopen(log, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    assert_non_null(strstr(text, "safetalk read"));
    assert_null(strstr(text, "bob"));
    assert_null(strstr(text, "harbour"));
    assert_null(strstr(text, "horse"));
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)
    const struct CMUnitTest tests[] = {
        TEST(chats__lists_with_preview),
        TEST(read__shows_the_chat_and_marks_it),
        TEST(read__limits_and_times),
        TEST(read__json_has_every_message_and_escapes),
        TEST(status__works_offline),
        TEST(key__show_and_verify),
        TEST(receive__prints_once_what_waits),
        TEST(receive__json_has_event_numbers),
        TEST(send__without_a_server),
        TEST(send__checks_pictures),
        TEST(attachment__get__names_what_is_wrong),
        TEST(account__list_and_choice),
        TEST(account__create__before_anything_is_asked),
        TEST(account__what_dies_asks),
        TEST(account__held_by_another_process),
        TEST(account__wrong_password_and_foreign_files),
        TEST(deny__transcript_check_forge),
        TEST(program__shows_no_secret),
    };
    if (argc != 2 || sodium_init() < 0)
        return 1;
    run_use(argv[1]);
    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
