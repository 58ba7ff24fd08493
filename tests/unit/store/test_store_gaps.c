/* Gaps in a conversation, and attachments of its messages. */
#include "tests/unit/store/store_fixture.h"

#include <stdio.h>

static int64_t open_chat(struct store *store, const struct store_device *peer)
{
    int64_t chat = 0;
    assert_ok(store_chat_open(store, STORE_CHAT_PERSON, peer->acct, "bob", 1, &chat));
    return chat;
}

static int64_t add_message(struct store *store, int64_t chat, const struct store_device *sender, uint8_t id)
{
    struct store_message message = { .chat = chat, .sender = *sender, .id = { id }, .state = STORE_STATE_DELIVERED };
    int64_t row = 0;
    message.shown = true;
    assert_ok(store_message_add(store, &message, &row));
    return row;
}

/* Writes "first-last ". */
static enum st_err note_gap(void *ctx, const struct store_gap *gap)
{
    char *at = (char *)ctx + strlen(ctx);
    snprintf(at, 40, "%d-%d ", (int)gap->first_seq, (int)gap->last_seq);
    return ST_OK;
}

static void assert_gaps(struct store *store, int64_t chat, const char *expected)
{
    char gaps[200] = "";
    assert_ok(store_gap_each(store, chat, note_gap, gaps));
    assert_string_equal(gaps, expected);
}

static void gap__fill__shrinks_splits_closes(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    struct store_device bob = fixture_device(1, 1);
    struct store_device other = fixture_device(1, 2);
    struct store_gap gap = { .sender = bob, .first_seq = 5, .last_seq = 9 };
    int64_t id = 0;
    bool was_gap = false;
    static const struct {
        uint64_t seq;
        bool was_gap;
        const char *left;
    } steps[] = {
        { 4, false, "5-9 " }, { 10, false, "5-9 " },   { 5, true, "6-9 " },
        { 9, true, "6-8 " },  { 7, true, "6-6 8-8 " }, { 7, false, "6-6 8-8 " },
        { 6, true, "8-8 " },  { 8, true, "" },         { 8, false, "" },
    };
    assert_ok(store_begin(store));
    gap.chat = open_chat(store, &bob);
    assert_ok(store_gap_add(store, &gap, 77, &id));
    assert_ok(store_gap_fill(store, gap.chat, &other, 6, &was_gap));
    assert_false(was_gap);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        assert_ok(store_gap_fill(store, gap.chat, &bob, steps[i].seq, &was_gap));
        assert_int_equal(was_gap, steps[i].was_gap);
        assert_gaps(store, gap.chat, steps[i].left);
    }
    gap.last_seq = 4;
    assert_int_equal(store_gap_add(store, &gap, 77, &id), ST_EMALFORMED);
    assert_ok(store_commit(store));
}

static enum st_err is_gap_event(void *ctx, const struct store_event *event)
{
    int64_t *id = ctx;
    if (event->type == STORE_EVENT_GAP) {
        assert_int_equal(event->at_ms, 77);
        *id = event->ref;
    }
    return ST_OK;
}

static void gap__add__between_its_neighbours(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    struct store_device bob = fixture_device(1, 1);
    struct store_gap gap = { .sender = bob, .first_seq = 2, .last_seq = 3 };
    struct store_gap out;
    int64_t id = 0;
    int64_t told = 0;
    assert_ok(store_begin(store));
    gap.chat = open_chat(store, &bob);
    add_message(store, gap.chat, &bob, 0x01);
    assert_ok(store_gap_add(store, &gap, 77, &id));
    assert_ok(store_gap_get(store, id, &out));
    assert_true(out.has_after);
    assert_int_equal(out.after_id[0], 0x01);
    assert_false(out.has_before);
    add_message(store, gap.chat, &bob, 0x04);
    assert_ok(store_gap_get(store, id, &out));
    assert_true(out.has_before);
    assert_int_equal(out.before_id[0], 0x04);
    assert_int_equal(out.asked_at_ms, 0);
    assert_ok(store_gap_asked(store, id, 99));
    assert_int_equal(store_gap_asked(store, 1000, 99), ST_ENOTFOUND);
    assert_ok(store_commit(store));
    assert_ok(store_gap_get(store, id, &out));
    assert_int_equal(out.asked_at_ms, 99);
    assert_int_equal(out.order, 2);
    assert_int_equal(store_gap_get(store, 1000, &out), ST_ENOTFOUND);
    assert_ok(store_event_each(store, "default", 10, is_gap_event, &told));
    assert_int_equal(told, id);
    assert_gaps(store, 0, "2-3 ");
    assert_gaps(store, 99, "");
}

static struct store_attachment make_file(int64_t message, uint32_t index)
{
    struct store_attachment file;
    memset(&file, 0, sizeof file);
    fixture_fill(file.key, sizeof file.key, index);
    fixture_fill(file.digest, sizeof file.digest, 10 + index);
    fixture_fill(file.sha256, sizeof file.sha256, 20 + index);
    fixture_fill(file.blob_id, sizeof file.blob_id, 30 + index);
    file.message = message;
    file.index = index;
    file.plain_bytes = 3000000;
    file.blob_bytes = 3100000;
    file.chunks = 48;
    memcpy(file.name, "harbour.png", 12);
    memcpy(file.mime, "image/png", 10);
    return file;
}

static void attachment__add__get_back(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    struct store_attachment file = make_file(7, 1);
    struct store_attachment out;
    memset(file.path, 'p', STORE_PATH_MAX);
    memset(file.name, 'n', STORE_FILE_NAME_MAX);
    memset(file.mime, 'm', STORE_MIME_MAX);
    file.expires_at_ms = 55;
    in_transaction(store, {
        assert_ok(store_attachment_add(store, &file));
        assert_int_equal(store_attachment_add(store, &file), ST_EEXISTS);
    });
    assert_ok(store_attachment_get(store, 7, 1, &out));
    assert_memory_equal(out.key, file.key, 32);
    assert_memory_equal(out.digest, file.digest, 32);
    assert_memory_equal(out.sha256, file.sha256, 32);
    assert_memory_equal(out.blob_id, file.blob_id, STORE_BLOB_ID_BYTES);
    assert_int_equal(out.plain_bytes, 3000000);
    assert_int_equal(out.blob_bytes, 3100000);
    assert_int_equal(out.expires_at_ms, 55);
    assert_string_equal(out.name, file.name);
    assert_string_equal(out.mime, file.mime);
    assert_string_equal(out.path, file.path);
    assert_int_equal(store_attachment_get(store, 7, 2, &out), ST_ENOTFOUND);
}

static void attachment__add__limits(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    struct store_attachment file = make_file(7, 0);
    in_transaction(store, {
        assert_int_equal(store_attachment_add(store, &file), ST_ELIMIT);
        file.index = STORE_ATTACHMENTS_MAX + 1;
        assert_int_equal(store_attachment_add(store, &file), ST_ELIMIT);
        file.index = STORE_ATTACHMENTS_MAX;
        file.chunks = STORE_CHUNKS_MAX + 1;
        assert_int_equal(store_attachment_add(store, &file), ST_ELIMIT);
        file.chunks = STORE_CHUNKS_MAX;
        memset(file.name, 'n', sizeof file.name);
        assert_int_equal(store_attachment_add(store, &file), ST_ELIMIT);
        file.name[0] = '\0';
        assert_ok(store_attachment_add(store, &file));
    });
}

static void attachment__chunks__resume(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    struct store_attachment file = make_file(7, 1);
    struct store_attachment out;
    uint8_t map[STORE_CHUNK_MAP_BYTES];
    in_transaction(store, {
        assert_ok(store_attachment_add(store, &file));
        assert_ok(store_attachment_chunk_done(store, 7, 1, 0));
        assert_ok(store_attachment_chunk_done(store, 7, 1, 47));
        assert_ok(store_attachment_chunk_done(store, 7, 1, 47));
        assert_int_equal(store_attachment_chunk_done(store, 7, 1, 48), ST_ELIMIT);
        assert_int_equal(store_attachment_chunk_done(store, 7, 2, 0), ST_ENOTFOUND);
    });
    assert_ok(store_attachment_get(store, 7, 1, &out));
    assert_int_equal(out.chunks_done, 2);
    assert_ok(store_attachment_get_chunks(store, 7, 1, map));
    assert_int_equal(map[0], 0x01);
    assert_int_equal(map[5], 0x80);
    in_transaction(store, {
        assert_ok(store_attachment_finish(store, 7, 1));
        assert_ok(store_attachment_get(store, 7, 1, &out));
        assert_true(out.finished);
        assert_ok(store_attachment_reset(store, 7, 1));
        assert_ok(store_attachment_get(store, 7, 1, &out));
        assert_false(out.finished);
        assert_int_equal(out.chunks_done, 0);
        assert_int_equal(store_attachment_reset(store, 8, 1), ST_ENOTFOUND);
        assert_int_equal(store_attachment_finish(store, 8, 1), ST_ENOTFOUND);
    });
}

static enum st_err note_file(void *ctx, const struct store_attachment *file)
{
    char *at = (char *)ctx + strlen(ctx);
    snprintf(at, 40, "%d.%u ", (int)file->message, file->index);
    return ST_OK;
}

static void attachment__state__and_open_transfers(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    struct store_attachment out;
    uint8_t blob_id[STORE_BLOB_ID_BYTES] = { 9 };
    char files[100] = "";
    in_transaction(store, {
        for (uint32_t i = 1; i <= 3; i++) {
            struct store_attachment file = make_file(7, i);
            file.upload = i == 1;
            assert_ok(store_attachment_add(store, &file));
        }
        assert_ok(store_attachment_set_state(store, 7, 2, STORE_ATTACHMENT_PARTIAL, NULL));
        assert_ok(store_attachment_set_state(store, 7, 3, STORE_ATTACHMENT_LOCAL, "/a/b"));
        assert_ok(store_attachment_set_state(store, 7, 3, STORE_ATTACHMENT_EXPIRED, NULL));
        assert_ok(store_attachment_set_blob(store, 7, 1, blob_id));
        assert_int_equal(store_attachment_set_blob(store, 8, 1, blob_id), ST_ENOTFOUND);
        assert_int_equal(store_attachment_set_state(store, 8, 1, STORE_ATTACHMENT_LOCAL, NULL), ST_ENOTFOUND);
    });
    assert_ok(store_attachment_get(store, 7, 3, &out));
    assert_string_equal(out.path, "/a/b");
    assert_int_equal(out.state, STORE_ATTACHMENT_EXPIRED);
    assert_ok(store_attachment_get(store, 7, 1, &out));
    assert_memory_equal(out.blob_id, blob_id, sizeof blob_id);
    assert_ok(store_attachment_each(store, 7, note_file, files));
    assert_string_equal(files, "7.1 7.2 7.3 ");
    files[0] = '\0';
    assert_ok(store_attachment_each_open(store, true, note_file, files));
    assert_string_equal(files, "7.1 ");
    files[0] = '\0';
    assert_ok(store_attachment_each_open(store, false, note_file, files));
    assert_string_equal(files, "7.2 ");
    in_transaction(store, assert_ok(store_attachment_finish(store, 7, 1)));
    files[0] = '\0';
    assert_ok(store_attachment_each_open(store, true, note_file, files));
    assert_string_equal(files, "");
}

#define in_memory(test) cmocka_unit_test_setup_teardown(test, fixture_open_memory, fixture_tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        in_memory(gap__fill__shrinks_splits_closes), in_memory(gap__add__between_its_neighbours),
        in_memory(attachment__add__get_back),        in_memory(attachment__add__limits),
        in_memory(attachment__chunks__resume),       in_memory(attachment__state__and_open_transfers),
    };
    return cmocka_run_group_tests_name("store_gaps", tests, NULL, NULL);
}
