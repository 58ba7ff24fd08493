/* X3DH: both sides agree, every public value counts, points of low order are refused. */
#include "tests/unit/e2e/e2e_fixture.h"

#include <string.h>

#include <sodium.h>

#include "client/e2e/x3dh.h"

/* A's and B's halves of one agreement. */
struct meeting {
    struct e2e_pair ek;
    struct x3dh_public pub;
    struct x3dh_secrets secrets;
};

static void meet(struct fixture *f, struct meeting *meeting, uint32_t opk_id)
{
    assert_int_equal(e2e_identity_pair(&f->env, &meeting->ek), ST_OK);
    meeting->pub = (struct x3dh_public) { .a = &f->a.self.ident,
                                          .b = &f->b.self.ident,
                                          .ek = meeting->ek.pub,
                                          .spk = f->b.spk[0].pair.pub,
                                          .opk = f->b.opk[0].pair.pub,
                                          .spk_id = 1,
                                          .opk_id = opk_id };
    meeting->secrets = (struct x3dh_secrets) { f->b.dik.secret, f->b.spk[0].pair.secret, f->b.opk[0].pair.secret };
}

static void x3dh__respond__agrees_with_initiate(void **state)
{
    struct fixture *f = *state;
    for (uint32_t opk_id = 0; opk_id < 2; opk_id++) {
        struct meeting meeting;
        struct x3dh_result a;
        struct x3dh_result b;
        meet(f, &meeting, opk_id);
        assert_int_equal(x3dh_initiate(&meeting.pub, f->a.dik.secret, meeting.ek.secret, &a), ST_OK);
        assert_int_equal(x3dh_respond(&meeting.pub, &meeting.secrets, &b), ST_OK);
        assert_memory_equal(&a, &b, sizeof a);
    }
}

static void x3dh__initiate__with_and_without_opk_differ(void **state)
{
    struct fixture *f = *state;
    struct meeting meeting;
    struct x3dh_result with;
    struct x3dh_result without;
    meet(f, &meeting, 1);
    assert_int_equal(x3dh_initiate(&meeting.pub, f->a.dik.secret, meeting.ek.secret, &with), ST_OK);
    meeting.pub.opk_id = 0;
    meeting.pub.opk = NULL;
    assert_int_equal(x3dh_initiate(&meeting.pub, f->a.dik.secret, meeting.ek.secret, &without), ST_OK);
    assert_memory_not_equal(with.sk, without.sk, sizeof with.sk);
    assert_memory_not_equal(with.sid, without.sid, sizeof with.sid);
}

/* Wrong private keys on either side give another SK, though TH is the same. */
static void x3dh__respond__needs_every_private_key(void **state)
{
    struct fixture *f = *state;
    struct meeting meeting;
    struct x3dh_result right;
    struct x3dh_result wrong;
    struct e2e_pair other;
    meet(f, &meeting, 1);
    assert_int_equal(e2e_identity_pair(&f->env, &other), ST_OK);
    assert_int_equal(x3dh_respond(&meeting.pub, &meeting.secrets, &right), ST_OK);
    const struct x3dh_secrets tries[] = {
        { other.secret, meeting.secrets.spk, meeting.secrets.opk },
        { meeting.secrets.dik, other.secret, meeting.secrets.opk },
        { meeting.secrets.dik, meeting.secrets.spk, other.secret },
    };
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(x3dh_respond(&meeting.pub, &tries[i], &wrong), ST_OK);
        assert_memory_equal(right.th, wrong.th, sizeof right.th);
        assert_memory_not_equal(right.sk, wrong.sk, sizeof right.sk);
    }
}

static void x3dh__transcript__covers_every_public_byte(void **state)
{
    struct fixture *f = *state;
    struct meeting meeting;
    uint8_t th[E2E_HASH_BYTES];
    uint8_t sid[E2E_SID_BYTES];
    uint8_t other_th[E2E_HASH_BYTES];
    uint8_t other_sid[E2E_SID_BYTES];
    meet(f, &meeting, 1);
    x3dh_transcript(&meeting.pub, th, sid);
    for (size_t i = 0; i < 2 * E2E_IDENT_BYTES; i++) {
        uint8_t bytes[2][E2E_IDENT_BYTES];
        struct e2e_ident a;
        struct e2e_ident b;
        e2e_identity_write(&f->a.self.ident, bytes[0]);
        e2e_identity_write(&f->b.self.ident, bytes[1]);
        bytes[i / E2E_IDENT_BYTES][i % E2E_IDENT_BYTES] ^= 1;
        e2e_identity_read(bytes[0], &a);
        e2e_identity_read(bytes[1], &b);
        struct x3dh_public changed = meeting.pub;
        changed.a = &a;
        changed.b = &b;
        x3dh_transcript(&changed, other_th, other_sid);
        assert_memory_not_equal(th, other_th, sizeof th);
        assert_memory_not_equal(sid, other_sid, sizeof sid);
    }
    const uint8_t **keys[] = { &meeting.pub.ek, &meeting.pub.spk, &meeting.pub.opk };
    for (size_t i = 0; i < 3 * E2E_KEY_BYTES; i++) {
        uint8_t key[E2E_KEY_BYTES];
        const uint8_t *kept = *keys[i / E2E_KEY_BYTES];
        memcpy(key, kept, sizeof key);
        key[i % E2E_KEY_BYTES] ^= 1;
        *keys[i / E2E_KEY_BYTES] = key;
        x3dh_transcript(&meeting.pub, other_th, other_sid);
        assert_memory_not_equal(th, other_th, sizeof th);
        *keys[i / E2E_KEY_BYTES] = kept;
    }
    meeting.pub.spk_id = 2;
    x3dh_transcript(&meeting.pub, other_th, other_sid);
    assert_memory_not_equal(th, other_th, sizeof th);
    meeting.pub.spk_id = 1;
    meeting.pub.opk_id = 2;
    x3dh_transcript(&meeting.pub, other_th, other_sid);
    assert_memory_not_equal(th, other_th, sizeof th);
}

/* Roles cannot be swapped: a reflected opening is another session. */
static void x3dh__transcript__has_roles(void **state)
{
    struct fixture *f = *state;
    struct meeting meeting;
    uint8_t th[E2E_HASH_BYTES];
    uint8_t swapped[E2E_HASH_BYTES];
    uint8_t sid[E2E_SID_BYTES];
    meet(f, &meeting, 1);
    x3dh_transcript(&meeting.pub, th, sid);
    meeting.pub.a = &f->b.self.ident;
    meeting.pub.b = &f->a.self.ident;
    x3dh_transcript(&meeting.pub, swapped, sid);
    assert_memory_not_equal(th, swapped, sizeof th);
}

/* The initiator's side: SPK, OPK, DIK of B. */
static void x3dh__initiate__refuses_low_order_points(void **state)
{
    struct fixture *f = *state;
    static uint8_t points[64][E2E_KEY_BYTES];
    size_t count = fixture_zero_points(points, 64);
    struct meeting meeting;
    struct x3dh_result result;
    meet(f, &meeting, 1);
    for (size_t i = 0; i < count; i++) {
        struct e2e_ident b = f->b.self.ident;
        struct x3dh_public tries[3] = { meeting.pub, meeting.pub, meeting.pub };
        memcpy(b.dik, points[i], sizeof b.dik);
        tries[0].spk = points[i];
        tries[1].opk = points[i];
        tries[2].b = &b;
        for (size_t t = 0; t < 3; t++) {
            memset(&result, 1, sizeof result);
            assert_int_equal(x3dh_initiate(&tries[t], f->a.dik.secret, meeting.ek.secret, &result), ST_EREFUSED);
            assert_true(sodium_is_zero((const uint8_t *)&result, sizeof result));
        }
    }
}

/* The responder's side: EK and DIK of A, as they would come in an initial message. */
static void x3dh__respond__refuses_low_order_points(void **state)
{
    struct fixture *f = *state;
    static uint8_t points[64][E2E_KEY_BYTES];
    size_t count = fixture_zero_points(points, 64);
    struct meeting meeting;
    struct x3dh_result result;
    meet(f, &meeting, 1);
    for (size_t i = 0; i < count; i++) {
        struct e2e_ident a = f->a.self.ident;
        struct x3dh_public tries[2] = { meeting.pub, meeting.pub };
        memcpy(a.dik, points[i], sizeof a.dik);
        tries[0].ek = points[i];
        tries[1].a = &a;
        for (size_t t = 0; t < 2; t++) {
            memset(&result, 1, sizeof result);
            assert_int_equal(x3dh_respond(&tries[t], &meeting.secrets, &result), ST_EREFUSED);
            assert_true(sodium_is_zero((const uint8_t *)&result, sizeof result));
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(x3dh__respond__agrees_with_initiate),
        TEST(x3dh__initiate__with_and_without_opk_differ),
        TEST(x3dh__respond__needs_every_private_key),
        TEST(x3dh__transcript__covers_every_public_byte),
        TEST(x3dh__transcript__has_roles),
        TEST(x3dh__initiate__refuses_low_order_points),
        TEST(x3dh__respond__refuses_low_order_points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
