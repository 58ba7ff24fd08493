/* The account that the runs of the program look at. */
#include "tests/unit/cli/run_sample.h"

#include <sodium.h>

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

enum st_err run_sample_fill(struct store *store)
{
    int64_t chat = 0;
    int64_t row = 0;
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

struct run run_sample;

int run_sample_make(void **state)
{
    (void)state;
    run_make_account(run_sample_fill);
    return 0;
}

int run_sample_drop(void **state)
{
    (void)state;
    run_remove_account();
    return 0;
}

void run_sample_expect(const char *line, int code)
{
    run_line(&run_sample, line, NULL);
    if (run_sample.code != code)
        fail_msg("%s: %d, not %d\n%s%s", line, run_sample.code, code, run_sample.out, run_sample.err);
}

void run_sample_expect_error(const char *line, int code, const char *reason)
{
    char tag[96];
    run_sample_expect(line, code);
    (void)snprintf(tag, sizeof tag, "[%d %s]", code, reason);
    if (strstr(run_sample.err, tag) == NULL)
        fail_msg("%s: %s", line, run_sample.err);
}

cJSON *run_sample_json(const char *text, int index)
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
