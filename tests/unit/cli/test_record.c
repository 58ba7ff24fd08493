#include "tests/unit/cli/cli_test.h"

#include <cjson/cJSON.h>

#include "client/cli/encode.h"
#include "client/cli/human.h"
#include "client/cli/json.h"

static const int64_t AT = INT64_C(1764079267250); /* 2025-11-25T14:01:07.250Z */

static const char ID[] = "9f3c21aa0123456789abcdef01234567";

static struct record sent_record(void)
{
    struct record record;
    record_init(&record, RECORD_SENT);
    record.as.sent.id = ID;
    record.as.sent.to = "@bob";
    record.as.sent.state = "stored";
    record.as.sent.queued_at = AT;
    return record;
}

static struct record message_record(void)
{
    struct record record;
    record_init(&record, RECORD_MESSAGE);
    struct record_message *m = &record.as.message;
    m->id = ID;
    m->chat = m->from = "@alice";
    m->direction = "in";
    m->seq = 3;
    m->sent_at = m->received_at = AT;
    m->kind = "text";
    m->text = "Look at the harbour";
    m->state = "delivered";
    m->trust = "unverified";
    return record;
}

static void expect_json(const struct record *record, const char *json)
{
    struct st_buf out;
    st_buf_init(&out, 1 << 20);
    encode_json(&out, record);
    assert_string_equal(buf_text(&out), json);
    st_buf_free(&out);
}

static void json__sent__is_the_line_of_the_manual(void **state)
{
    (void)state;
    struct record record = sent_record();
    expect_json(&record, "{\"v\":1,\"type\":\"sent\",\"id\":\"9f3c21aa0123456789abcdef01234567\",\"to\":\"@bob\","
                         "\"state\":\"stored\",\"attachments\":[],\"queued_at\":\"2025-11-25T14:01:07.250Z\"}");
    record.as.sent.code = 11;
    record.as.sent.reason = "unreachable";
    record.event = 7;
    expect_json(&record,
                "{\"v\":1,\"type\":\"sent\",\"id\":\"9f3c21aa0123456789abcdef01234567\",\"to\":\"@bob\","
                "\"state\":\"stored\",\"attachments\":[],\"queued_at\":\"2025-11-25T14:01:07.250Z\",\"code\":11,"
                "\"reason\":\"unreachable\",\"event\":7}");
}

static void json__nested__parts_and_policy(void **state)
{
    (void)state;
    struct record_part part = { "9f3c.1", "harbour.png", "image/png", 3000000, NULL, "local", "/home/x" };
    struct record record = sent_record();
    record.as.sent.attachments.items = &part;
    record.as.sent.attachments.count = 1;
    expect_json(&record, "{\"v\":1,\"type\":\"sent\",\"id\":\"9f3c21aa0123456789abcdef01234567\",\"to\":\"@bob\","
                         "\"state\":\"stored\",\"attachments\":[{\"id\":\"9f3c.1\",\"name\":\"harbour.png\",\"mime\":"
                         "\"image/png\",\"bytes\":3000000,\"state\":\"local\",\"path\":\"/home/x\"}],"
                         "\"queued_at\":\"2025-11-25T14:01:07.250Z\"}");
    record_init(&record, RECORD_STATUS);
    record.as.status.account = "@alice";
    record.as.status.device_id = "00000001";
    record.as.status.server = "chat.example.org:7420";
    record.as.status.unread = record.as.status.outbox = record.as.status.prekeys = record.as.status.no_opk_count = 0;
    record.as.status.policy.registration = "invite";
    record.as.status.policy.retention_s = 2592000;
    record.as.status.policy.mailbox_bytes = 1;
    record.as.status.policy.blob_bytes = 2;
    expect_json(&record,
                "{\"v\":1,\"type\":\"status\",\"account\":\"@alice\",\"device_id\":\"00000001\",\"server\":"
                "\"chat.example.org:7420\",\"connected\":false,\"unread\":0,\"outbox\":0,\"locked\":false,"
                "\"prekeys\":0,\"no_opk_count\":0,\"policy\":{\"registration\":\"invite\",\"retention_s\":2592000,"
                "\"mailbox_bytes\":1,\"blob_bytes\":2}}");
}

static void json__text__escapes_what_the_sanitiser_hides(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *json;
    } cases[] = {
        { "a\"b\\c/d", "\"a\\\"b\\\\c/d\"" },
        { "a\nb\tc\rd", "\"a\\nb\\tc\\u000dd\"" },
        { "\x1b[31m\x7f", "\"\\u001b[31m\\u007f\"" },
        { "x\xE2\x80\xAEy", "\"x\\u202ey\"" },
        { "\xE2\x80\xA8", "\"\\u2028\"" },
        { "\xF3\xA0\x81\xA1", "\"\\udb40\\udc61\"" },
        { "\xFF", "\"\\ufffd\"" },
        { "Grüße \xF0\x9F\x98\x80", "\"Grüße \xF0\x9F\x98\x80\"" },
        { "\xC2\x9B", "\"\\u009b\"" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct st_buf out;
        struct json json;
        st_buf_init(&out, 4096);
        json_init(&json, &out);
        json_text(&json, st_view_text(cases[i].text));
        assert_string_equal(buf_text(&out), cases[i].json);
        st_buf_free(&out);
    }
}

/* Fills every text of a record with the same hostile text, every number with 7. */
static void fill(struct record *record, const char *text)
{
    const struct record_type *type = record_type(record->kind);
    int64_t seven = 7;
    for (size_t i = 0; i < type->count; i++) {
        char *at = (char *)record + type->fields[i].offset;
        if (type->fields[i].kind == RECORD_FIELD_TEXT)
            memcpy(at, &text, sizeof text);
        else if (type->fields[i].kind == RECORD_FIELD_INT || type->fields[i].kind == RECORD_FIELD_TIME ||
                 type->fields[i].kind == RECORD_FIELD_MAYBE)
            memcpy(at, &seven, sizeof seven);
    }
}

static void json__every_kind__is_json_with_its_fields_in_order(void **state)
{
    (void)state;
    static const char hostile[] = "a\x1b[2J\n\t\"\\\xFF\xE2\x80\xAE{}[],:\x7f";
    for (int kind = 0; kind < RECORD_KINDS; kind++) {
        struct record record;
        struct st_buf out;
        record_init(&record, (enum record_kind)kind);
        fill(&record, hostile);
        record.event = 1;
        st_buf_init(&out, 1 << 20);
        encode_json(&out, &record);
        assert_null(memchr(out.p, '\n', out.len));
        cJSON *object = cJSON_Parse(buf_text(&out));
        assert_non_null(object);
        const struct record_type *type = record_type((enum record_kind)kind);
        const cJSON *member = object->child;
        assert_string_equal(member->string, "v");
        member = member->next;
        assert_string_equal(member->string, "type");
        assert_string_equal(member->valuestring, type->name);
        for (size_t i = 0; i < type->count; i++) {
            member = member->next;
            assert_non_null(member);
            assert_string_equal(member->string, type->fields[i].name);
        }
        member = member->next;
        assert_string_equal(member->string, "event");
        assert_null(member->next);
        cJSON_Delete(object);
        st_buf_free(&out);
    }
}

static void json__absent_fields__are_left_out(void **state)
{
    (void)state;
    for (int kind = 0; kind < RECORD_KINDS; kind++) {
        struct record record;
        struct st_buf out;
        record_init(&record, (enum record_kind)kind);
        st_buf_init(&out, 1 << 20);
        encode_json(&out, &record);
        cJSON *object = cJSON_Parse(buf_text(&out));
        assert_non_null(object);
        const struct record_type *type = record_type((enum record_kind)kind);
        for (size_t i = 0; i < type->count; i++)
            assert_int_equal(cJSON_HasObjectItem(object, type->fields[i].name), !type->fields[i].optional);
        cJSON_Delete(object);
        st_buf_free(&out);
    }
}

static void plain__every_kind__has_all_its_columns(void **state)
{
    (void)state;
    for (int kind = 0; kind < RECORD_KINDS; kind++) {
        struct record record;
        struct st_buf out;
        record_init(&record, (enum record_kind)kind);
        fill(&record, "a\tb\nc\\d\x1b");
        st_buf_init(&out, 1 << 20);
        encode_plain(&out, &record);
        size_t tabs = 0;
        for (size_t i = 0; i < out.len; i++) {
            tabs += out.p[i] == '\t';
            assert_true(out.p[i] >= 0x20 || out.p[i] == '\t');
        }
        assert_int_equal(tabs, record_type((enum record_kind)kind)->count + 1);
        st_buf_free(&out);
    }
    struct record record = sent_record();
    struct st_buf out;
    record.as.sent.to = "a\tb\nc\\d\x1b";
    st_buf_init(&out, 4096);
    encode_plain(&out, &record);
    assert_string_equal(buf_text(&out), "sent\t9f3c21aa0123456789abcdef01234567\ta\\tb\\nc\\\\d<U+001B>\tstored\t[]\t"
                                        "2025-11-25T14:01:07.250Z\t\t\t\t");
    st_buf_free(&out);
}

/* The human lines of some records. */
static void expect_human(const struct record *records, size_t count, size_t width, bool days, const char *lines)
{
    struct st_buf out;
    struct layout_table *table = layout_table_new();
    struct human human = { &out, table, false, false, width, AT, days, "" };
    st_buf_init(&out, 1 << 20);
    for (size_t i = 0; i < count; i++)
        human_record(&human, &records[i]);
    human_flush(&human);
    assert_string_equal(buf_text(&out), lines);
    st_buf_free(&out);
    layout_table_free(&table);
}

static void human__message__is_the_line_of_the_manual(void **state)
{
    (void)state;
    struct record_part part = {
        "9f3c21aa0123456789abcdef01234567.1", "harbour.png", "image/png", 2999000, NULL, "remote", NULL
    };
    struct record record = message_record();
    record.as.message.attachments.items = &part;
    record.as.message.attachments.count = 1;
    expect_human(&record, 1, 0, true,
                 "Tue 25 Nov 2025\n"
                 "14:01  @alice  9f3c21aa  Look at the harbour\n"
                 "        9f3c21aa.1  harbour.png  image/png  3.0 MB\n");
    struct record sent = sent_record();
    expect_human(&sent, 1, 0, false, "stored  9f3c21aa  @bob\n");
}

static void human__message__days_are_said_once(void **state)
{
    (void)state;
    struct record records[3] = { message_record(), message_record(), message_record() };
    records[1].as.message.received_at = AT + 1000;
    records[2].as.message.received_at = AT + INT64_C(86400000);
    expect_human(records, 3, 0, true,
                 "Tue 25 Nov 2025\n"
                 "14:01  @alice  9f3c21aa  Look at the harbour\n"
                 "14:01  @alice  9f3c21aa  Look at the harbour\n"
                 "Wed 26 Nov 2025\n"
                 "14:01  @alice  9f3c21aa  Look at the harbour\n");
}

/* No line that a text makes begins like one of ours: with a clock, a date, or the 8 columns of a file. */
static void human__message__text_cannot_imitate_our_lines(void **state)
{
    (void)state;
    static const char text[] = "hi\n14:02  @bob  deadbeef  I agree\n        9f3c21aa.2  x.png  image/png  1 B\n"
                               "\rWed 25 Nov 2026\x1b[1A\xE2\x80\xA8stored  9f3c21aa  @bob";
    static const size_t widths[] = { 0, 20, 40, 80, 200 };
    for (size_t w = 0; w < sizeof widths / sizeof widths[0]; w++) {
        struct record record = message_record();
        struct st_buf out;
        struct layout_table *table = layout_table_new();
        struct human human = { &out, table, false, false, widths[w], AT, false, "" };
        record.as.message.text = text;
        st_buf_init(&out, 1 << 20);
        human_record(&human, &record);
        const char *line = strchr(buf_text(&out), '\n') + 1;
        while (*line != '\0') {
            assert_true(strspn(line, " ") >= HUMAN_TEXT_INDENT_MIN);
            line += strcspn(line, "\n") + 1;
        }
        assert_null(memchr(out.p, '\x1b', out.len));
        assert_null(memchr(out.p, '\r', out.len));
        st_buf_free(&out);
        layout_table_free(&table);
    }
}

static void human__file_names__stay_in_their_line(void **state)
{
    (void)state;
    struct record_part part = { "9f3c21aa.1", "a\nb\x1b]0;x\x07.png", "image/png\n", 10, NULL, "remote", NULL };
    struct record record = message_record();
    record.as.message.text = NULL;
    record.as.message.kind = "file";
    record.as.message.attachments.items = &part;
    record.as.message.attachments.count = 1;
    expect_human(&record, 1, 0, false,
                 "14:01  @alice  9f3c21aa\n"
                 "        9f3c21aa.1  a<U+000A>b<U+001B>]0;x<U+0007>.png  image/png<U+000A>  10 B\n");
}

static void human__unknown_and_deleted__say_so(void **state)
{
    (void)state;
    struct record record = message_record();
    record.as.message.kind = "unknown";
    expect_human(&record, 1, 0, false, "14:01  @alice  9f3c21aa  <needs a newer version of safetalk>\n");
    record.as.message.deleted = 1;
    expect_human(&record, 1, 0, false, "14:01  @alice  9f3c21aa  <deleted>\n");
}

static void human__lists__are_aligned(void **state)
{
    (void)state;
    struct record chats[2];
    for (size_t i = 0; i < 2; i++) {
        record_init(&chats[i], RECORD_CHAT);
        chats[i].as.chat.chat = i == 0 ? "@bob" : "@caroline";
        chats[i].as.chat.unread = i == 0 ? 2 : 0;
        chats[i].as.chat.last_at = AT - (int64_t)i * INT64_C(86400000) * 40;
        chats[i].as.chat.last_text = i == 0 ? "see you at 8" : "one\ntwo";
    }
    expect_human(chats, 2, 0, false,
                 "@bob       2 new  14:01   see you at 8\n"
                 "@caroline         16 Oct  one…\n");
    struct record outbox;
    record_init(&outbox, RECORD_OUTBOX);
    outbox.as.outbox.id = ID;
    outbox.as.outbox.to = "@bob";
    outbox.as.outbox.state = "queued";
    outbox.as.outbox.attempts = 1;
    outbox.as.outbox.next_try_at = AT;
    expect_human(&outbox, 1, 0, false, "queued  9f3c21aa  @bob  1 try  next 14:01\n");
}

static void human__gap__says_how_many_and_when(void **state)
{
    (void)state;
    struct record record;
    record_init(&record, RECORD_GAP);
    record.as.gap.chat = record.as.gap.from = "@bob";
    record.as.gap.count = 2;
    record.as.gap.asked_at = AT;
    expect_human(&record, 1, 0, false, "        2 messages from @bob are missing; asked again.\n");
    record.as.gap.after_at = AT + 60000;
    record.as.gap.before_at = AT + 240000;
    expect_human(&record, 1, 0, false,
                 "        2 messages from @bob are missing between 14:02 and 14:05; asked again.\n");
    record.as.gap.count = 1;
    record.as.gap.asked_at = RECORD_NONE;
    expect_human(&record, 1, 0, false, "        1 message from @bob is missing between 14:02 and 14:05.\n");
}

static void human__safety_number__twelve_groups(void **state)
{
    (void)state;
    struct record record;
    record_init(&record, RECORD_SAFETY_NUMBER);
    record.as.safety_number.contact = "@bob";
    record.as.safety_number.trust = "unverified";
    record.as.safety_number.digits = "012345678901234567890123456789987654321098765432109876543210";
    expect_human(&record, 1, 0, false,
                 "@bob  unverified\n"
                 "01234 56789 01234 56789 01234 56789\n"
                 "98765 43210 98765 43210 98765 43210\n");
    record.as.safety_number.result = "match";
    expect_human(&record, 1, 0, false, "verified  @bob\n");
    record.as.safety_number.result = "mismatch";
    expect_human(&record, 1, 0, false, "DOES NOT MATCH  @bob\n");
}

static void human__error__three_lines(void **state)
{
    (void)state;
    struct record record;
    struct st_buf out;
    struct layout_table *table = layout_table_new();
    struct human human = { &out, table, false, false, 0, AT, false, "" };
    record_init(&record, RECORD_ERROR);
    record.as.error.code = 13;
    record.as.error.reason = "invite_mistyped";
    record.as.error.message = "7QK2-M9DX-4TR5 is not an invite code";
    record.as.error.why = "one character is wrong, or two are swapped. Nothing was sent.";
    record.as.error.next = "safetalk account create bob --server ADDR --invite CODE";
    st_buf_init(&out, 65536);
    human_error(&human, &record.as.error);
    assert_string_equal(buf_text(&out), "safetalk: 7QK2-M9DX-4TR5 is not an invite code [13 invite_mistyped]\n"
                                        "  Why:  one character is wrong, or two are swapped. Nothing was sent.\n"
                                        "  Next: safetalk account create bob --server ADDR --invite CODE\n");
    st_buf_free(&out);
    layout_table_free(&table);
}

static void human__bytes__rounds(void **state)
{
    (void)state;
    static const struct {
        int64_t bytes;
        const char *text;
    } cases[] = { { 0, "0 B" },
                  { 999, "999 B" },
                  { 1000, "1.0 kB" },
                  { 1049, "1.0 kB" },
                  { 1050, "1.1 kB" },
                  { 2999000, "3.0 MB" },
                  { 67108864, "67.1 MB" },
                  { 1073741824, "1.1 GB" },
                  { INT64_C(2000000000000), "2.0 TB" } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[HUMAN_BYTES_TEXT];
        human_bytes(text, cases[i].bytes);
        assert_string_equal(text, cases[i].text);
    }
}

/* Nothing that a record holds reaches a terminal as a control. */
static void human__every_kind__is_clean(void **state)
{
    (void)state;
    static const char hostile[] = "a\x1b[2J\x9b\xC2\x9B\r\xFF\xE2\x80\xAE\x7f\x07";
    for (int kind = 0; kind < RECORD_KINDS; kind++) {
        struct record record;
        struct st_buf out;
        struct layout_table *table = layout_table_new();
        struct human human = { &out, table, false, false, 40, AT, true, "" };
        record_init(&record, (enum record_kind)kind);
        fill(&record, hostile);
        st_buf_init(&out, 1 << 20);
        human_record(&human, &record);
        if (kind == RECORD_ERROR)
            human_error(&human, &record.as.error);
        human_flush(&human);
        for (size_t i = 0; i < out.len; i++)
            assert_true((out.p[i] >= 0x20 && out.p[i] != 0x7F) || out.p[i] == '\n');
        st_buf_free(&out);
        layout_table_free(&table);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json__sent__is_the_line_of_the_manual),
        cmocka_unit_test(json__nested__parts_and_policy),
        cmocka_unit_test(json__text__escapes_what_the_sanitiser_hides),
        cmocka_unit_test(json__every_kind__is_json_with_its_fields_in_order),
        cmocka_unit_test(json__absent_fields__are_left_out),
        cmocka_unit_test(plain__every_kind__has_all_its_columns),
        cmocka_unit_test(human__message__is_the_line_of_the_manual),
        cmocka_unit_test(human__message__days_are_said_once),
        cmocka_unit_test(human__message__text_cannot_imitate_our_lines),
        cmocka_unit_test(human__file_names__stay_in_their_line),
        cmocka_unit_test(human__unknown_and_deleted__say_so),
        cmocka_unit_test(human__lists__are_aligned),
        cmocka_unit_test(human__gap__says_how_many_and_when),
        cmocka_unit_test(human__safety_number__twelve_groups),
        cmocka_unit_test(human__error__three_lines),
        cmocka_unit_test(human__bytes__rounds),
        cmocka_unit_test(human__every_kind__is_clean),
    };
    (void)setenv("TZ", "UTC", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
