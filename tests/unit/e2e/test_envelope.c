/* The wire layout: what is taken, what is not, and that every byte of it is covered by the tag. */
#include "tests/unit/e2e/e2e_fixture.h"

#include <stdlib.h>
#include <string.h>

/* A wire that the test may change. */
static uint8_t *copy_wire(const struct fixture *f)
{
    uint8_t *p = malloc(f->wire.len);
    assert_non_null(p);
    memcpy(p, f->wire.p, f->wire.len);
    return p;
}

static void envelope__parse__own_message(void **state)
{
    struct fixture *f = *state;
    struct e2e_envelope envelope;
    fixture_talk(f);
    fixture_send(f, &f->a, "hello");
    assert_int_equal(e2e_envelope_parse(st_buf_view(&f->wire), &envelope), ST_OK);
    assert_false(envelope.initial);
    assert_int_equal(envelope.header.len, E2E_HEADER_BYTES);
    assert_int_equal(envelope.ct.len, E2E_PAD_MIN);
    assert_int_equal(envelope.n, 0);
    assert_memory_equal(envelope.sid, f->a.set.sessions[0]->sid, E2E_SID_BYTES);
}

static void envelope__parse__refuses_every_truncation(void **state)
{
    struct fixture *f = *state;
    struct e2e_envelope envelope;
    static const struct e2e_envelope nothing;
    assert_int_equal(fixture_open(f, &f->a, 1, false), ST_OK);
    fixture_send(f, &f->a, "hello");
    for (size_t len = 0; len < f->wire.len; len++) {
        uint8_t *exact = malloc(len > 0 ? len : 1); /* so that a sanitizer sees a read past the end */
        assert_non_null(exact);
        memcpy(exact, f->wire.p, len);
        assert_int_equal(e2e_envelope_parse(st_view(exact, len), &envelope), ST_EMALFORMED);
        assert_memory_equal(&envelope, &nothing, sizeof nothing);
        free(exact);
    }
    st_buf_append(&f->wire, "", 1);
    assert_int_equal(e2e_envelope_parse(st_buf_view(&f->wire), &envelope), ST_EMALFORMED);
}

static void envelope__parse__only_the_defined_versions_types_suites_and_flags(void **state)
{
    struct fixture *f = *state;
    struct e2e_envelope envelope;
    fixture_talk(f);
    fixture_send(f, &f->a, "hello");
    static const unsigned defined[4] = { 1, E2E_TYPE_MESSAGE, 1, 0 };
    for (size_t at = 0; at < 4; at++) {
        for (unsigned value = 0; value < 256; value++) {
            f->wire.p[at] = (uint8_t)value;
            enum st_err want = value == defined[at] ? ST_OK : ST_EMALFORMED;
            assert_int_equal(e2e_envelope_parse(st_buf_view(&f->wire), &envelope), want);
            if (want != ST_OK)
                fixture_refuse(f, &f->b, st_buf_view(&f->wire), E2E_MALFORMED);
        }
        f->wire.p[at] = (uint8_t)defined[at];
    }
    assert_int_equal(fixture_receive(f, &f->b, st_buf_view(&f->wire)), E2E_READ);
}

/* Version, type, suite and flags are one fixed value each, so a flipped bit there is malformed, not a wrong tag. */
static void flip_all_bits(struct fixture *f, size_t header_len)
{
    uint8_t *wire = copy_wire(f);
    for (size_t bit = 0; bit < header_len * 8; bit++) {
        wire[bit / 8] ^= (uint8_t)(1u << bit % 8);
        struct st_buf before;
        struct st_buf after;
        fixture_save(&f->b.set, &before);
        enum e2e_verdict verdict = fixture_receive(f, &f->b, st_view(wire, f->wire.len));
        fixture_save(&f->b.set, &after);
        assert_int_not_equal(verdict, E2E_READ);
        assert_int_not_equal(verdict, E2E_UNREADABLE);
        assert_true(st_view_equal(st_buf_view(&before), st_buf_view(&after)));
        st_buf_free(&before);
        st_buf_free(&after);
        wire[bit / 8] ^= (uint8_t)(1u << bit % 8);
        f->now_s += 120; /* past any pause */
    }
    free(wire);
}

static void envelope__receive__refuses_every_flipped_header_bit_of_a_message(void **state)
{
    struct fixture *f = *state;
    fixture_talk(f);
    fixture_send(f, &f->a, "hello");
    flip_all_bits(f, E2E_HEADER_BYTES);
    assert_int_equal(fixture_receive(f, &f->b, st_buf_view(&f->wire)), E2E_READ);
}

static void envelope__receive__refuses_every_flipped_header_bit_of_an_initial_message(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fixture_open(f, &f->a, 1, false), ST_OK);
    fixture_send(f, &f->a, "hello");
    flip_all_bits(f, E2E_HEADER_INITIAL_BYTES);
    assert_int_equal(f->b.set.count, 0);
    assert_int_equal(fixture_receive(f, &f->b, st_buf_view(&f->wire)), E2E_READ);
}

static void envelope__receive__refuses_every_flipped_header_bit_of_a_repeated_initial_message(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fixture_open(f, &f->a, 1, false), ST_OK);
    fixture_pass(f, &f->a, "hello");
    fixture_send(f, &f->a, "again");
    assert_true(f->sent.initial);
    flip_all_bits(f, E2E_HEADER_INITIAL_BYTES);
    assert_int_equal(f->b.set.count, 1);
    assert_int_equal(fixture_receive(f, &f->b, st_buf_view(&f->wire)), E2E_READ);
}

static void envelope__receive__refuses_flipped_bits_of_ciphertext_and_tag(void **state)
{
    struct fixture *f = *state;
    fixture_talk(f);
    fixture_send(f, &f->a, "hello");
    for (size_t at = E2E_HEADER_BYTES; at < f->wire.len; at++) {
        f->wire.p[at] ^= 0x10;
        fixture_refuse(f, &f->b, st_buf_view(&f->wire), E2E_WRONG_TAG);
        f->wire.p[at] ^= 0x10;
        f->now_s += 120;
    }
    assert_int_equal(fixture_receive(f, &f->b, st_buf_view(&f->wire)), E2E_READ);
}

/* A length that the counters must not pass, under tags that are right or wrong. */
static void refuse_counter(struct fixture *f, size_t offset, uint32_t value)
{
    uint8_t kept[4];
    memcpy(kept, f->wire.p + offset, sizeof kept);
    st_put_u32(f->wire.p + offset, value);
    fixture_refuse(f, &f->b, st_buf_view(&f->wire), E2E_MALFORMED);
    memcpy(f->wire.p + offset, kept, sizeof kept);
}

static void envelope__receive__refuses_counters_from_10000_on(void **state)
{
    struct fixture *f = *state;
    static const uint32_t values[] = { 10000, 10001, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff };
    fixture_talk(f);
    fixture_send(f, &f->a, "hello");
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        refuse_counter(f, 20, values[i]);
        refuse_counter(f, 24, values[i]);
    }
    /* 9,999 is a number that may be, but lies beyond what one message may pass over. */
    st_put_u32(f->wire.p + 24, 9999);
    fixture_refuse(f, &f->b, st_buf_view(&f->wire), E2E_BEYOND_SKIP);
    st_put_u32(f->wire.p + 24, 0);
    st_put_u32(f->wire.p + 20, 9999);
    fixture_refuse(f, &f->b, st_buf_view(&f->wire), E2E_BEYOND_SKIP);
}

/* THREAT-MODEL: a type-1 frame as type 2 and back. */
static void envelope__receive__refuses_one_type_as_the_other(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fixture_open(f, &f->a, 1, false), ST_OK);
    fixture_pass(f, &f->a, "first");
    fixture_send(f, &f->a, "second");
    uint8_t *wire = copy_wire(f);
    /* Without the block, as a message. */
    wire[1] = E2E_TYPE_MESSAGE;
    memmove(wire + E2E_HEADER_BYTES, wire + E2E_HEADER_INITIAL_BYTES, f->wire.len - E2E_HEADER_INITIAL_BYTES);
    fixture_refuse(f, &f->b, st_view(wire, f->wire.len - E2E_BLOCK_BYTES), E2E_WRONG_TAG);
    free(wire);
    assert_int_equal(fixture_receive(f, &f->b, st_buf_view(&f->wire)), E2E_READ);
    uint8_t block[E2E_BLOCK_BYTES];
    memcpy(block, f->wire.p + E2E_HEADER_BYTES, sizeof block);
    fixture_pass(f, &f->b, "answer");
    fixture_send(f, &f->a, "third");
    assert_false(f->sent.initial);
    /* With the right block, as an initial message. */
    uint8_t *longer = malloc(f->wire.len + E2E_BLOCK_BYTES);
    assert_non_null(longer);
    memcpy(longer, f->wire.p, E2E_HEADER_BYTES);
    memcpy(longer + E2E_HEADER_BYTES, block, sizeof block);
    memcpy(longer + E2E_HEADER_INITIAL_BYTES, f->wire.p + E2E_HEADER_BYTES, f->wire.len - E2E_HEADER_BYTES);
    longer[1] = E2E_TYPE_INITIAL;
    fixture_refuse(f, &f->b, st_view(longer, f->wire.len + E2E_BLOCK_BYTES), E2E_WRONG_TAG);
    free(longer);
    assert_int_equal(fixture_receive(f, &f->b, st_buf_view(&f->wire)), E2E_READ);
}

static void envelope__send__length_tells_the_bucket_only(void **state)
{
    struct fixture *f = *state;
    static uint8_t text[E2E_PLAIN_MAX + 1];
    static const size_t lens[] = { 0, 1, 255, 256, 511, 512, 1000, 32767, 32768, 65000, 65535 };
    fixture_talk(f);
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        size_t bucket = 256;
        while (bucket <= lens[i])
            bucket *= 2;
        st_buf_clear(&f->wire);
        enum st_err err = e2e_encrypt(&f->a.set, &f->env, st_view(text, lens[i]), f->now_s, &f->wire, &f->sent);
        assert_int_equal(err, ST_OK);
        assert_int_equal(f->wire.len, E2E_HEADER_BYTES + bucket + E2E_TAG_BYTES);
        assert_int_equal(fixture_receive(f, &f->b, st_buf_view(&f->wire)), E2E_READ);
        assert_int_equal(f->plain.len, lens[i]);
    }
    struct st_buf before;
    struct st_buf after;
    fixture_save(&f->a.set, &before);
    st_buf_clear(&f->wire);
    assert_int_equal(e2e_encrypt(&f->a.set, &f->env, st_view(text, sizeof text), f->now_s, &f->wire, &f->sent),
                     ST_ELIMIT);
    fixture_save(&f->a.set, &after);
    assert_true(st_view_equal(st_buf_view(&before), st_buf_view(&after)));
    st_buf_free(&before);
    st_buf_free(&after);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(envelope__parse__own_message),
        TEST(envelope__parse__refuses_every_truncation),
        TEST(envelope__parse__only_the_defined_versions_types_suites_and_flags),
        TEST(envelope__receive__refuses_every_flipped_header_bit_of_a_message),
        TEST(envelope__receive__refuses_every_flipped_header_bit_of_an_initial_message),
        TEST(envelope__receive__refuses_every_flipped_header_bit_of_a_repeated_initial_message),
        TEST(envelope__receive__refuses_flipped_bits_of_ciphertext_and_tag),
        TEST(envelope__receive__refuses_counters_from_10000_on),
        TEST(envelope__receive__refuses_one_type_as_the_other),
        TEST(envelope__send__length_tells_the_bucket_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
