/* Memory that runs out: at every allocation of every call, the call says so and nothing has changed. */
#include "tests/unit/e2e/e2e_fixture.h"

#include <stdlib.h>
#include <string.h>

/* Which allocation from now on fails: 1 is the next; 0: none. The linker sends every malloc and calloc here. */
static unsigned fail_at;
static unsigned failures;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);

static bool fails(void)
{
    if (fail_at == 0 || --fail_at != 0)
        return false;
    failures++;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

/* A call under test, on a set. */
typedef enum st_err (*call_fn)(struct fixture *f, struct e2e_set *set);

/* Lets the first, the second, the third … allocation of the call fail, each time on a fresh copy of the set, until it
 * succeeds; the set is then what the call made of it. Returns how many failed. */
static unsigned torture(struct fixture *f, struct e2e_set *set, call_fn call)
{
    struct st_buf before;
    struct st_buf after;
    fixture_save(set, &before);
    failures = 0;
    for (unsigned n = 1; n < 100; n++) {
        e2e_set_deinit(set);
        assert_int_equal(e2e_set_load(set, st_buf_view(&before)), ST_OK);
        fail_at = n;
        enum st_err err = call(f, set);
        fail_at = 0;
        if (err == ST_OK) {
            st_buf_free(&before);
            return failures;
        }
        assert_int_equal(err, ST_ENOMEM);
        fixture_save(set, &after);
        assert_true(st_view_equal(st_buf_view(&before), st_buf_view(&after)));
        st_buf_free(&after);
    }
    fail_msg("the call never succeeds");
    return 0;
}

static enum st_err call_open(struct fixture *f, struct e2e_set *set)
{
    (void)set;
    return fixture_open(f, &f->a, 1, false);
}

static enum st_err call_encrypt(struct fixture *f, struct e2e_set *set)
{
    struct st_buf out;
    st_buf_init(&out, E2E_ENVELOPE_MAX);
    enum st_err err = e2e_encrypt(set, &f->env, st_view_text("x"), f->now_s, &out, &f->sent);
    st_buf_free(&out);
    return err;
}

static enum st_err spk_of_b(void *ctx, uint32_t id, struct e2e_pair *pair_r)
{
    const struct fixture *f = ctx;
    (void)id;
    *pair_r = f->b.spk[0].pair;
    return ST_OK;
}

static enum st_err opk_of_b(void *ctx, uint32_t id, struct e2e_pair *pair_r)
{
    const struct fixture *f = ctx;
    *pair_r = f->b.opk[id - 1].pair;
    return ST_OK;
}

static enum st_err no_ek(void *ctx, const uint8_t ek_hash[static E2E_HASH_BYTES])
{
    (void)ctx;
    (void)ek_hash;
    return ST_ENOTFOUND;
}

/* B reads f->wire. */
static enum st_err call_decrypt(struct fixture *f, struct e2e_set *set)
{
    const struct e2e_prekeys prekeys = { f, spk_of_b, opk_of_b, no_ek };
    const struct e2e_incoming incoming = { .self = &f->b.self,
                                           .from_acct = f->a.self.ident.acct_id,
                                           .from_dev = f->a.self.ident.dev_id,
                                           .listed = &f->a.self.ident,
                                           .prekeys = &prekeys,
                                           .account_budget = &f->b.budget,
                                           .envelope = st_buf_view(&f->wire),
                                           .now_s = f->now_s };
    struct st_buf plain;
    st_buf_init(&plain, E2E_PAD_MAX);
    enum st_err err = e2e_decrypt(set, &incoming, &plain, &f->received);
    if (err == ST_OK)
        assert_int_equal(f->received.verdict, E2E_READ);
    assert_true(err == ST_OK || plain.len == 0);
    st_buf_free(&plain);
    return err;
}

static enum st_err call_save(struct fixture *f, struct e2e_set *set)
{
    struct st_buf out;
    (void)f;
    st_buf_init(&out, E2E_SAVED_MAX);
    enum st_err err = e2e_set_save(set, &out);
    st_buf_free(&out);
    return err;
}

/* Loads what lies in f->plain. */
static enum st_err call_load(struct fixture *f, struct e2e_set *set)
{
    struct e2e_set copy;
    (void)set;
    enum st_err err = e2e_set_load(&copy, st_buf_view(&f->plain));
    assert_true(err == ST_OK || copy.count == 0);
    e2e_set_deinit(&copy);
    return err;
}

static void memory__open__changes_nothing_without(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(torture(f, &f->a.set, call_open), 1);
    assert_int_equal(f->a.set.count, 1);
}

static void memory__encrypt__changes_nothing_without(void **state)
{
    struct fixture *f = *state;
    fixture_talk(f);
    assert_true(torture(f, &f->a.set, call_encrypt) >= 1);
}

static void memory__accept__changes_nothing_without(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fixture_open(f, &f->a, 1, false), ST_OK);
    fixture_send(f, &f->a, "lost");
    fixture_send(f, &f->a, "with a key passed over");
    assert_true(torture(f, &f->b.set, call_decrypt) >= 5);
    assert_int_equal(f->b.set.count, 1);
}

static void memory__decrypt__changes_nothing_without(void **state)
{
    struct fixture *f = *state;
    fixture_talk(f);
    fixture_pass(f, &f->a, "step");
    fixture_send(f, &f->a, "lost at the end of a chain");
    fixture_pass(f, &f->b, "answer");
    fixture_send(f, &f->a, "lost at the start of the next");
    fixture_send(f, &f->a, "closes one chain and opens another");
    assert_true(torture(f, &f->b.set, call_decrypt) >= 4);
    assert_int_equal(f->b.set.sessions[0]->ratchet.key_count, 2);
    assert_int_equal(f->b.set.sessions[0]->ratchet.old_count, 1);
}

static void memory__save_and_load__say_so(void **state)
{
    struct fixture *f = *state;
    fixture_talk(f);
    fixture_send(f, &f->a, "lost");
    fixture_pass(f, &f->a, "a");
    fixture_pass(f, &f->b, "b");
    fixture_send(f, &f->a, "lost");
    fixture_pass(f, &f->a, "a");
    assert_true(torture(f, &f->b.set, call_save) >= 1);
    st_buf_free(&f->plain);
    st_buf_init(&f->plain, E2E_SAVED_MAX);
    assert_int_equal(e2e_set_save(&f->b.set, &f->plain), ST_OK);
    assert_int_equal(torture(f, &f->b.set, call_load), 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(memory__open__changes_nothing_without),   TEST(memory__encrypt__changes_nothing_without),
        TEST(memory__accept__changes_nothing_without), TEST(memory__decrypt__changes_nothing_without),
        TEST(memory__save_and_load__say_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
