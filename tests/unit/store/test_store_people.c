/* Contacts, device lists, devices seen, changed keys. */
#include <stdio.h>
#include "tests/unit/store/store_fixture.h"

static struct store_contact make_contact(unsigned seed, const char *name)
{
    struct store_contact contact;
    memset(&contact, 0, sizeof contact);
    fixture_fill(contact.acct, sizeof contact.acct, seed);
    fixture_fill(contact.ak, sizeof contact.ak, 100 + seed);
    memcpy(contact.name, name, strlen(name));
    contact.relation = STORE_ACCEPTED;
    contact.first_at_ms = 1000 + (int64_t)seed;
    return contact;
}

enum { NAMES_BYTES = 100 };

static enum st_err note_name(void *ctx, const struct store_contact *contact)
{
    char *names = ctx; /* NAMES_BYTES */
    size_t len = strlen(names);
    snprintf(names + len, NAMES_BYTES - len, "%s ", contact->name);
    return ST_OK;
}

static void contact__put__get_find_each(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    struct store_contact bob = make_contact(1, "bob");
    struct store_contact carol = make_contact(2, "carol");
    struct store_contact out;
    char names[NAMES_BYTES] = "";
    assert_int_equal(store_contact_find(store, "bob", &out), ST_ENOTFOUND);
    memset(bob.note, 'n', STORE_NOTE_MAX);
    memset(bob.nickname, 'k', STORE_NICKNAME_MAX);
    in_transaction(store, {
        assert_ok(store_contact_put(store, &carol));
        assert_ok(store_contact_put(store, &bob));
    });
    assert_ok(store_contact_get(store, bob.acct, &out));
    assert_memory_equal(out.ak, bob.ak, 32);
    assert_string_equal(out.note, bob.note);
    assert_string_equal(out.nickname, bob.nickname);
    assert_int_equal(out.relation, STORE_ACCEPTED);
    assert_int_equal(out.trust, STORE_UNVERIFIED);
    assert_int_equal(out.first_at_ms, 1001);
    bob.request_count = 3;
    bob.relation = STORE_REQUESTED;
    in_transaction(store, assert_ok(store_contact_put(store, &bob)));
    assert_ok(store_contact_find(store, "bob", &out));
    assert_int_equal(out.request_count, 3);
    assert_int_equal(out.relation, STORE_REQUESTED);
    assert_int_equal(store_contact_find(store, "BOB", &out), ST_ENOTFOUND);
    assert_ok(store_contact_each(store, note_name, names));
    assert_string_equal(names, "bob carol ");
}

static void contact__put__name_of_another(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    struct store_contact bob = make_contact(1, "bob");
    struct store_contact other = make_contact(2, "bob");
    struct store_contact out;
    in_transaction(store, {
        assert_ok(store_contact_put(store, &bob));
        assert_int_equal(store_contact_put(store, &other), ST_EEXISTS);
    });
    assert_ok(store_contact_find(store, "bob", &out));
    assert_memory_equal(out.acct, bob.acct, STORE_ACCT_BYTES);
    memset(bob.note, 'n', sizeof bob.note);
    in_transaction(store, assert_int_equal(store_contact_put(store, &bob), ST_ELIMIT));
}

static void contact__set_and_delete(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    struct store_contact bob = make_contact(1, "bob");
    struct store_list list = { .seq = 1, .len = 3 };
    struct store_contact out;
    in_transaction(store, {
        assert_int_equal(store_contact_set_trust(store, bob.acct, STORE_VERIFIED), ST_ENOTFOUND);
        assert_ok(store_contact_put(store, &bob));
        assert_ok(store_list_put(store, bob.acct, &list));
        assert_ok(store_contact_set_trust(store, bob.acct, STORE_VERIFIED));
        assert_ok(store_contact_set_relation(store, bob.acct, STORE_BLOCKED));
        assert_ok(store_contact_get(store, bob.acct, &out));
        assert_int_equal(out.trust, STORE_VERIFIED);
        assert_int_equal(out.relation, STORE_BLOCKED);
        assert_ok(store_contact_delete(store, bob.acct));
        assert_int_equal(store_contact_get(store, bob.acct, &out), ST_ENOTFOUND);
        assert_int_equal(store_list_get(store, bob.acct, &list), ST_ENOTFOUND);
    });
}

static void list__put__only_upwards(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    struct store_device bob = fixture_device(1, 1);
    struct store_list list = { .seq = 5, .expires_s = 77, .fetched_at_ms = 88, .len = STORE_LIST_MAX };
    struct store_list out;
    fixture_fill(list.bytes, sizeof list.bytes, 1);
    fixture_fill(list.hash16, sizeof list.hash16, 2);
    assert_int_equal(store_list_get(store, bob.acct, &out), ST_ENOTFOUND);
    in_transaction(store, assert_ok(store_list_put(store, bob.acct, &list)));
    assert_ok(store_list_get(store, bob.acct, &out));
    assert_int_equal(out.seq, 5);
    assert_int_equal(out.expires_s, 77);
    assert_int_equal(out.fetched_at_ms, 88);
    assert_int_equal(out.claimed_seq, 0);
    assert_int_equal(out.len, STORE_LIST_MAX);
    assert_memory_equal(out.bytes, list.bytes, STORE_LIST_MAX);
    assert_memory_equal(out.hash16, list.hash16, STORE_HASH16_BYTES);
    list.claimed_seq = 6;
    list.claimed_at_ms = 99;
    in_transaction(store, {
        assert_ok(store_list_put(store, bob.acct, &list));
        list.seq = 4;
        assert_int_equal(store_list_put(store, bob.acct, &list), ST_ECONFLICT);
        list.seq = 6;
        list.len = STORE_LIST_MAX + 1;
        assert_int_equal(store_list_put(store, bob.acct, &list), ST_ELIMIT);
    });
    assert_ok(store_list_get(store, bob.acct, &out));
    assert_int_equal(out.seq, 5);
    assert_int_equal(out.claimed_seq, 6);
    assert_int_equal(out.claimed_at_ms, 99);
}

static enum st_err note_dev(void *ctx, const struct store_seen_device *device)
{
    uint64_t *sum = ctx;
    *sum = 100 * *sum + 10 * device->id.dev + device->removed;
    return ST_OK;
}

static void seen__add__never_changes_never_comes_back(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    struct store_seen_device first = { .id = fixture_device(1, 1), .added_s = 10 };
    struct store_seen_device out;
    uint64_t seen = 0;
    fixture_fill(first.dsk, 32, 1);
    fixture_fill(first.dik, 32, 2);
    struct store_seen_device second = first;
    second.id.dev = 2;
    struct store_seen_device other_key = first;
    other_key.dik[0] ^= 1;
    struct store_seen_device other_signer = first;
    other_signer.dsk[0] ^= 1;
    struct store_seen_device other_date = first;
    other_date.added_s++;
    in_transaction(store, {
        assert_ok(store_seen_add(store, &second));
        assert_ok(store_seen_add(store, &first));
        assert_int_equal(store_seen_add(store, &first), ST_EEXISTS);
        assert_int_equal(store_seen_add(store, &other_key), ST_ECONFLICT);
        assert_int_equal(store_seen_add(store, &other_signer), ST_ECONFLICT);
        assert_int_equal(store_seen_add(store, &other_date), ST_ECONFLICT);
        assert_ok(store_seen_remove(store, &second.id));
        assert_int_equal(store_seen_add(store, &second), ST_ECONFLICT);
        second.id.dev = 3;
        assert_int_equal(store_seen_remove(store, &second.id), ST_ENOTFOUND);
    });
    assert_ok(store_seen_get(store, &first.id, &out));
    assert_memory_equal(out.dsk, first.dsk, 32);
    assert_memory_equal(out.dik, first.dik, 32);
    assert_int_equal(store_seen_get(store, &second.id, &out), ST_ENOTFOUND);
    assert_ok(store_seen_each(store, first.id.acct, note_dev, &seen));
    assert_int_equal(seen, 1021);
}

static void pending__set_get_drop(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    struct store_contact bob = make_contact(1, "bob");
    struct store_contact contact;
    struct store_pending_key pending = { .seen_at_ms = 5, .list_len = 7 };
    struct store_pending_key out;
    fixture_fill(pending.acct, sizeof pending.acct, 50);
    fixture_fill(pending.ak, sizeof pending.ak, 51);
    fixture_fill(pending.list, 7, 52);
    bob.trust = STORE_VERIFIED;
    in_transaction(store, {
        assert_int_equal(store_contact_set_pending(store, bob.acct, &pending), ST_ENOTFOUND);
        assert_ok(store_contact_put(store, &bob));
        assert_ok(store_contact_set_pending(store, bob.acct, &pending));
    });
    assert_ok(store_contact_get(store, bob.acct, &contact));
    assert_int_equal(contact.trust, STORE_CHANGED);
    assert_ok(store_contact_get_pending(store, bob.acct, &out));
    assert_memory_equal(out.acct, pending.acct, STORE_ACCT_BYTES);
    assert_memory_equal(out.ak, pending.ak, 32);
    assert_int_equal(out.seen_at_ms, 5);
    assert_int_equal(out.list_len, 7);
    assert_memory_equal(out.list, pending.list, 7);
    in_transaction(store, {
        pending.list_len = STORE_LIST_MAX + 1;
        assert_int_equal(store_contact_set_pending(store, bob.acct, &pending), ST_ELIMIT);
        assert_ok(store_contact_drop_pending(store, bob.acct));
        assert_int_equal(store_contact_adopt(store, bob.acct, STORE_UNVERIFIED), ST_ENOTFOUND);
    });
    assert_int_equal(store_contact_get_pending(store, bob.acct, &out), ST_ENOTFOUND);
}

/* One message of `sender` in the chat. */
static void add_message(struct store *store, int64_t chat, const struct store_device *sender, unsigned seed)
{
    struct store_message message = { .chat = chat, .sender = *sender, .seq = seed, .received_at_ms = 1000 + seed };
    int64_t row = 0;
    message.state = STORE_STATE_DELIVERED;
    message.shown = true;
    message.text = st_view_text("hello");
    fixture_fill(message.id, sizeof message.id, seed);
    assert_ok(store_message_add(store, &message, &row));
}

static enum st_err count_message(void *ctx, const struct store_message *message)
{
    ++*(unsigned *)ctx;
    assert_true(message->shown);
    return ST_OK;
}

/* The new account wrote before it was confirmed: both conversations become one, under the old chat's number. */
static void adopt__chat_goes_over(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    struct store_contact bob = make_contact(1, "bob");
    struct store_device old_device = { .dev = 1 };
    struct store_device new_device = fixture_device(50, 1);
    struct store_pending_key pending = { .seen_at_ms = 5 };
    struct store_copy copy = { .envelope = st_view("e", 1) };
    struct store_chat chat;
    struct store_contact out;
    struct store_outbox_counts counts;
    struct st_buf set;
    int64_t old_chat = 0;
    int64_t new_chat = 0;
    int64_t row = 0;
    unsigned messages = 0;
    st_buf_init(&set, 100);
    memcpy(old_device.acct, bob.acct, STORE_ACCT_BYTES);
    memcpy(pending.acct, new_device.acct, STORE_ACCT_BYTES);
    fixture_fill(pending.ak, 32, 9);
    copy.to = old_device;
    in_transaction(store, {
        assert_ok(store_contact_put(store, &bob));
        assert_ok(store_chat_open(store, STORE_CHAT_PERSON, bob.acct, "bob", 1, &old_chat));
        add_message(store, old_chat, &old_device, 1);
        assert_ok(store_session_save(store, &old_device, st_view("s", 1), 1));
        assert_ok(store_outbox_add(store, &copy, &row));
        assert_ok(store_contact_set_pending(store, bob.acct, &pending));
        assert_ok(store_chat_open(store, STORE_CHAT_PERSON, pending.acct, "bob", 1, &new_chat));
        add_message(store, new_chat, &new_device, 2);
        assert_ok(store_contact_adopt(store, bob.acct, STORE_VERIFIED));
    });
    assert_int_equal(store_contact_get(store, bob.acct, &out), ST_ENOTFOUND);
    assert_ok(store_contact_find(store, "bob", &out));
    assert_memory_equal(out.acct, pending.acct, STORE_ACCT_BYTES);
    assert_memory_equal(out.ak, pending.ak, 32);
    assert_int_equal(out.trust, STORE_VERIFIED);
    assert_int_equal(out.relation, STORE_ACCEPTED);
    assert_ok(store_chat_find(store, STORE_CHAT_PERSON, pending.acct, &chat));
    assert_int_equal(chat.id, old_chat);
    assert_int_equal(chat.unread, 2);
    assert_int_equal(store_chat_get(store, new_chat, &chat), ST_ENOTFOUND);
    struct store_message_query all = { .chat = old_chat };
    assert_ok(store_message_each(store, &all, count_message, &messages));
    assert_int_equal(messages, 2);
    assert_int_equal(store_session_load(store, &old_device, &set), ST_ENOTFOUND);
    assert_ok(store_outbox_count(store, &counts));
    assert_int_equal(counts.copies, 0);
}

#define in_memory(test) cmocka_unit_test_setup_teardown(test, fixture_open_memory, fixture_tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        in_memory(contact__put__get_find_each), in_memory(contact__put__name_of_another),
        in_memory(contact__set_and_delete),     in_memory(list__put__only_upwards),
        in_memory(pending__set_get_drop),       in_memory(seen__add__never_changes_never_comes_back),
        in_memory(adopt__chat_goes_over),
    };
    return cmocka_run_group_tests_name("store_people", tests, NULL, NULL);
}
