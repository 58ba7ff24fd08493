/* Chats and their messages. */
#include "tests/unit/store/store_fixture.h"

#include <stdio.h>
#include <stdlib.h>

/* A chat with @bob, whose messages the tests write. */
struct talk {
    struct store *store;
    int64_t chat;
    struct store_device bob;
    struct store_device us;
};

static struct talk begin_talk(struct fixture *fixture)
{
    struct talk talk = { .store = fixture->store, .bob = fixture_device(1, 1), .us = fixture_device(2, 1) };
    in_transaction(talk.store,
                   assert_ok(store_chat_open(talk.store, STORE_CHAT_PERSON, talk.bob.acct, "bob", 100, &talk.chat)));
    return talk;
}

/* An incoming message number `seq`, whose id begins with `seq` as one byte. */
static struct store_message incoming(const struct talk *talk, uint8_t seq)
{
    struct store_message message;
    memset(&message, 0, sizeof message);
    message.chat = talk->chat;
    message.sender = talk->bob;
    message.direction = STORE_IN;
    message.seq = seq;
    message.id[0] = seq;
    message.sent_at_ms = 1000 * seq;
    message.received_at_ms = 1000 * seq + 1;
    message.state = STORE_STATE_DELIVERED;
    message.shown = true;
    message.text = st_view_text("hello");
    return message;
}

static struct store_message outgoing(const struct talk *talk, uint8_t seq)
{
    struct store_message message = incoming(talk, seq);
    message.sender = talk->us;
    message.direction = STORE_OUT;
    message.id[0] = (uint8_t)(0x80 | seq);
    message.received_at_ms = 0;
    message.state = STORE_STATE_QUEUED;
    return message;
}

static int64_t add(const struct talk *talk, struct store_message message)
{
    int64_t row = 0;
    assert_ok(store_message_add(talk->store, &message, &row));
    assert_true(row > 0);
    return row;
}

/* Writes the first byte of each id, in hex, with a space behind. */
static enum st_err note_id(void *ctx, const struct store_message *message)
{
    char *at = (char *)ctx + strlen(ctx);
    snprintf(at, 4, "%02x ", message->id[0]);
    return ST_OK;
}

static void assert_ids(const struct talk *talk, struct store_message_query query, const char *expected)
{
    char ids[200] = "";
    assert_ok(store_message_each(talk->store, &query, note_id, ids));
    assert_string_equal(ids, expected);
}

static void chat__open__finds_again_and_renames(void **state)
{
    struct fixture *fixture = *state;
    struct talk talk = begin_talk(fixture);
    struct store_chat chat;
    int64_t again = 0;
    int64_t self = 0;
    in_transaction(talk.store, {
        assert_ok(store_chat_open(talk.store, STORE_CHAT_PERSON, talk.bob.acct, "bob", 200, &again));
        assert_int_equal(again, talk.chat);
        assert_ok(store_chat_open(talk.store, STORE_CHAT_SELF, talk.bob.acct, "me", 200, &self));
        assert_int_not_equal(self, talk.chat);
        assert_ok(store_chat_open(talk.store, STORE_CHAT_PERSON, talk.bob.acct, "bobby", 200, &again));
        assert_int_equal(store_chat_open(talk.store, STORE_CHAT_PERSON, talk.us.acct,
                                         "a_name_that_is_longer_than_32_byte", 1, &again),
                         ST_ELIMIT);
    });
    assert_ok(store_chat_get(talk.store, talk.chat, &chat));
    assert_string_equal(chat.name, "bobby");
    assert_int_equal(chat.kind, STORE_CHAT_PERSON);
    assert_int_equal(chat.last_at_ms, 100);
    assert_false(chat.has_last);
    assert_ok(store_chat_find_name(talk.store, STORE_CHAT_PERSON, "bobby", &chat));
    assert_int_equal(chat.id, talk.chat);
    assert_int_equal(store_chat_find_name(talk.store, STORE_CHAT_GROUP, "bobby", &chat), ST_ENOTFOUND);
    assert_ok(store_chat_find(talk.store, STORE_CHAT_SELF, talk.bob.acct, &chat));
    assert_int_equal(chat.id, self);
    assert_int_equal(store_chat_get(talk.store, 99, &chat), ST_ENOTFOUND);
}

static void chat__seq__rises(void **state)
{
    struct fixture *fixture = *state;
    struct talk talk = begin_talk(fixture);
    uint64_t seq = 0;
    in_transaction(talk.store, {
        for (uint64_t i = 1; i <= 3; i++) {
            assert_ok(store_chat_take_seq(talk.store, talk.chat, &seq));
            assert_int_equal(seq, i);
        }
        assert_int_equal(store_chat_take_seq(talk.store, 99, &seq), ST_ENOTFOUND);
        assert_ok(store_chat_get_shown(talk.store, talk.chat, &talk.bob, &seq));
        assert_int_equal(seq, 0);
        assert_ok(store_chat_set_shown(talk.store, talk.chat, &talk.bob, 7));
        assert_ok(store_chat_set_shown(talk.store, talk.chat, &talk.bob, 5));
        assert_ok(store_chat_get_shown(talk.store, talk.chat, &talk.bob, &seq));
        assert_int_equal(seq, 7);
        assert_ok(store_chat_get_shown(talk.store, talk.chat, &talk.us, &seq));
        assert_int_equal(seq, 0);
    });
}

static enum st_err note_chat(void *ctx, const struct store_chat *chat)
{
    char *at = (char *)ctx + strlen(ctx);
    snprintf(at, 60, "%s/%u ", chat->name, chat->unread);
    return ST_OK;
}

static void chat__each__latest_first(void **state)
{
    struct fixture *fixture = *state;
    struct talk bob = begin_talk(fixture);
    struct talk carol = bob;
    char chats[200] = "";
    in_transaction(bob.store, {
        assert_ok(store_chat_open(bob.store, STORE_CHAT_PERSON, bob.us.acct, "carol", 100, &carol.chat));
        add(&bob, incoming(&bob, 1));
        add(&bob, incoming(&bob, 2));
        add(&carol, outgoing(&carol, 9));
    });
    assert_ok(store_chat_each(bob.store, false, note_chat, chats));
    assert_string_equal(chats, "carol/0 bob/2 ");
    chats[0] = '\0';
    assert_ok(store_chat_each(bob.store, true, note_chat, chats));
    assert_string_equal(chats, "bob/2 ");
}

static void message__add__duplicate_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct talk talk = begin_talk(fixture);
    struct store_message message = incoming(&talk, 1);
    struct store_message out;
    struct st_buf text;
    int64_t first = 0;
    int64_t again = 0;
    st_buf_init(&text, 1000);
    in_transaction(talk.store, {
        first = add(&talk, message);
        message.text = st_view_text("another text under the same id");
        message.sender.dev = 2; /* the same account: still a duplicate */
        assert_int_equal(store_message_add(talk.store, &message, &again), ST_EEXISTS);
        assert_int_equal(again, first);
        message.sender = talk.us;
        add(&talk, message);
        message.chat = 99;
        assert_int_equal(store_message_add(talk.store, &message, &again), ST_ENOTFOUND);
    });
    assert_ok(store_message_get(talk.store, first, &out, &text));
    assert_true(st_view_equal(out.text, st_view_text("hello")));
    assert_int_equal(out.sender.dev, 1);
    assert_int_equal(out.seq, 1);
    assert_int_equal(out.order, 1);
    assert_int_equal(out.received_at_ms, 1001);
    assert_int_equal(out.attachments, 0);
    st_buf_free(&text);
}

static void message__add__limits(void **state)
{
    struct fixture *fixture = *state;
    struct talk talk = begin_talk(fixture);
    struct store_message message = incoming(&talk, 1);
    static char text[STORE_TEXT_MAX + 1];
    int64_t row = 0;
    memset(text, 't', sizeof text);
    message.text = st_view(text, sizeof text);
    in_transaction(talk.store, {
        assert_int_equal(store_message_add(talk.store, &message, &row), ST_ELIMIT);
        message.text.len--;
        add(&talk, message);
        message.id[1] = 1;
        message.text = st_view(NULL, 0);
        add(&talk, message);
        message.id[1] = 2;
        memset(message.reason, 'r', sizeof message.reason);
        assert_int_equal(store_message_add(talk.store, &message, &row), ST_ELIMIT);
    });
}

static void message__each__conditions(void **state)
{
    struct fixture *fixture = *state;
    struct talk talk = begin_talk(fixture);
    in_transaction(talk.store, {
        for (uint8_t i = 1; i <= 5; i++)
            add(&talk, incoming(&talk, i));
        add(&talk, outgoing(&talk, 6));
    });
    assert_ids(&talk, (struct store_message_query) { .chat = talk.chat }, "01 02 03 04 05 86 ");
    assert_ids(&talk, (struct store_message_query) { .last = 2 }, "05 86 ");
    assert_ids(&talk, (struct store_message_query) { .chat = talk.chat, .last = 3 }, "04 05 86 ");
    assert_ids(&talk, (struct store_message_query) { .since_ms = 3001 }, "03 04 05 86 ");
    assert_ids(&talk, (struct store_message_query) { .chat = talk.chat, .before_ms = 3001 }, "01 02 ");
    assert_ids(&talk, (struct store_message_query) { .chat = talk.chat, .before_ms = 5000, .last = 2 }, "03 04 ");
    assert_ids(&talk, (struct store_message_query) { .chat = 99 }, "");
    assert_ids(&talk, (struct store_message_query) { .unread_only = true }, "01 02 03 04 05 ");
    assert_ids(&talk, (struct store_message_query) { .chat = talk.chat, .unread_only = true, .last = 1 }, "05 ");
}

static void message__find__by_id_and_prefix(void **state)
{
    struct fixture *fixture = *state;
    struct talk talk = begin_talk(fixture);
    struct store_message message = incoming(&talk, 0x9f);
    char ids[100] = "";
    int64_t row = 0;
    int64_t found = 0;
    message.id[1] = 0x3c;
    message.id[2] = 0x21;
    struct store_message neighbour = message;
    neighbour.id[1] = 0x3d;
    struct store_message own = outgoing(&talk, 1);
    in_transaction(talk.store, {
        row = add(&talk, message);
        add(&talk, neighbour);
        add(&talk, own);
    });
    assert_ok(store_message_find(talk.store, talk.chat, talk.bob.acct, message.id, &found));
    assert_int_equal(found, row);
    assert_int_equal(store_message_find(talk.store, talk.chat, talk.us.acct, message.id, &found), ST_ENOTFOUND);
    assert_int_equal(store_message_find_own(talk.store, message.id, &found), ST_ENOTFOUND);
    assert_ok(store_message_find_own(talk.store, own.id, &found));

    static const struct {
        const char *hex;
        const char *ids;
    } cases[] = {
        { "9f3c", "9f " },
        { "9F3C21", "9f " },
        { "9f3c2", "9f " },
        { "9f3c3", "" },
        { "9f3d2", "9f " },
        { "8100", "81 " },
        { "9f3c2100000000000000000000000000", "9f " },
        { "9f3c2100000000000000000000000001", "" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ids[0] = '\0';
        assert_ok(store_message_find_prefix(talk.store, st_view_text(cases[i].hex), 10, note_id, ids));
        assert_string_equal(ids, cases[i].ids);
    }
    static const char *const bad[] = { "", "9f3", "9g3c", "9f3c 21", "9f3c21000000000000000000000000000" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(store_message_find_prefix(talk.store, st_view_text(bad[i]), 10, note_id, ids), ST_EMALFORMED);
    ids[0] = '\0';
    struct store_message third = neighbour;
    third.id[0] = 0x9f;
    third.id[3] = 1;
    in_transaction(talk.store, add(&talk, third));
    assert_ok(store_message_find_prefix(talk.store, st_view_text("9f3d"), 10, note_id, ids));
    assert_string_equal(ids, "9f 9f ");
    ids[0] = '\0';
    assert_ok(store_message_find_prefix(talk.store, st_view_text("9f3d"), 1, note_id, ids));
    assert_string_equal(ids, "9f ");
}

static enum store_state state_of(const struct talk *talk, int64_t row, char *reason)
{
    struct store_message out;
    struct st_buf text;
    st_buf_init(&text, STORE_TEXT_MAX);
    assert_ok(store_message_get(talk->store, row, &out, &text));
    st_buf_free(&text);
    if (reason != NULL)
        memcpy(reason, out.reason, sizeof out.reason);
    return out.state;
}

/* Every state to every state: it only rises. */
static void message__set_state__table(void **state)
{
    struct fixture *fixture = *state;
    struct talk talk = begin_talk(fixture);
    enum store_state all[] = { STORE_STATE_QUEUED, STORE_STATE_STORED, STORE_STATE_FAILED, STORE_STATE_DELIVERED,
                               STORE_STATE_READ };
    char reason[STORE_REASON_MAX + 1];
    bool changed = false;
    uint8_t seq = 0;
    for (size_t from = 0; from < 5; from++) {
        for (size_t to = 0; to < 5; to++) {
            struct store_message message = outgoing(&talk, ++seq);
            message.state = all[from];
            assert_ok(store_begin(talk.store));
            int64_t row = add(&talk, message);
            assert_ok(store_message_set_state(talk.store, row, all[to], "why", &changed));
            assert_int_equal(changed, to > from);
            assert_int_equal(state_of(&talk, row, reason), to > from ? all[to] : all[from]);
            assert_string_equal(reason, changed && all[to] == STORE_STATE_FAILED ? "why" : "");
            enum st_err wanted = state_of(&talk, row, NULL) == STORE_STATE_FAILED ? ST_OK : ST_EREFUSED;
            assert_int_equal(store_message_requeue(talk.store, row), wanted);
            assert_ok(store_commit(talk.store));
        }
    }
    in_transaction(talk.store, {
        assert_int_equal(store_message_set_state(talk.store, 999, STORE_STATE_READ, NULL, NULL), ST_ENOTFOUND);
        assert_int_equal(store_message_requeue(talk.store, 999), ST_ENOTFOUND);
    });
}

static void message__mark_read__up_to(void **state)
{
    struct fixture *fixture = *state;
    struct talk talk = begin_talk(fixture);
    char ids[100] = "";
    uint64_t unread = 0;
    in_transaction(talk.store, {
        for (uint8_t i = 1; i <= 4; i++)
            add(&talk, incoming(&talk, i));
        add(&talk, outgoing(&talk, 5));
        assert_ok(store_message_mark_read(talk.store, talk.chat, 2, note_id, ids));
        assert_string_equal(ids, "01 02 ");
        assert_ok(store_message_mark_read(talk.store, talk.chat, 2, note_id, ids));
        assert_string_equal(ids, "01 02 ");
    });
    assert_ok(store_message_count_unread(talk.store, &unread));
    assert_int_equal(unread, 2);
    assert_ids(&talk, (struct store_message_query) { .chat = talk.chat, .unread_only = true }, "03 04 ");
    in_transaction(talk.store, assert_ok(store_message_mark_read(talk.store, talk.chat, UINT64_MAX, NULL, NULL)));
    assert_ok(store_message_count_unread(talk.store, &unread));
    assert_int_equal(unread, 0);
}

static enum st_err note_event(void *ctx, const struct store_event *event)
{
    char *at = (char *)ctx + strlen(ctx);
    snprintf(at, 60, "%d:%d ", (int)event->number, (int)event->type);
    return ST_OK;
}

static void message__held__shown_later(void **state)
{
    struct fixture *fixture = *state;
    struct talk talk = begin_talk(fixture);
    char ids[100] = "";
    char events[100] = "";
    uint64_t unread = 0;
    int64_t rows[2] = { 0, 0 };
    struct store_message held = incoming(&talk, 3);
    held.shown = false;
    in_transaction(talk.store, {
        rows[1] = add(&talk, held);
        held = incoming(&talk, 2);
        held.shown = false;
        rows[0] = add(&talk, held);
        add(&talk, incoming(&talk, 1));
    });
    assert_ids(&talk, (struct store_message_query) { .chat = talk.chat }, "01 ");
    assert_ok(store_message_count_unread(talk.store, &unread));
    assert_int_equal(unread, 1);
    assert_ok(store_message_each_held(talk.store, talk.chat, &talk.bob, note_id, ids));
    assert_string_equal(ids, "02 03 ");
    ids[0] = '\0';
    assert_ok(store_message_each_held(talk.store, talk.chat, &talk.us, note_id, ids));
    assert_string_equal(ids, "");
    assert_ok(store_message_each_held(talk.store, 0, NULL, note_id, ids));
    assert_string_equal(ids, "02 03 ");
    in_transaction(talk.store, {
        for (size_t i = 0; i < 2; i++) {
            assert_ok(store_message_show(talk.store, rows[i]));
            assert_ok(store_message_show(talk.store, rows[i]));
        }
        assert_int_equal(store_message_show(talk.store, 999), ST_ENOTFOUND);
    });
    assert_ids(&talk, (struct store_message_query) { .chat = talk.chat }, "01 02 03 ");
    assert_ok(store_event_each(talk.store, "default", 10, note_event, events));
    assert_string_equal(events, "1:1 2:1 3:1 ");
}

static void message__delete__leaves_a_tombstone(void **state)
{
    struct fixture *fixture = *state;
    struct talk talk = begin_talk(fixture);
    struct store_message message = incoming(&talk, 1);
    struct store_message out;
    struct store_attachment file = { .index = 1 };
    struct st_buf text;
    uint64_t unread = 0;
    int64_t row = 0;
    int64_t again = 0;
    st_buf_init(&text, 1000);
    in_transaction(talk.store, {
        row = add(&talk, message);
        file.message = row;
        assert_ok(store_attachment_add(talk.store, &file));
        assert_ok(store_message_delete(talk.store, row));
        assert_int_equal(store_message_delete(talk.store, 99), ST_ENOTFOUND);
    });
    assert_ok(store_message_get(talk.store, row, &out, &text));
    assert_true(out.deleted);
    assert_int_equal(out.text.len, 0);
    assert_int_equal(out.attachments, 0);
    assert_ok(store_message_count_unread(talk.store, &unread));
    assert_int_equal(unread, 0);
    in_transaction(talk.store, assert_int_equal(store_message_add(talk.store, &message, &again), ST_EEXISTS));
    st_buf_free(&text);
}

static void chat__clear__numbers_stay(void **state)
{
    struct fixture *fixture = *state;
    struct talk talk = begin_talk(fixture);
    struct store_chat chat;
    char seen[100] = "";
    uint64_t seq = 0;
    in_transaction(talk.store, {
        add(&talk, incoming(&talk, 1));
        assert_ok(store_chat_take_seq(talk.store, talk.chat, &seq));
        assert_ok(store_chat_set_shown(talk.store, talk.chat, &talk.bob, 1));
        assert_ok(store_event_add(talk.store, STORE_EVENT_NOTICE, talk.chat, st_view_text("n"), 1));
        assert_ok(store_chat_clear(talk.store, talk.chat));
    });
    assert_ids(&talk, (struct store_message_query) { .chat = 0 }, "");
    assert_ok(store_event_each(talk.store, "default", 10, note_event, seen));
    assert_ok(store_chat_each(talk.store, false, note_chat, seen));
    assert_string_equal(seen, "");
    assert_ok(store_chat_get(talk.store, talk.chat, &chat));
    assert_int_equal(chat.next_seq, 2);
    assert_ok(store_chat_get_shown(talk.store, talk.chat, &talk.bob, &seq));
    assert_int_equal(seq, 1);
}

#define in_memory(test) cmocka_unit_test_setup_teardown(test, fixture_open_memory, fixture_tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        in_memory(chat__open__finds_again_and_renames),
        in_memory(chat__seq__rises),
        in_memory(chat__each__latest_first),
        in_memory(message__add__duplicate_changes_nothing),
        in_memory(message__add__limits),
        in_memory(message__each__conditions),
        in_memory(message__find__by_id_and_prefix),
        in_memory(message__set_state__table),
        in_memory(message__mark_read__up_to),
        in_memory(message__held__shown_later),
        in_memory(message__delete__leaves_a_tombstone),
        in_memory(chat__clear__numbers_stay),
    };
    return cmocka_run_group_tests_name("store_talk", tests, NULL, NULL);
}
