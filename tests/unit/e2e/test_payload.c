/* Payloads: golden bytes made by another encoder, limits, unknown types, `known` in and out. */
#include "tests/unit/e2e/e2e_fixture.h"

#include <string.h>

#include <sodium.h>

#include "client/e2e/payload.h"

enum { GOLDEN_MAX = 1024 };

static const char golden_head_short[] =
    "8c010102c410a0a1a2a3a4a5a6a7a8a9aaabacadaeaf032a04cf000001a3185c507b050306c410b0b1b2b3b4b5b6b7b8"
    "b9babbbcbdbebf070908c410c0c1c2c3c4c5c6c7c8c9cacbcccdcecf09c408d0d1d2d3d4d5d6d70a070b900dc4058101"
    "a26869";
static const char golden_head_full[] =
    "8d01ccc802c410a0a1a2a3a4a5a6a7a8a9aaabacadaeaf032a04cf000001a3185c507b050306c410b0b1b2b3b4b5b6b7"
    "b8b9babbbcbdbebf070908c410c0c1c2c3c4c5c6c7c8c9cacbcccdcecf09c408d0d1d2d3d4d5d6d70a070b94c4100102"
    "030405060708090a0b0c0d0e0f10c41002030405060708090a0b0c0d0e0f1011c410030405060708090a0b0c0d0e0f10"
    "1112c4100405060708090a0b0c0d0e0f101112130cc410e0e1e2e3e4e5e6e7e8e9eaebecedeeef0dc40180";
static const char golden_text[] =
    "8201b54772c3bcc39f650a097a7765697465205a65696c6502918901c410101112131415161718191a1b1c1d1e1f02c4"
    "20202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f03c420404142434445464748494a4b"
    "4c4d4e4f505152535455565758595a5b5c5d5e5f04c420606162636465666768696a6b6c6d6e6f707172737475767778"
    "797a7b7c7d7e7f05ce0001117006ce0001182a070208a970686f746f2e706e6709a9696d6167652f706e67";
static const char golden_plain[] = "8101a26869";
static const char golden_receipt[] =
    "8201020292c4100102030405060708090a0b0c0d0e0f10c41002030405060708090a0b0c0d0e0f1011";
static const char golden_nonce[] = "8101c410808182838485868788898a8b8c8d8e8f";
static const char golden_empty[] = "80";
static const char golden_cannot[] = "8101c410333435363738393a3b3c3d3e3f404142";
static const char golden_gap[] = "82010502cd012c";
static const char golden_blob[] = "8101c4107778797a7b7c7d7e7f80818283848586";

struct golden {
    uint8_t bytes[GOLDEN_MAX];
    size_t len;
};

static struct st_view unhex(const char *hex, struct golden *golden)
{
    assert_int_equal(sodium_hex2bin(golden->bytes, sizeof golden->bytes, hex, strlen(hex), NULL, &golden->len, NULL),
                     0);
    return st_view(golden->bytes, golden->len);
}

/* `len` bytes that count up from `start`. */
static struct st_view run(uint8_t *out, uint8_t start, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(start + i);
    return st_view(out, len);
}

/* Writes the body, compares it with the golden bytes, reads those, and writes what was read. */
static void expect_body(enum payload_type type, const void *body, void *again, const char *hex)
{
    struct golden golden;
    struct st_buf out;
    struct st_view want = unhex(hex, &golden);
    st_buf_init(&out, PAYLOAD_MAX);
    assert_int_equal(payload_body_write(type, body, &out), ST_OK);
    assert_int_equal(out.len, want.len);
    assert_memory_equal(out.p, want.p, want.len);
    assert_int_equal(payload_body_read(type, want, again), ST_OK);
    st_buf_clear(&out);
    assert_int_equal(payload_body_write(type, again, &out), ST_OK);
    assert_true(st_view_equal(st_buf_view(&out), want));
    /* Cut anywhere, or with a byte behind it, it is nothing. */
    for (size_t len = 0; len < want.len; len++)
        assert_int_equal(payload_body_read(type, st_view(want.p, len), again), ST_EMALFORMED);
    st_buf_append(&out, "", 1);
    assert_int_equal(payload_body_read(type, st_buf_view(&out), again), ST_EMALFORMED);
    st_buf_free(&out);
}

static void payload__body__text_golden(void **state)
{
    (void)state;
    uint8_t room[4][32];
    struct payload_attachment attachment = { .blob = run(room[0], 0x10, 16),
                                             .key = run(room[1], 0x20, 32),
                                             .digest = run(room[2], 0x40, 32),
                                             .sha256 = run(room[3], 0x60, 32),
                                             .bytes = 70000,
                                             .sealed_bytes = 71722,
                                             .chunks = 2,
                                             .name = st_view_text("photo.png"),
                                             .mime = st_view_text("image/png") };
    struct payload_text text = { .text = st_view_text("Gr\xc3\xbc\xc3\x9f"
                                                      "e\n\tzweite Zeile"),
                                 .attachments = { .count = 1, .items = &attachment } };
    struct payload_text again;
    ST_SET(&text, 2);
    expect_body(PAYLOAD_TEXT, &text, &again, golden_text);
    struct payload_text plain = { .text = st_view_text("hi") };
    expect_body(PAYLOAD_TEXT, &plain, &again, golden_plain);
}

static void payload__body__attachment_is_read_back(void **state)
{
    (void)state;
    struct golden golden;
    struct payload_text text;
    struct payload_attachment attachment;
    assert_int_equal(payload_body_read(PAYLOAD_TEXT, unhex(golden_text, &golden), &text), ST_OK);
    assert_true(ST_HAS(&text, 2));
    assert_true(st_records_next(&payload_schema_attachment, &text.attachments, &attachment));
    assert_int_equal(attachment.bytes, 70000);
    assert_true(st_view_equal(attachment.name, st_view_text("photo.png")));
    assert_false(st_records_next(&payload_schema_attachment, &text.attachments, &attachment));
}

static void payload__body__receipt_golden(void **state)
{
    (void)state;
    uint8_t ids[2][16];
    run(ids[0], 1, 16);
    run(ids[1], 2, 16);
    struct payload_receipt receipt = { .state = 2, .ids = { .count = 2, .items = ids } };
    struct payload_receipt again;
    expect_body(PAYLOAD_RECEIPT, &receipt, &again, golden_receipt);
}

static void payload__body__handshake_golden(void **state)
{
    (void)state;
    uint8_t nonce[16];
    struct payload_nonce body = { .nonce = run(nonce, 0x80, 16) };
    struct payload_nonce again;
    struct payload_empty empty = { 0 };
    struct payload_empty empty_again;
    expect_body(PAYLOAD_START_CHAT, &body, &again, golden_nonce);
    expect_body(PAYLOAD_CONFIRM_CHAT, &body, &again, golden_nonce);
    expect_body(PAYLOAD_EMPTY, &empty, &empty_again, golden_empty);
}

static void payload__body__trouble_golden(void **state)
{
    (void)state;
    uint8_t room[2][16];
    struct payload_cannot_read cannot = { .sid = run(room[0], 0x33, 16) };
    struct payload_cannot_read cannot_again;
    struct payload_gap gap = { .first = 5, .last = 300 };
    struct payload_gap gap_again;
    struct payload_blob_missing blob = { .blob = run(room[1], 0x77, 16) };
    struct payload_blob_missing blob_again;
    expect_body(PAYLOAD_CANNOT_READ, &cannot, &cannot_again, golden_cannot);
    expect_body(PAYLOAD_GAP, &gap, &gap_again, golden_gap);
    expect_body(PAYLOAD_BLOB_MISSING, &blob, &blob_again, golden_blob);
}

/* The head of the golden payloads; `room` holds its bytes. */
static struct payload head_of(uint8_t room[8][32])
{
    struct payload payload = { .id = run(room[0], 0xa0, 16),
                               .seq = 42,
                               .sent_at_ms = 1800000000123,
                               .own_list_seq = 3,
                               .own_list_hash = run(room[1], 0xb0, 16),
                               .peer_list_seq = 9,
                               .peer_list_hash = run(room[2], 0xc0, 16),
                               .chat = run(room[3], 0xe0, 16) };
    return payload;
}

static void expect_head(const struct payload *payload, const char *hex)
{
    struct golden golden;
    struct st_buf out;
    struct payload again;
    struct st_view want = unhex(hex, &golden);
    st_buf_init(&out, PAYLOAD_MAX);
    assert_int_equal(payload_write(payload, &out), ST_OK);
    assert_int_equal(out.len, want.len);
    assert_memory_equal(out.p, want.p, want.len);
    assert_int_equal(payload_read(want, &again), ST_OK);
    st_buf_clear(&out);
    assert_int_equal(payload_write(&again, &out), ST_OK);
    assert_true(st_view_equal(st_buf_view(&out), want));
    for (size_t len = 0; len < want.len; len++)
        assert_int_equal(payload_read(st_view(want.p, len), &again), ST_EMALFORMED);
    st_buf_free(&out);
}

static void payload__head__golden(void **state)
{
    (void)state;
    uint8_t room[8][32];
    struct golden body;
    struct e2e_known known = { .counter = 7 };
    struct payload payload = head_of(room);
    run(known.birth, 0xd0, 8);
    payload.type = PAYLOAD_TEXT;
    payload.body = unhex(golden_plain, &body);
    payload_known_put(&payload, &known);
    expect_head(&payload, golden_head_short);
    static const uint8_t empty_map = 0x80;
    payload.type = 200;
    payload.body = st_view(&empty_map, 1);
    known.count = 4;
    for (uint8_t i = 0; i < 4; i++)
        run(known.sids[i], (uint8_t)(i + 1), 16);
    payload_known_put(&payload, &known);
    ST_SET(&payload, 12);
    expect_head(&payload, golden_head_full);
}

static void payload__known__comes_out_as_it_went_in(void **state)
{
    (void)state;
    struct golden golden;
    struct payload payload;
    struct e2e_known known;
    uint8_t birth[8];
    assert_int_equal(payload_read(unhex(golden_head_full, &golden), &payload), ST_OK);
    assert_int_equal(payload_known_get(&payload, &known), ST_OK);
    assert_int_equal(known.counter, 7);
    assert_int_equal(known.count, 4);
    assert_memory_equal(known.birth, run(birth, 0xd0, 8).p, 8);
    for (uint8_t i = 0; i < 4; i++)
        assert_int_equal(known.sids[i][0], i + 1);
    /* Twice the same, or falling. */
    uint8_t *third = golden.bytes + (payload.known_sids.raw.p - golden.bytes) + 2 * (2 + 16) + 2;
    assert_int_equal(third[0], 3);
    third[0] = 2;
    for (int i = 1; i < 16; i++)
        third[i] = (uint8_t)(2 + i);
    assert_int_equal(payload_read(st_view(golden.bytes, golden.len), &payload), ST_OK);
    assert_int_equal(payload_known_get(&payload, &known), ST_EMALFORMED);
    assert_int_equal(known.count, 0);
}

static void payload__body__unknown_type_is_kept_for_a_newer_version(void **state)
{
    (void)state;
    struct golden golden;
    struct payload payload;
    struct payload_text body;
    struct st_buf out;
    st_buf_init(&out, PAYLOAD_MAX);
    assert_int_equal(payload_read(unhex(golden_head_full, &golden), &payload), ST_OK);
    assert_int_equal(payload.type, 200);
    assert_int_equal(payload_body_read(payload.type, payload.body, &body), ST_ENOTFOUND);
    assert_int_equal(payload_body_read(0, payload.body, &body), ST_ENOTFOUND);
    assert_int_equal(payload_body_read(9, payload.body, &body), ST_ENOTFOUND);
    assert_int_equal(payload_body_read(UINT64_MAX, payload.body, &body), ST_ENOTFOUND);
    assert_int_equal(payload_body_write((enum payload_type)200, &body, &out), ST_ENOTFOUND);
    st_buf_free(&out);
}

static void payload__body__limits(void **state)
{
    (void)state;
    static uint8_t letters[PAYLOAD_TEXT_MAX + 1];
    static uint8_t ids[PAYLOAD_RECEIPTS_MAX + 1][16];
    struct st_buf out;
    memset(letters, 'a', sizeof letters);
    st_buf_init(&out, 2 * PAYLOAD_MAX);
    struct payload_text text = { .text = st_view(letters, PAYLOAD_TEXT_MAX) };
    assert_int_equal(payload_body_write(PAYLOAD_TEXT, &text, &out), ST_OK);
    text.text.len++;
    assert_int_equal(payload_body_write(PAYLOAD_TEXT, &text, &out), ST_EMALFORMED);
    text.text = st_view_text("bell \x07");
    assert_int_equal(payload_body_write(PAYLOAD_TEXT, &text, &out), ST_EMALFORMED);
    text.text = st_view_text("");
    assert_int_equal(payload_body_write(PAYLOAD_TEXT, &text, &out), ST_OK);
    struct payload_receipt receipt = { .state = 1, .ids = { .count = PAYLOAD_RECEIPTS_MAX, .items = ids } };
    assert_int_equal(payload_body_write(PAYLOAD_RECEIPT, &receipt, &out), ST_OK);
    receipt.ids.count++;
    assert_int_equal(payload_body_write(PAYLOAD_RECEIPT, &receipt, &out), ST_EMALFORMED);
    receipt.ids.count = 0;
    assert_int_equal(payload_body_write(PAYLOAD_RECEIPT, &receipt, &out), ST_EMALFORMED);
    receipt.ids.count = 1;
    receipt.state = 3;
    assert_int_equal(payload_body_write(PAYLOAD_RECEIPT, &receipt, &out), ST_EMALFORMED);
    struct payload_nonce nonce = { .nonce = st_view(letters, 15) };
    assert_int_equal(payload_body_write(PAYLOAD_START_CHAT, &nonce, &out), ST_EMALFORMED);
    st_buf_free(&out);
}

/* A text of the largest size still fits the largest bucket with its head. */
static void payload__write__the_longest_text_fits(void **state)
{
    struct fixture *f = *state;
    static uint8_t letters[PAYLOAD_TEXT_MAX];
    uint8_t room[8][32];
    struct st_buf body;
    struct st_buf whole;
    struct e2e_known known;
    struct payload payload = head_of(room);
    memset(letters, 'a', sizeof letters);
    st_buf_init(&body, PAYLOAD_MAX);
    st_buf_init(&whole, 2 * PAYLOAD_MAX);
    fixture_talk(f);
    for (int i = 0; i < 3; i++)
        assert_int_equal(fixture_open(f, &f->a, 0, false), ST_OK);
    e2e_set_known(&f->a.set, e2e_set_choose(&f->a.set, f->now_s), &known);
    assert_int_equal(known.count, 4);
    payload_known_put(&payload, &known);
    ST_SET(&payload, 12);
    payload.type = PAYLOAD_TEXT;
    struct payload_text text = { .text = st_view(letters, sizeof letters) };
    assert_int_equal(payload_body_write(PAYLOAD_TEXT, &text, &body), ST_OK);
    payload.body = st_buf_view(&body);
    assert_int_equal(payload_write(&payload, &whole), ST_OK);
    st_buf_clear(&f->wire);
    assert_int_equal(e2e_encrypt(&f->a.set, &f->env, st_buf_view(&whole), f->now_s, &f->wire, &f->sent), ST_OK);
    assert_int_equal(fixture_receive(f, &f->b, st_buf_view(&f->wire)), E2E_READ);
    assert_true(st_view_equal(st_buf_view(&f->plain), st_buf_view(&whole)));
    /* A body that fits its own limit may still be too much with the head. */
    st_buf_clear(&whole);
    static uint8_t filler[PAYLOAD_MAX];
    payload.type = 200;
    payload.body = st_view(filler, sizeof filler);
    assert_int_equal(payload_write(&payload, &whole), ST_ELIMIT);
    st_buf_free(&body);
    st_buf_free(&whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(payload__body__text_golden),
        cmocka_unit_test(payload__body__attachment_is_read_back),
        cmocka_unit_test(payload__body__receipt_golden),
        cmocka_unit_test(payload__body__handshake_golden),
        cmocka_unit_test(payload__body__trouble_golden),
        cmocka_unit_test(payload__head__golden),
        cmocka_unit_test(payload__known__comes_out_as_it_went_in),
        cmocka_unit_test(payload__body__unknown_type_is_kept_for_a_newer_version),
        cmocka_unit_test(payload__body__limits),
        cmocka_unit_test_setup_teardown(payload__write__the_longest_text_fits, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
