/* Opening sessions: bundles, points of low order, and encrypting without a session or without room. */
#include "tests/unit/e2e/e2e_fixture.h"

#include <string.h>

#include <sodium.h>

#include "client/e2e/x3dh.h"

static enum st_err never(void *ctx, uint32_t id, struct e2e_pair *pair_r)
{
    (void)ctx;
    (void)id;
    (void)pair_r;
    fail_msg("a prekey was looked up");
    return ST_EIO;
}

static enum st_err not_seen(void *ctx, const uint8_t ek_hash[static E2E_HASH_BYTES])
{
    (void)ctx;
    (void)ek_hash;
    return ST_ENOTFOUND;
}

/* What B is told about an incoming copy, for tests that want it otherwise than the fixture. */
static struct e2e_incoming incoming_of(struct fixture *f, const struct e2e_prekeys *prekeys)
{
    return (struct e2e_incoming) { .self = &f->b.self,
                                   .from_acct = f->a.self.ident.acct_id,
                                   .from_dev = f->a.self.ident.dev_id,
                                   .listed = &f->a.self.ident,
                                   .prekeys = prekeys,
                                   .account_budget = &f->b.budget,
                                   .envelope = st_buf_view(&f->wire),
                                   .now_s = f->now_s };
}

static enum st_err give_spk(void *ctx, uint32_t id, struct e2e_pair *pair_r)
{
    const struct fixture_party *party = ctx;
    *pair_r = party->spk[0].pair;
    return id == 1 ? ST_OK : ST_ENOTFOUND;
}

/* Decrypts f->wire at B with `incoming` and returns the verdict. */
static enum e2e_verdict decrypt_with(struct fixture *f, const struct e2e_incoming *incoming)
{
    assert_int_equal(e2e_decrypt(&f->b.set, incoming, &f->plain, &f->received), ST_OK);
    return f->received.verdict;
}

/* ---- opening ---- */

static enum st_err open_with(struct fixture *f, const struct st_bundle *bundle)
{
    struct e2e_start start = {
        .self = &f->a.self, .bundle = bundle, .list = &f->b.list, .ak = f->b.ak.pub, .now_s = f->now_s
    };
    return e2e_open_outgoing(&f->a.set, &f->env, &start);
}

static void open_outgoing__bundle__is_checked(void **state)
{
    struct fixture *f = *state;
    struct st_bundle good = fixture_bundle(&f->b, 1, 1);
    struct st_bundle bad = good;
    bad.spk.sig[0] ^= 1;
    assert_int_equal(open_with(f, &bad), ST_EINTEGRITY);
    bad = good;
    bad.spk.pub[0] ^= 1;
    assert_int_equal(open_with(f, &bad), ST_EINTEGRITY);
    bad = good;
    bad.device.dik[0] ^= 1;
    assert_int_equal(open_with(f, &bad), ST_EREFUSED);
    bad = good;
    bad.device.dev_id = 8;
    assert_int_equal(open_with(f, &bad), ST_EREFUSED);
    f->now_s = good.spk.created + 45 * FIXTURE_DAY + 1;
    assert_int_equal(open_with(f, &good), ST_EREFUSED);
    f->now_s = FIXTURE_NOW;
    assert_int_equal(f->a.set.count, 0);
    assert_int_equal(open_with(f, &good), ST_OK);
    assert_int_equal(f->a.set.count, 1);
}

static void open_outgoing__low_order_prekeys__are_refused(void **state)
{
    struct fixture *f = *state;
    static uint8_t points[64][E2E_KEY_BYTES];
    size_t count = fixture_zero_points(points, 64);
    for (size_t i = 0; i < count; i++) {
        struct st_bundle bundle = fixture_bundle(&f->b, 1, 1);
        memcpy(bundle.opk, points[i], sizeof bundle.opk);
        assert_int_equal(open_with(f, &bundle), ST_EREFUSED);
        bundle = fixture_bundle(&f->b, 1, 1);
        memcpy(bundle.spk.pub, points[i], sizeof bundle.spk.pub);
        assert_int_equal(st_prekey_sign(&bundle.spk, f->b.dsk.secret, f->b.self.ident.acct_id, f->b.self.ident.dev_id),
                         ST_OK);
        assert_int_equal(open_with(f, &bundle), ST_EREFUSED);
        assert_int_equal(f->a.set.count, 0);
    }
}

/* An initial message with EK or DIK of low order, its sid right and its sender listed with just that DIK. */
static void receive__initial__low_order_ek_and_dik_are_refused(void **state)
{
    struct fixture *f = *state;
    static uint8_t points[64][E2E_KEY_BYTES];
    const struct e2e_prekeys prekeys = { &f->b, give_spk, never, not_seen };
    size_t count = fixture_zero_points(points, 64);
    assert_int_equal(fixture_open(f, &f->a, 0, false), ST_OK);
    fixture_send(f, &f->a, "x");
    for (size_t i = 0; i < 2 * count; i++) {
        struct e2e_block block;
        uint8_t th[E2E_HASH_BYTES];
        e2e_envelope_block_read(f->wire.p + E2E_HEADER_BYTES, &block);
        memcpy(i < count ? block.ek : block.ident.dik, points[i % count], E2E_KEY_BYTES);
        const struct x3dh_public pub = {
            .a = &block.ident, .b = &f->b.self.ident, .ek = block.ek, .spk = f->b.spk[0].pair.pub, .spk_id = 1
        };
        struct st_buf wire;
        st_buf_init(&wire, E2E_ENVELOPE_MAX);
        st_buf_append(&wire, f->wire.p, f->wire.len);
        x3dh_transcript(&pub, th, wire.p + 4);
        e2e_envelope_block_write(&block, wire.p + E2E_HEADER_BYTES);
        struct e2e_incoming incoming = incoming_of(f, &prekeys);
        incoming.envelope = st_buf_view(&wire);
        incoming.listed = &block.ident;
        assert_int_equal(decrypt_with(f, &incoming), E2E_MALFORMED);
        assert_int_equal(f->b.set.count, 0);
        st_buf_free(&wire);
    }
}

static void encrypt__without_session__says_not_found(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(e2e_encrypt(&f->a.set, &f->env, st_view_text("x"), f->now_s, &f->wire, &f->sent), ST_ENOTFOUND);
    assert_int_equal(f->wire.len, 0);
}

static void encrypt__full_buffer__changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct st_buf small;
    struct st_buf before;
    struct st_buf after;
    fixture_talk(f);
    fixture_pass(f, &f->a, "x");
    fixture_pass(f, &f->b, "a step is due for A");
    fixture_save(&f->a.set, &before);
    st_buf_init(&small, 415);
    assert_int_equal(e2e_encrypt(&f->a.set, &f->env, st_view_text("x"), f->now_s, &small, &f->sent), ST_ELIMIT);
    fixture_save(&f->a.set, &after);
    assert_true(st_view_equal(st_buf_view(&before), st_buf_view(&after)));
    st_buf_free(&small);
    st_buf_free(&before);
    st_buf_free(&after);
    fixture_pass(f, &f->a, "still works");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(open_outgoing__bundle__is_checked),
        TEST(open_outgoing__low_order_prekeys__are_refused),
        TEST(receive__initial__low_order_ek_and_dik_are_refused),
        TEST(encrypt__without_session__says_not_found),
        TEST(encrypt__full_buffer__changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
