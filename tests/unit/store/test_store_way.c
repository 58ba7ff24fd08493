/* Outbox, epochs, receipts owed, exposures, wire log. */
#include "tests/unit/store/store_fixture.h"

#include <stdio.h>

static struct store_copy make_copy(const struct store_device *to, uint8_t id, enum store_copy_kind kind)
{
    struct store_copy copy;
    memset(&copy, 0, sizeof copy);
    copy.to = *to;
    copy.kind = kind;
    copy.msg_id[0] = id;
    copy.sid[0] = (uint8_t)to->dev;
    copy.own_epoch[0] = 1;
    copy.next_try_at_ms = 1000 + id;
    copy.queued_at_ms = 500 + id;
    copy.envelope = st_view("exact bytes", 11);
    return copy;
}

static int64_t add(struct store *store, struct store_copy copy)
{
    int64_t row = 0;
    assert_ok(store_outbox_add(store, &copy, &row));
    return row;
}

/* Writes "id@dev ". */
static enum st_err note_copy(void *ctx, const struct store_copy *copy)
{
    char *at = (char *)ctx + strlen(ctx);
    snprintf(at, 40, "%u@%u ", copy->msg_id[0], copy->to.dev);
    assert_true(st_view_equal(copy->envelope, st_view("exact bytes", 11)));
    return ST_OK;
}

static void assert_copies(struct store *store, struct store_outbox_query query, const char *expected)
{
    char copies[200] = "";
    assert_ok(store_outbox_each(store, &query, note_copy, copies));
    assert_string_equal(copies, expected);
}

static enum st_err keep_copy(void *ctx, const struct store_copy *copy)
{
    *(struct store_copy *)ctx = *copy;
    return ST_OK;
}

static struct store_copy find_copy(struct store *store, const uint8_t *msg_id)
{
    struct store_copy copy;
    memset(&copy, 0, sizeof copy);
    struct store_outbox_query query = { .msg_id = msg_id };
    assert_ok(store_outbox_each(store, &query, keep_copy, &copy));
    return copy;
}

static void outbox__add__order_and_conditions(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    struct store_device bob = fixture_device(1, 1);
    struct store_device bob2 = fixture_device(1, 2);
    struct store_device carol = fixture_device(2, 3);
    int64_t row = 0;
    in_transaction(store, {
        add(store, make_copy(&bob, 4, STORE_COPY_MESSAGE));
        add(store, make_copy(&bob2, 4, STORE_COPY_MESSAGE));
        add(store, make_copy(&carol, 2, STORE_COPY_RECEIPT));
        add(store, make_copy(&bob, 1, STORE_COPY_CONTROL));
        struct store_copy twice = make_copy(&bob, 4, STORE_COPY_MESSAGE);
        assert_int_equal(store_outbox_add(store, &twice, &row), ST_EEXISTS);
    });
    uint8_t four[STORE_MSG_ID_BYTES] = { 4 };
    uint8_t sid[STORE_SID_BYTES] = { 1 };
    assert_copies(store, (struct store_outbox_query) { 0 }, "4@1 4@2 2@3 1@1 ");
    assert_copies(store, (struct store_outbox_query) { .limit = 2 }, "4@1 4@2 ");
    assert_copies(store, (struct store_outbox_query) { .after_order = 2 }, "2@3 1@1 ");
    assert_copies(store, (struct store_outbox_query) { .to = &bob }, "4@1 1@1 ");
    assert_copies(store, (struct store_outbox_query) { .acct = bob.acct }, "4@1 4@2 1@1 ");
    assert_copies(store, (struct store_outbox_query) { .msg_id = four }, "4@1 4@2 ");
    assert_copies(store, (struct store_outbox_query) { .sid = sid }, "4@1 1@1 ");
    assert_copies(store, (struct store_outbox_query) { .due_ms = 1002 }, "2@3 1@1 ");
    assert_copies(store, (struct store_outbox_query) { .due_ms = 1002, .to = &bob }, "1@1 ");
    assert_copies(store, (struct store_outbox_query) { .kind = 1 + STORE_COPY_MESSAGE }, "4@1 4@2 ");
    assert_copies(store, (struct store_outbox_query) { .kind = 1 + STORE_COPY_RECEIPT }, "2@3 ");
    assert_copies(store, (struct store_outbox_query) { .state = 1 + STORE_COPY_STORED }, "");
    assert_copies(store, (struct store_outbox_query) { .state = 1 + STORE_COPY_NEW, .limit = 1 }, "4@1 ");
    /* The order is that of adding, and a dropped copy's number does not come back. */
    in_transaction(store, {
        assert_ok(store_outbox_drop(store, find_copy(store, four).msg_id, &bob, NULL));
        assert_int_equal(add(store, make_copy(&bob, 9, STORE_COPY_MESSAGE)), 5);
    });
}

static void outbox__stored_tried_again(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    struct store_device bob = fixture_device(1, 1);
    uint8_t id[STORE_MSG_ID_BYTES] = { 1 };
    uint8_t other[STORE_MSG_ID_BYTES] = { 2 };
    uint8_t epoch[STORE_EPOCH_BYTES] = { 7 };
    uint8_t epoch2[STORE_EPOCH_BYTES] = { 8 };
    uint8_t token[STORE_TOKEN_BYTES];
    char long_reason[80];
    fixture_fill(token, sizeof token, 1);
    memset(long_reason, 'r', sizeof long_reason);
    long_reason[79] = '\0';
    in_transaction(store, {
        int64_t row = add(store, make_copy(&bob, 1, STORE_COPY_MESSAGE));
        assert_ok(store_outbox_tried(store, row, 5000, "unreachable"));
        assert_ok(store_outbox_tried(store, row, 6000, "unreachable"));
        assert_int_equal(store_outbox_tried(store, row, 6000, long_reason), ST_ELIMIT);
        assert_int_equal(store_outbox_tried(store, 99, 6000, NULL), ST_ENOTFOUND);
        struct store_copy copy = find_copy(store, id);
        assert_int_equal(copy.attempts, 2);
        assert_int_equal(copy.next_try_at_ms, 6000);
        assert_string_equal(copy.reason, "unreachable");
        assert_int_equal(copy.state, STORE_COPY_NEW);
        assert_ok(store_outbox_stored(store, id, &bob, epoch, token));
        assert_int_equal(store_outbox_stored(store, other, &bob, epoch, token), ST_ENOTFOUND);
        copy = find_copy(store, id);
        assert_int_equal(copy.state, STORE_COPY_STORED);
        assert_memory_equal(copy.token, token, sizeof token);
        assert_memory_equal(copy.epoch, epoch, sizeof epoch);
        assert_string_equal(copy.reason, "");
    });
    assert_copies(store, (struct store_outbox_query) { .due_ms = 9999 }, "");
    assert_copies(store, (struct store_outbox_query) { .not_epoch = epoch }, "");
    assert_copies(store, (struct store_outbox_query) { .not_epoch = epoch2 }, "1@1 ");
    assert_copies(store, (struct store_outbox_query) { .not_epoch = epoch2, .acct = bob.acct }, "1@1 ");
    assert_copies(store, (struct store_outbox_query) { .not_own_epoch = epoch2 }, "1@1 ");
    in_transaction(store, {
        struct store_copy copy = find_copy(store, id);
        assert_ok(store_outbox_again(store, copy.row, 7000, epoch2));
        assert_int_equal(store_outbox_again(store, 99, 7000, NULL), ST_ENOTFOUND);
        copy = find_copy(store, id);
        assert_int_equal(copy.state, STORE_COPY_NEW);
        assert_memory_equal(copy.token, token, sizeof token); /* for the look-up by token */
        assert_memory_equal(copy.own_epoch, epoch2, sizeof epoch2);
        assert_ok(store_outbox_again(store, copy.row, 7001, NULL));
        copy = find_copy(store, id);
        assert_memory_equal(copy.own_epoch, epoch2, sizeof epoch2);
    });
    assert_copies(store, (struct store_outbox_query) { .not_own_epoch = epoch2 }, "");
    assert_copies(store, (struct store_outbox_query) { .not_epoch = epoch2 }, "");
    assert_copies(store, (struct store_outbox_query) { .due_ms = 7001 }, "1@1 ");
}

static void outbox__drop__left_and_device(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    struct store_device bob = fixture_device(1, 1);
    struct store_device bob2 = fixture_device(1, 2);
    uint8_t id[STORE_MSG_ID_BYTES] = { 1 };
    uint32_t left = 9;
    in_transaction(store, {
        add(store, make_copy(&bob, 1, STORE_COPY_MESSAGE));
        add(store, make_copy(&bob2, 1, STORE_COPY_MESSAGE));
        add(store, make_copy(&bob2, 2, STORE_COPY_MESSAGE));
        assert_ok(store_outbox_drop(store, id, &bob, &left));
        assert_int_equal(left, 1);
        assert_int_equal(store_outbox_drop(store, id, &bob, &left), ST_ENOTFOUND);
        assert_int_equal(left, 1);
        assert_ok(store_outbox_drop_device(store, &bob2, &left));
        assert_int_equal(left, 2);
        assert_ok(store_outbox_drop_device(store, &bob2, &left));
        assert_int_equal(left, 0);
    });
}

static enum st_err note_peer(void *ctx, const struct store_device *to)
{
    char *at = (char *)ctx + strlen(ctx);
    snprintf(at, 20, "%u ", to->dev);
    return ST_OK;
}

static enum st_err note_item(void *ctx, const struct store_outbox_item *item)
{
    char *at = (char *)ctx + strlen(ctx);
    snprintf(at, 100, "%u:%u/%u,%u,%d,%d,%s ", item->msg_id[0], item->stored, item->copies, item->attempts,
             (int)item->queued_at_ms, (int)item->next_try_at_ms, item->reason);
    return ST_OK;
}

static void outbox__counts_peers_items(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    struct store_device bob = fixture_device(1, 1);
    struct store_device bob2 = fixture_device(1, 2);
    struct store_outbox_counts counts;
    uint8_t epoch[STORE_EPOCH_BYTES] = { 7 };
    uint8_t token[STORE_TOKEN_BYTES] = { 0 };
    uint8_t id[STORE_MSG_ID_BYTES] = { 5 };
    uint8_t sid[STORE_SID_BYTES] = { 2 };
    uint32_t count = 0;
    int64_t at = 0;
    char text[300] = "";
    assert_ok(store_outbox_count(store, &counts));
    assert_int_equal(counts.copies + counts.messages + counts.fresh + counts.stored, 0);
    assert_int_equal(store_outbox_next_try(store, &at), ST_ENOTFOUND);
    in_transaction(store, {
        int64_t row = add(store, make_copy(&bob2, 5, STORE_COPY_MESSAGE));
        assert_ok(store_outbox_tried(store, row, 4000, "slow"));
        add(store, make_copy(&bob, 5, STORE_COPY_MESSAGE));
        add(store, make_copy(&bob, 6, STORE_COPY_MESSAGE));
        add(store, make_copy(&bob2, 7, STORE_COPY_RECEIPT));
        assert_ok(store_outbox_stored(store, id, &bob, epoch, token));
    });
    assert_ok(store_outbox_count(store, &counts));
    assert_int_equal(counts.copies, 4);
    assert_int_equal(counts.messages, 2);
    assert_int_equal(counts.fresh, 3);
    assert_int_equal(counts.stored, 1);
    assert_ok(store_outbox_next_try(store, &at));
    assert_int_equal(at, 1006);
    assert_ok(store_outbox_count_session(store, sid, &count));
    assert_int_equal(count, 1);
    assert_ok(store_outbox_each_due_peer(store, 1007, note_peer, text));
    assert_string_equal(text, "1 2 ");
    text[0] = '\0';
    assert_ok(store_outbox_each_due_peer(store, 1005, note_peer, text));
    assert_string_equal(text, "");
    assert_ok(store_outbox_each_item(store, note_item, text));
    assert_string_equal(text, "5:1/2,1,505,4000,slow 6:0/1,0,506,1006, ");
}

static void outbox__add__envelope_limit(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    struct store_device bob = fixture_device(1, 1);
    struct store_copy copy = make_copy(&bob, 1, STORE_COPY_MESSAGE);
    static uint8_t envelope[STORE_ENVELOPE_MAX + 1];
    int64_t row = 0;
    copy.envelope = st_view(envelope, sizeof envelope);
    in_transaction(store, {
        assert_int_equal(store_outbox_add(store, &copy, &row), ST_ELIMIT);
        copy.envelope.len--;
        assert_ok(store_outbox_add(store, &copy, &row));
    });
}

static enum st_err note_acct(void *ctx, const uint8_t acct[static STORE_ACCT_BYTES])
{
    unsigned *sum = ctx;
    *sum += acct[0];
    return ST_OK;
}

static void epoch__put__get_and_waiting(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    struct store_device bob = { .acct = { 1 }, .dev = 1 };
    struct store_device carol = { .acct = { 2 }, .dev = 1 };
    uint8_t epoch[STORE_EPOCH_BYTES] = { 7 };
    uint8_t out[STORE_EPOCH_BYTES];
    uint8_t token[STORE_TOKEN_BYTES] = { 0 };
    uint8_t id[STORE_MSG_ID_BYTES] = { 5 };
    unsigned sum = 0;
    assert_int_equal(store_epoch_get(store, bob.acct, out), ST_ENOTFOUND);
    in_transaction(store, {
        assert_ok(store_epoch_put(store, bob.acct, epoch));
        epoch[0] = 8;
        assert_ok(store_epoch_put(store, bob.acct, epoch));
        add(store, make_copy(&bob, 5, STORE_COPY_MESSAGE));
        add(store, make_copy(&carol, 5, STORE_COPY_MESSAGE));
        assert_ok(store_outbox_stored(store, id, &carol, epoch, token));
    });
    assert_ok(store_epoch_get(store, bob.acct, out));
    assert_memory_equal(out, epoch, sizeof epoch);
    assert_ok(store_epoch_each_waiting(store, 256, note_acct, &sum));
    assert_int_equal(sum, 2);
}

static enum st_err note_receipt(void *ctx, const struct store_receipt *receipt)
{
    char *at = (char *)ctx + strlen(ctx);
    snprintf(at, 20, "%u/%d ", receipt->msg_id[0], (int)receipt->kind);
    return ST_OK;
}

static enum st_err note_owed(void *ctx, const struct store_device *to, uint32_t count)
{
    char *at = (char *)ctx + strlen(ctx);
    snprintf(at, 20, "%u:%u ", to->dev, count);
    return ST_OK;
}

static void assert_owed(struct store *store, const struct store_device *to, const char *expected)
{
    char text[200] = "";
    assert_ok(store_receipt_each(store, to, 10, note_receipt, text));
    assert_string_equal(text, expected);
}

static void receipt__owed__until_accepted(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    struct store_device bob = fixture_device(1, 1);
    struct store_device carol = fixture_device(2, 2);
    struct store_receipt one = { .to = bob, .msg_id = { 1 }, .kind = STORE_RECEIPT_DELIVERED };
    struct store_receipt read = { .to = bob, .msg_id = { 1 }, .kind = STORE_RECEIPT_READ };
    struct store_receipt two = { .to = bob, .msg_id = { 2 }, .kind = STORE_RECEIPT_DELIVERED };
    struct store_receipt three = { .to = carol, .msg_id = { 1 }, .kind = STORE_RECEIPT_DELIVERED };
    uint8_t carrier[STORE_MSG_ID_BYTES] = { 0xcc };
    char text[100] = "";
    in_transaction(store, {
        assert_ok(store_receipt_owe(store, &two));
        assert_ok(store_receipt_owe(store, &one));
        assert_ok(store_receipt_owe(store, &one));
        assert_ok(store_receipt_owe(store, &read));
        assert_ok(store_receipt_owe(store, &three));
    });
    assert_owed(store, &bob, "2/1 1/1 1/2 ");
    assert_ok(store_receipt_each_peer(store, note_owed, text));
    assert_true(strcmp(text, "1:3 2:1 ") == 0 || strcmp(text, "2:1 1:3 ") == 0);
    in_transaction(store, {
        assert_ok(store_receipt_bind(store, &one, carrier));
        assert_ok(store_receipt_bind(store, &two, carrier));
        assert_int_equal(store_receipt_bind(store, &two, carrier), ST_ENOTFOUND);
    });
    assert_owed(store, &bob, "1/2 ");
    /* A duplicate of message 1 came before the carrier was accepted. */
    in_transaction(store, assert_ok(store_receipt_owe(store, &one)));
    assert_owed(store, &bob, "1/1 1/2 ");
    in_transaction(store, assert_ok(store_receipt_accepted(store, carrier)));
    assert_owed(store, &bob, "1/1 1/2 ");
    in_transaction(store, {
        assert_ok(store_receipt_bind(store, &one, carrier));
        assert_ok(store_receipt_free(store, carrier));
    });
    assert_owed(store, &bob, "1/1 1/2 ");
    in_transaction(store, {
        assert_ok(store_receipt_bind(store, &one, carrier));
        assert_ok(store_receipt_accepted(store, carrier));
        assert_ok(store_receipt_owe(store, &two));
    });
    assert_owed(store, &bob, "1/2 2/1 ");
    in_transaction(store, assert_ok(store_receipt_drop_device(store, &bob)));
    assert_owed(store, &bob, "");
    assert_owed(store, &carol, "1/1 ");
}

static void expose__due__at_most_a_batch(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    static struct store_exposure out[STORE_EXPOSE_BATCH];
    struct store_exposure exposure;
    size_t count = 0;
    int64_t at = 0;
    assert_int_equal(store_expose_next(store, &at), ST_ENOTFOUND);
    in_transaction(store, {
        for (unsigned i = 0; i < 100; i++) {
            fixture_fill(exposure.hash, sizeof exposure.hash, i);
            fixture_fill(exposure.mac_key, sizeof exposure.mac_key, 1000 + i);
            exposure.due_at_ms = 1000 - (int64_t)i;
            assert_ok(store_expose_add(store, &exposure));
        }
        assert_int_equal(store_expose_add(store, &exposure), ST_EEXISTS);
    });
    assert_ok(store_expose_next(store, &at));
    assert_int_equal(at, 901);
    assert_ok(store_expose_due(store, 900, out, &count));
    assert_int_equal(count, 0);
    assert_ok(store_expose_due(store, 902, out, &count));
    assert_int_equal(count, 2);
    assert_memory_equal(out[0].mac_key, exposure.mac_key, 32);
    assert_ok(store_expose_due(store, 2000, out, &count));
    assert_int_equal(count, STORE_EXPOSE_BATCH);
    in_transaction(store, {
        for (size_t i = 0; i < count; i++)
            assert_ok(store_expose_confirmed(store, out[i].hash));
        assert_int_equal(store_expose_confirmed(store, out[0].hash), ST_ENOTFOUND);
        assert_ok(store_expose_drop(store, out[0].hash));
    });
    assert_ok(store_expose_due(store, 2000, out, &count));
    assert_int_equal(count, 100 - STORE_EXPOSE_BATCH);
}

/* Writes "message/exposed ". */
static enum st_err note_wire(void *ctx, const struct store_wire *wire)
{
    char *at = (char *)ctx + strlen(ctx);
    snprintf(at, 20, "%d/%d ", (int)wire->message, wire->exposed);
    if (wire->exposed)
        assert_int_equal(wire->mac_key[0], 0x77);
    assert_int_equal(wire->th[5], 6);
    return ST_OK;
}

static void wire__log__keys_and_pruning(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    struct store_device bob = fixture_device(1, 1);
    struct store_exposure exposure = { .hash = { 1 }, .mac_key = { 0x77 }, .due_at_ms = 1 };
    struct store_wire wire = { .peer = bob, .th = { 1, 2, 3, 4, 5, 6 } };
    uint8_t public_key[32] = { 0x77 };
    uint8_t none[STORE_HASH_BYTES] = { 0xff };
    static uint8_t big[STORE_PAYLOAD_MAX + 1];
    char text[200] = "";
    int64_t chat = 0;
    int64_t rows[3] = { 0 };
    assert_ok(store_begin(store));
    assert_ok(store_chat_open(store, STORE_CHAT_PERSON, bob.acct, "bob", 1, &chat));
    for (uint8_t i = 0; i < 3; i++) {
        struct store_message message = { .chat = chat, .sender = bob, .id = { i }, .shown = true };
        assert_ok(store_message_add(store, &message, &rows[i]));
        wire.message = rows[i];
        wire.incoming = i != 2;
        wire.hash[0] = (uint8_t)(i + 1);
        wire.envelope = st_view(big, 400);
        wire.payload = st_view(big, 100);
        assert_ok(store_wire_add(store, &wire));
    }
    assert_int_equal(store_wire_add(store, &wire), ST_EEXISTS);
    wire.payload = st_view(big, sizeof big);
    assert_int_equal(store_wire_add(store, &wire), ST_ELIMIT);
    assert_ok(store_expose_add(store, &exposure));
    assert_ok(store_wire_each(store, chat, note_wire, text));
    assert_string_equal(text, "1/0 2/0 3/0 ");
    assert_ok(store_expose_confirmed(store, exposure.hash));
    wire.hash[0] = 3;
    assert_ok(store_wire_set_key(store, wire.hash, public_key));
    assert_int_equal(store_wire_set_key(store, none, public_key), ST_ENOTFOUND);
    wire.hash[0] = 2; /* what we received is exposed by us, not by the relay's word */
    assert_int_equal(store_wire_set_key(store, wire.hash, public_key), ST_ENOTFOUND);
    text[0] = '\0';
    assert_ok(store_wire_each(store, chat, note_wire, text));
    assert_string_equal(text, "1/1 2/0 3/1 ");
    assert_ok(store_wire_prune(store, 1500));
    text[0] = '\0';
    assert_ok(store_wire_each(store, chat, note_wire, text));
    assert_string_equal(text, "1/1 2/0 3/1 ");
    assert_ok(store_wire_prune(store, 1499));
    text[0] = '\0';
    assert_ok(store_wire_each(store, chat, note_wire, text));
    assert_string_equal(text, "2/0 3/1 ");
    assert_ok(store_message_delete(store, rows[2]));
    text[0] = '\0';
    assert_ok(store_wire_each(store, chat, note_wire, text));
    assert_string_equal(text, "2/0 ");
    assert_ok(store_wire_prune(store, 0));
    text[0] = '\0';
    assert_ok(store_wire_each(store, chat, note_wire, text));
    assert_string_equal(text, "");
    assert_ok(store_commit(store));
}

#define in_memory(test) cmocka_unit_test_setup_teardown(test, fixture_open_memory, fixture_tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        in_memory(outbox__add__order_and_conditions), in_memory(outbox__stored_tried_again),
        in_memory(outbox__drop__left_and_device),     in_memory(outbox__counts_peers_items),
        in_memory(outbox__add__envelope_limit),       in_memory(epoch__put__get_and_waiting),
        in_memory(receipt__owed__until_accepted),     in_memory(expose__due__at_most_a_batch),
        in_memory(wire__log__keys_and_pruning),
    };
    return cmocka_run_group_tests_name("store_way", tests, NULL, NULL);
}
