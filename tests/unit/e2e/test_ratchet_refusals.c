/* What a ratchet refuses from the header alone, and every point of low order; the state stays as it was. */
#include "tests/unit/e2e/e2e_fixture.h"

#include <string.h>

/* Sets the 32 bytes at `offset` of the wire to every point of low order; each is refused and nothing changes. */
static void try_points(struct fixture *f, struct fixture_party *to, size_t offset)
{
    static uint8_t points[64][E2E_KEY_BYTES];
    uint8_t kept[E2E_KEY_BYTES];
    size_t count = fixture_zero_points(points, 64);
    assert_true(count >= 46);
    memcpy(kept, f->wire.p + offset, sizeof kept);
    for (size_t i = 0; i < count; i++) {
        memcpy(f->wire.p + offset, points[i], E2E_KEY_BYTES);
        fixture_refuse(f, to, st_buf_view(&f->wire), E2E_MALFORMED);
    }
    memcpy(f->wire.p + offset, kept, sizeof kept);
    assert_int_equal(fixture_receive(f, to, st_buf_view(&f->wire)), E2E_READ);
}

static void ratchet__open__refuses_low_order_r(void **state)
{
    struct fixture *f = *state;
    fixture_talk(f);
    fixture_send(f, &f->a, "a step");
    try_points(f, &f->b, 28);
}

static void ratchet__open__refuses_low_order_m(void **state)
{
    struct fixture *f = *state;
    fixture_talk(f);
    fixture_send(f, &f->a, "a step");
    try_points(f, &f->b, 60);
}

static void ratchet__open__refuses_low_order_e(void **state)
{
    struct fixture *f = *state;
    fixture_talk(f);
    fixture_send(f, &f->a, "a step");
    try_points(f, &f->b, 92);
    fixture_send(f, &f->a, "the same chain");
    try_points(f, &f->b, 92);
}

/* A step of A that closes a chain of B's knowledge, with another pn: refused before any tag is looked at. */
static void ratchet__open__refuses_pn_below_what_was_derived(void **state)
{
    struct fixture *f = *state;
    fixture_talk(f);
    fixture_pass(f, &f->a, "0");
    fixture_pass(f, &f->a, "1");
    fixture_pass(f, &f->b, "answer");
    fixture_send(f, &f->a, "step");
    for (uint32_t pn = 0; pn < 2; pn++) {
        st_put_u32(f->wire.p + 20, pn);
        fixture_refuse(f, &f->b, st_buf_view(&f->wire), E2E_MALFORMED);
    }
    st_put_u32(f->wire.p + 20, 2);
    assert_int_equal(fixture_receive(f, &f->b, st_buf_view(&f->wire)), E2E_READ);
}

/* B's first chain closes none of A's: there is nothing before it to be counted. */
static void ratchet__open__refuses_pn_where_no_chain_is_closed(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fixture_open(f, &f->a, 1, false), ST_OK);
    fixture_pass(f, &f->a, "first");
    fixture_send(f, &f->b, "answer");
    st_put_u32(f->wire.p + 20, 1);
    fixture_refuse(f, &f->a, st_buf_view(&f->wire), E2E_MALFORMED);
}

static void ratchet__open__refuses_a_second_step_without_an_answer(void **state)
{
    struct fixture *f = *state;
    fixture_talk(f);
    fixture_pass(f, &f->a, "one step");
    f->a.set.sessions[0]->ratchet.step_due = true;
    fixture_send(f, &f->a, "a second one");
    fixture_refuse(f, &f->b, st_buf_view(&f->wire), E2E_MALFORMED);
}

static void ratchet__open__refuses_another_m_under_a_known_r(void **state)
{
    struct fixture *f = *state;
    struct st_buf late;
    st_buf_init(&late, E2E_ENVELOPE_MAX);
    fixture_talk(f);
    fixture_send(f, &f->a, "late");
    st_buf_append(&late, f->wire.p, f->wire.len);
    late.p[60] ^= 1;
    fixture_pass(f, &f->a, "in time");
    fixture_refuse(f, &f->b, st_buf_view(&late), E2E_MALFORMED); /* of the open chain */
    fixture_pass(f, &f->b, "b");
    fixture_pass(f, &f->a, "a");
    fixture_refuse(f, &f->b, st_buf_view(&late), E2E_MALFORMED); /* of a closed one */
    late.p[60] ^= 1;
    assert_int_equal(fixture_receive(f, &f->b, st_buf_view(&late)), E2E_READ);
    st_buf_free(&late);
}

/* Told from the header alone, without a failed tag. */
static void ratchet__open__refuses_its_own_r(void **state)
{
    struct fixture *f = *state;
    fixture_talk(f);
    fixture_send(f, &f->a, "step");
    uint8_t kept[E2E_KEY_BYTES];
    memcpy(kept, f->wire.p + 28, sizeof kept);
    memcpy(f->wire.p + 28, f->b.set.sessions[0]->ratchet.r_pub, E2E_KEY_BYTES);
    fixture_refuse(f, &f->b, st_buf_view(&f->wire), E2E_MALFORMED);
    memcpy(f->wire.p + 28, kept, sizeof kept);
    assert_int_equal(fixture_receive(f, &f->b, st_buf_view(&f->wire)), E2E_READ);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ratchet__open__refuses_low_order_r),
        TEST(ratchet__open__refuses_low_order_m),
        TEST(ratchet__open__refuses_low_order_e),
        TEST(ratchet__open__refuses_pn_below_what_was_derived),
        TEST(ratchet__open__refuses_pn_where_no_chain_is_closed),
        TEST(ratchet__open__refuses_a_second_step_without_an_answer),
        TEST(ratchet__open__refuses_another_m_under_a_known_r),
        TEST(ratchet__open__refuses_its_own_r),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
