/* Saved sets: what is saved is what is loaded, it is small, and damaged or hostile bytes are an error and nothing
 * worse. */
#include "tests/unit/e2e/e2e_fixture.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

enum { CHECKSUM = 8 };

/* A set with everything in it: two sessions, keys of an open and a closed chain, remembered chains, a peer's list. */
static void rich(struct fixture *f)
{
    fixture_talk(f);
    for (int i = 0; i < 3; i++) {
        fixture_pass_known(f, &f->a, "a");
        fixture_pass_known(f, &f->b, "b");
    }
    fixture_send(f, &f->a, "lost");
    fixture_pass(f, &f->a, "a");
    fixture_pass(f, &f->b, "b");
    fixture_send(f, &f->a, "lost too");
    fixture_pass(f, &f->a, "a");
    assert_int_equal(fixture_open(f, &f->b, 0, false), ST_OK);
}

static void saved__load__gives_back_the_same_bytes(void **state)
{
    struct fixture *f = *state;
    rich(f);
    struct st_buf one;
    struct st_buf two;
    struct e2e_set copy;
    fixture_save(&f->b.set, &one);
    fixture_clone(&f->b.set, &copy);
    fixture_save(&copy, &two);
    assert_true(st_view_equal(st_buf_view(&one), st_buf_view(&two)));
    st_buf_free(&one);
    st_buf_free(&two);
    /* And it goes on from there. */
    e2e_set_deinit(&f->b.set);
    f->b.set = copy;
    fixture_pass_known(f, &f->b, "b");
    fixture_pass_known(f, &f->a, "a");
}

static void saved__load__every_stage_of_a_session(void **state)
{
    struct fixture *f = *state;
    struct e2e_set copy;
    assert_int_equal(fixture_open(f, &f->a, 1, false), ST_OK);
    for (int i = 0; i < 8; i++) {
        struct fixture_party *by = i % 3 == 2 ? &f->b : &f->a;
        fixture_pass(f, by, "x");
        fixture_clone(&f->a.set, &copy);
        e2e_set_deinit(&f->a.set);
        f->a.set = copy;
        fixture_clone(&f->b.set, &copy);
        e2e_set_deinit(&f->b.set);
        f->b.set = copy;
    }
}

static void saved__save__is_small(void **state)
{
    struct fixture *f = *state;
    fixture_talk(f);
    for (int i = 0; i < 100; i++) {
        fixture_pass_known(f, &f->a, "a");
        fixture_pass_known(f, &f->b, "b");
    }
    struct st_buf bytes;
    fixture_save(&f->a.set, &bytes);
    assert_true(bytes.len < 800);
    st_buf_free(&bytes);
}

static void saved__save__full_buffer_is_an_error(void **state)
{
    struct fixture *f = *state;
    rich(f);
    struct st_buf whole;
    fixture_save(&f->b.set, &whole);
    for (size_t limit = 0; limit < whole.len; limit += 7) {
        struct st_buf bytes;
        st_buf_init(&bytes, limit);
        assert_int_equal(e2e_set_save(&f->b.set, &bytes), ST_ELIMIT);
        st_buf_free(&bytes);
    }
    st_buf_free(&whole);
}

static void expect_foreign(const uint8_t *bytes, size_t len)
{
    static const struct e2e_set nothing;
    struct e2e_set set;
    uint8_t *exact = malloc(len > 0 ? len : 1);
    assert_non_null(exact);
    memcpy(exact, bytes, len);
    assert_int_equal(e2e_set_load(&set, st_view(exact, len)), ST_EFOREIGN);
    assert_memory_equal(&set, &nothing, sizeof nothing);
    free(exact);
}

static void saved__load__refuses_every_truncation_and_every_flipped_bit(void **state)
{
    struct fixture *f = *state;
    struct st_buf bytes;
    rich(f);
    fixture_save(&f->b.set, &bytes);
    for (size_t len = 0; len < bytes.len; len++)
        expect_foreign(bytes.p, len);
    for (size_t bit = 0; bit < bytes.len * 8; bit++) {
        bytes.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
        expect_foreign(bytes.p, bytes.len);
        bytes.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    st_buf_append(&bytes, "", 1);
    expect_foreign(bytes.p, bytes.len);
    st_buf_free(&bytes);
}

/* The checksum put right, as somebody would who can write to the database. */
static void fix_checksum(uint8_t *bytes, size_t len)
{
    uint8_t hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(hash, bytes, len - CHECKSUM);
    memcpy(bytes + len - CHECKSUM, hash, CHECKSUM);
}

/* Loads bytes; if they load, uses the set in every way: nothing may crash. */
static void use(struct fixture *f, const uint8_t *bytes, size_t len)
{
    struct e2e_set set;
    struct st_buf out;
    struct e2e_sent sent;
    struct e2e_known known;
    if (e2e_set_load(&set, st_view(bytes, len)) != ST_OK)
        return;
    assert_true(set.count <= E2E_SESSIONS_MAX);
    st_buf_init(&out, E2E_SAVED_MAX);
    assert_int_equal(e2e_set_save(&set, &out), ST_OK);
    st_buf_clear(&out);
    e2e_set_known(&set, e2e_set_choose(&set, f->now_s), &known);
    (void)e2e_set_renewal(&set, 0, f->now_s);
    enum st_err err = e2e_encrypt(&set, &f->env, st_view_text("x"), f->now_s, &out, &sent);
    (void)err;
    struct e2e_set kept = f->b.set;
    f->b.set = set;
    (void)fixture_receive(f, &f->b, st_buf_view(&f->wire));
    set = f->b.set;
    f->b.set = kept;
    (void)e2e_set_spk_erased(&set, 1);
    (void)e2e_set_tick(&set, UINT64_MAX);
    st_buf_free(&out);
    e2e_set_deinit(&set);
}

static void saved__load__hostile_bytes_never_crash(void **state)
{
    struct fixture *f = *state;
    struct st_buf bytes;
    rich(f);
    fixture_send(f, &f->a, "next");
    fixture_save(&f->b.set, &bytes);
    static const uint8_t masks[] = { 0x01, 0x80, 0xff };
    for (size_t at = 0; at < bytes.len - CHECKSUM; at++) {
        for (size_t i = 0; i < sizeof masks; i++) {
            bytes.p[at] ^= masks[i];
            fix_checksum(bytes.p, bytes.len);
            use(f, bytes.p, bytes.len);
            bytes.p[at] ^= masks[i];
        }
    }
    /* Cut, with a right checksum behind the cut. */
    for (size_t len = CHECKSUM; len < bytes.len; len++) {
        uint8_t *cut = malloc(len);
        assert_non_null(cut);
        memcpy(cut, bytes.p, len);
        fix_checksum(cut, len);
        expect_foreign(cut, len);
        free(cut);
    }
    st_buf_free(&bytes);
}

/* Appends a right checksum, and expects that the bytes do not load. */
static void expect_foreign_with_checksum(struct st_buf *bytes)
{
    static const uint8_t room[CHECKSUM];
    st_buf_append(bytes, room, sizeof room);
    fix_checksum(bytes->p, bytes->len);
    expect_foreign(bytes->p, bytes->len);
}

static void saved__load__refuses_what_a_writer_never_makes(void **state)
{
    struct fixture *f = *state;
    struct st_buf bytes;
    struct st_buf forged;
    fixture_talk(f);
    fixture_save(&f->a.set, &bytes);
    st_buf_init(&forged, E2E_SAVED_MAX);
    /* The head of a set that knows nothing of its peer, the number of sessions, length and session. */
    size_t head = 47;
    size_t body = bytes.len - CHECKSUM - head - 1;
    assert_int_equal(bytes.p[head], 1);
    assert_int_equal(st_get_u32(bytes.p + head + 1), body - 4);
    /* A byte behind the last session. */
    st_buf_append(&forged, bytes.p, bytes.len - CHECKSUM);
    st_buf_append(&forged, "", 1);
    expect_foreign_with_checksum(&forged);
    /* A byte behind the session, inside its length. */
    st_buf_clear(&forged);
    st_buf_append(&forged, bytes.p, bytes.len - CHECKSUM);
    st_buf_append(&forged, "", 1);
    st_put_u32(forged.p + head + 1, (uint32_t)(body - 4 + 1));
    expect_foreign_with_checksum(&forged);
    /* The same session twice. */
    st_buf_clear(&forged);
    st_buf_append(&forged, bytes.p, bytes.len - CHECKSUM);
    st_buf_append(&forged, bytes.p + head + 1, body);
    forged.p[head] = 2;
    expect_foreign_with_checksum(&forged);
    /* A closed session, a state that is none, a reason and a flag that are none. */
    for (size_t at = 0; at < 3; at++) {
        static const uint8_t wrong[2][3] = { { E2E_CLOSED, 3, 8 }, { 200, 255, 128 } };
        for (size_t i = 0; i < 2; i++) {
            st_buf_clear(&forged);
            st_buf_append(&forged, bytes.p, bytes.len - CHECKSUM);
            forged.p[head + 1 + 4 + at] = wrong[i][at];
            expect_foreign_with_checksum(&forged);
        }
    }
    /* More sessions than there are. */
    st_buf_clear(&forged);
    st_buf_append(&forged, bytes.p, bytes.len - CHECKSUM);
    forged.p[head] = 5;
    expect_foreign_with_checksum(&forged);
    st_buf_free(&forged);
    st_buf_free(&bytes);
}

/* A key of no chain, or of a number that was not passed over. */
static void saved__load__refuses_keys_without_a_place(void **state)
{
    struct fixture *f = *state;
    struct st_buf bytes;
    rich(f);
    struct ratchet *ratchet = &f->b.set.sessions[0]->ratchet;
    assert_true(ratchet->key_count >= 2);
    struct ratchet_key *newest = &ratchet->keys[ratchet->key_count - 1];
    struct ratchet_key kept = *newest;
    assert_int_equal(newest->chain, ratchet->peer.id);
    newest->n = ratchet->received;
    fixture_save(&f->b.set, &bytes);
    expect_foreign(bytes.p, bytes.len);
    st_buf_free(&bytes);
    *newest = kept;
    newest->chain = ratchet->next_chain;
    fixture_save(&f->b.set, &bytes);
    expect_foreign(bytes.p, bytes.len);
    st_buf_free(&bytes);
    *newest = kept;
    ratchet->old[0].id = ratchet->peer.id;
    fixture_save(&f->b.set, &bytes);
    expect_foreign(bytes.p, bytes.len);
    st_buf_free(&bytes);
}

static void saved__load__refuses_a_newer_version(void **state)
{
    struct fixture *f = *state;
    struct st_buf bytes;
    fixture_talk(f);
    fixture_save(&f->a.set, &bytes);
    for (unsigned version = 0; version < 256; version++) {
        if (version == 1)
            continue;
        bytes.p[0] = (uint8_t)version;
        fix_checksum(bytes.p, bytes.len);
        expect_foreign(bytes.p, bytes.len);
    }
    st_buf_free(&bytes);
}

static void saved__load__keeps_days_and_counts(void **state)
{
    struct fixture *f = *state;
    struct e2e_set copy;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(fixture_open(f, &f->a, 1, false), ST_OK);
        assert_int_equal(e2e_set_opk_unknown(&f->a.set, f->a.set.sessions[0]->sid, f->now_s), ST_OK);
    }
    fixture_clone(&f->a.set, &copy);
    assert_int_equal(copy.opk_retries, 3);
    assert_int_equal(copy.opk_day, f->now_s / FIXTURE_DAY);
    assert_int_equal(copy.counter, 6);
    assert_int_equal(copy.next_order, 3);
    assert_int_equal(copy.dev_id, 7);
    assert_memory_equal(copy.acct_id, f->b.self.ident.acct_id, ST_ACCT_BYTES);
    e2e_set_deinit(&copy);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(saved__load__gives_back_the_same_bytes),
        TEST(saved__load__every_stage_of_a_session),
        TEST(saved__save__is_small),
        TEST(saved__save__full_buffer_is_an_error),
        TEST(saved__load__refuses_every_truncation_and_every_flipped_bit),
        TEST(saved__load__hostile_bytes_never_crash),
        TEST(saved__load__refuses_what_a_writer_never_makes),
        TEST(saved__load__refuses_keys_without_a_place),
        TEST(saved__load__refuses_a_newer_version),
        TEST(saved__load__keeps_days_and_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
