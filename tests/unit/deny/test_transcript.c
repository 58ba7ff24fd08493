/* A transcript is written from a store, checked, changed, and forged by somebody who has nothing but the file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <sodium.h>

#include "client/deny/transcript.h"
#include "client/e2e/e2e_envelope.h"
#include "client/e2e/e2e_padding.h"
#include "client/e2e/payload.h"
#include "lib/st_hkdf.h"

enum { MESSAGES = 3 };

struct fixture {
    struct store *store;
    struct st_env env;
    int64_t chat;
    struct st_buf file;
};

/* An envelope with a right tag under `mac_key`, its ciphertext under a key that nobody keeps. */
static void make_envelope(struct st_view payload, const uint8_t *th, const uint8_t *mac_key, struct st_buf *out)
{
    size_t bucket = e2e_padding_bucket(payload.len);
    uint8_t sid[16], point[32], key[32], nonce[24] = { 0 }, head[E2E_HEADER_BYTES], tag[32];
    randombytes_buf(sid, sizeof sid);
    randombytes_buf(point, sizeof point);
    randombytes_buf(key, sizeof key);
    struct e2e_head fields = { false, sid, 0, 5, point, point, point, (uint32_t)bucket };
    e2e_envelope_head_write(&fields, head);
    assert_int_equal(st_buf_append(out, head, sizeof head), ST_OK);
    uint8_t *ct = st_buf_extend(out, bucket);
    assert_non_null(ct);
    memset(ct, 0, bucket);
    memcpy(ct, payload.p, payload.len);
    e2e_padding_add(ct, payload.len);
    assert_int_equal(crypto_stream_xchacha20_xor(ct, ct, bucket, nonce, key), 0);
    const struct st_view parts[] = { st_view(th, 32), st_view(head, sizeof head), st_view(ct, bucket) };
    st_hmac_sha256(tag, st_view(mac_key, 32), parts, 3);
    assert_int_equal(st_buf_append(out, tag, sizeof tag), ST_OK);
}

static void make_payload(const uint8_t *id, const char *text, struct st_buf *out)
{
    static const uint8_t zeros[16];
    struct st_buf body;
    st_buf_init(&body, PAYLOAD_MAX);
    struct payload_text msg = { .text = st_view_text(text) };
    assert_int_equal(payload_body_write(PAYLOAD_TEXT, &msg, &body), ST_OK);
    struct payload payload = { .type = PAYLOAD_TEXT,
                               .id = st_view(id, 16),
                               .seq = 1,
                               .sent_at_ms = 1795000000000,
                               .own_list_hash = st_view(zeros, 16),
                               .peer_list_hash = st_view(zeros, 16),
                               .known_birth = st_view(zeros, 8),
                               .body = st_buf_view(&body) };
    assert_int_equal(payload_write(&payload, out), ST_OK);
    st_buf_free(&body);
}

/* Message i of the chat: the first two with exposed keys, the last without. */
static void add_message(struct fixture *fixture, unsigned i)
{
    uint8_t mac_key[32], acct[16] = { 7 };
    struct st_buf payload, envelope;
    char text[64];
    st_buf_init(&payload, PAYLOAD_MAX);
    st_buf_init(&envelope, E2E_ENVELOPE_MAX);
    snprintf(text, sizeof text, "message number %u", i);
    struct store_message message = { .chat = fixture->chat, .seq = i + 1, .shown = true, .text = st_view_text(text) };
    memcpy(message.sender.acct, acct, sizeof acct);
    message.sender.dev = 1;
    message.id[0] = (uint8_t)(0xa0 + i);
    message.id[15] = 9;
    int64_t row;
    assert_int_equal(store_message_add(fixture->store, &message, &row), ST_OK);
    make_payload(message.id, text, &payload);
    randombytes_buf(mac_key, sizeof mac_key);
    struct store_wire wire = { .message = row, .peer = message.sender, .incoming = false };
    randombytes_buf(wire.th, sizeof wire.th);
    randombytes_buf(wire.hash, sizeof wire.hash);
    make_envelope(st_buf_view(&payload), wire.th, mac_key, &envelope);
    wire.envelope = st_buf_view(&envelope);
    wire.payload = st_buf_view(&payload);
    assert_int_equal(store_wire_add(fixture->store, &wire), ST_OK);
    if (i + 1 < MESSAGES)
        assert_int_equal(store_wire_set_key(fixture->store, wire.hash, mac_key), ST_OK);
    st_buf_free(&payload);
    st_buf_free(&envelope);
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    uint8_t acct[16] = { 7 };
    uint64_t count;
    fixture->env = st_env_system();
    assert_int_equal(store_open_memory(&fixture->store, &fixture->env), ST_OK);
    assert_int_equal(store_begin(fixture->store), ST_OK);
    assert_int_equal(store_chat_open(fixture->store, STORE_CHAT_PERSON, acct, "alice", 1, &fixture->chat), ST_OK);
    for (unsigned i = 0; i < MESSAGES; i++)
        add_message(fixture, i);
    assert_int_equal(store_commit(fixture->store), ST_OK);
    st_buf_init(&fixture->file, TRANSCRIPT_MAX);
    assert_int_equal(transcript_write(fixture->store, fixture->chat, "bob", &fixture->file, &count), ST_OK);
    assert_int_equal(count, MESSAGES);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    st_buf_free(&fixture->file);
    store_close(&fixture->store);
    free(fixture);
    return 0;
}

struct verdicts {
    unsigned valid, invalid, unexposed, count;
    char texts[MESSAGES][64];
};

static enum st_err count_verdict(void *ctx, const struct transcript_message *message)
{
    struct verdicts *verdicts = ctx;
    if (verdicts->count < MESSAGES && message->text.len < 64) {
        memcpy(verdicts->texts[verdicts->count], message->text.p, message->text.len);
        verdicts->texts[verdicts->count][message->text.len] = '\0';
    }
    verdicts->count++;
    verdicts->valid += message->verdict == TRANSCRIPT_VALID;
    verdicts->invalid += message->verdict == TRANSCRIPT_INVALID;
    verdicts->unexposed += message->verdict == TRANSCRIPT_KEY_NOT_EXPOSED;
    return ST_OK;
}

static enum st_err check(struct st_view file, struct verdicts *verdicts)
{
    char chat[STORE_NAME_MAX + 2];
    uint64_t line;
    memset(verdicts, 0, sizeof *verdicts);
    return transcript_check(file, chat, &line, count_verdict, verdicts);
}

static void transcript__check__as_written(void **state)
{
    struct fixture *fixture = *state;
    struct verdicts verdicts;
    assert_int_equal(check(st_buf_view(&fixture->file), &verdicts), ST_OK);
    assert_int_equal(verdicts.count, MESSAGES);
    assert_int_equal(verdicts.valid, 2);
    assert_int_equal(verdicts.unexposed, 1);
    assert_string_equal(verdicts.texts[0], "message number 0");
}

static void transcript__forge__checks_as_well(void **state)
{
    struct fixture *fixture = *state;
    struct verdicts verdicts;
    struct st_buf forged;
    size_t room;
    st_buf_init(&forged, TRANSCRIPT_MAX);
    assert_int_equal(
        transcript_forge(st_buf_view(&fixture->file), "a000", st_view_text("I owe you a million"), &forged, &room),
        ST_OK);
    assert_int_equal(check(st_buf_view(&forged), &verdicts), ST_OK);
    assert_int_equal(verdicts.valid, 2);
    assert_int_equal(verdicts.invalid, 0);
    assert_string_equal(verdicts.texts[0], "I owe you a million");
    assert_string_equal(verdicts.texts[1], "message number 1");
    st_buf_free(&forged);
}

static void transcript__forge__refusals(void **state)
{
    struct fixture *fixture = *state;
    struct st_view file = st_buf_view(&fixture->file);
    struct st_buf forged;
    char longer[300];
    size_t room;
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    st_buf_init(&forged, TRANSCRIPT_MAX);
    assert_int_equal(transcript_forge(file, "a200", st_view_text("no key"), &forged, &room), ST_EREFUSED);
    st_buf_clear(&forged);
    assert_int_equal(transcript_forge(file, "ffff", st_view_text("nobody"), &forged, &room), ST_ENOTFOUND);
    st_buf_clear(&forged);
    assert_int_equal(transcript_forge(file, "a000", st_view_text(longer), &forged, &room), ST_ELIMIT);
    assert_in_range(room, 16, 255);
    longer[room] = '\0';
    st_buf_clear(&forged);
    assert_int_equal(transcript_forge(file, "a000", st_view_text(longer), &forged, &room), ST_OK);
    st_buf_clear(&forged);
    assert_int_equal(transcript_forge(file, "a0", st_view_text("short id"), &forged, &room), ST_EMALFORMED);
    st_buf_free(&forged);
}

/* A change of any one byte is noticed: the file does not read any more, or a message is invalid, or nothing that
 * matters was changed (head, date, name: all of it unauthenticated, and shown as such). */
static void transcript__check__changed_ciphertext(void **state)
{
    struct fixture *fixture = *state;
    struct verdicts verdicts;
    char *at = strstr((char *)fixture->file.p, "\"envelope\":\"");
    assert_non_null(at);
    at += strlen("\"envelope\":\"") + 200;
    for (unsigned i = 0; i < 40; i++) {
        char old = at[i];
        at[i] = old == 'A' ? 'B' : 'A';
        assert_int_equal(check(st_buf_view(&fixture->file), &verdicts), ST_OK);
        assert_int_equal(verdicts.invalid, 1);
        at[i] = old;
    }
    char *text = strstr((char *)fixture->file.p, "message number 0");
    text[0] = 'M';
    assert_int_equal(check(st_buf_view(&fixture->file), &verdicts), ST_OK);
    assert_int_equal(verdicts.invalid, 1);
}

static void transcript__check__hostile_files(void **state)
{
    (void)state;
    static const char *const files[] = {
        "",
        "{}",
        "[]",
        "null",
        "{\"safetalk_transcript\":2,\"chat\":\"@a\"}",
        "{\"safetalk_transcript\":1}",
        "{\"safetalk_transcript\":1,\"chat\":\"@abc\"}\n{}",
        "{\"safetalk_transcript\":1,\"chat\":\"@abc\"}\n[[[[[[",
        ("{\"safetalk_transcript\":1,\"chat\":\"@abc\"}\n{\"id\":\"zz\",\"from\":\"@a\",\"sent_at_ms\":-1,\"text\":"
         "\"\","
         "\"th\":\"\",\"payload\":\"\",\"envelope\":\"\",\"mac_key\":null}"),
    };
    struct verdicts verdicts;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        assert_int_equal(check(st_view_text(files[i]), &verdicts), ST_EMALFORMED);
}

static void transcript__check__truncated(void **state)
{
    struct fixture *fixture = *state;
    struct verdicts verdicts;
    for (size_t len = 0; len < fixture->file.len; len += 97) {
        enum st_err err = check(st_view(fixture->file.p, len), &verdicts);
        assert_true(err == ST_OK || err == ST_EMALFORMED);
        assert_int_equal(verdicts.invalid, 0);
    }
}

int main(void)
{
    if (sodium_init() < 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(transcript__check__as_written, setup, teardown),
        cmocka_unit_test_setup_teardown(transcript__forge__checks_as_well, setup, teardown),
        cmocka_unit_test_setup_teardown(transcript__forge__refusals, setup, teardown),
        cmocka_unit_test_setup_teardown(transcript__check__changed_ciphertext, setup, teardown),
        cmocka_unit_test_setup_teardown(transcript__check__truncated, setup, teardown),
        cmocka_unit_test(transcript__check__hostile_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
