/* Device lists: parsing, what a server may store, what a client judges. */
#include "tests/unit/devlist/devlist_fixture.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

static enum st_devlist_verdict judge(const struct account *account, const struct st_devlist *stored,
                                     const struct st_device *seen, size_t seen_count)
{
    struct st_buf buf;
    struct st_devlist list;
    const struct st_devlist_offer offer = { .acct_id = account->list.acct_id,
                                            .ak = account->ak,
                                            .wire = fixture_wire(&account->list, &buf),
                                            .stored = stored,
                                            .seen = seen,
                                            .seen_count = seen_count,
                                            .now_s = FIXTURE_NOW };
    enum st_devlist_verdict verdict = st_devlist_judge(&offer, &list);
    st_buf_free(&buf);
    return verdict;
}

static void devlist__parse__refuses_every_other_length(void **state)
{
    (void)state;
    struct account account;
    struct st_devlist list;
    struct st_buf buf;
    static const struct st_devlist nothing;
    for (uint8_t count = 1; count <= ST_DEVLIST_DEVICES_MAX; count++) {
        fixture_make(&account, 1, count);
        struct st_view wire = fixture_wire(&account.list, &buf);
        assert_int_equal(wire.len, 73 + 76u * count + 64 + 64u * count);
        assert_int_equal(st_devlist_parse(wire, &list), ST_OK);
        assert_int_equal(list.count, count);
        assert_memory_equal(list.devices, account.list.devices, count * sizeof list.devices[0]);
        for (size_t len = 0; len < wire.len; len++) {
            uint8_t *exact = malloc(len > 0 ? len : 1);
            assert_non_null(exact);
            memcpy(exact, wire.p, len);
            assert_int_equal(st_devlist_parse(st_view(exact, len), &list), ST_EMALFORMED);
            assert_memory_equal(&list, &nothing, sizeof nothing);
            free(exact);
        }
        st_buf_free(&buf);
    }
    static uint8_t zeros[ST_DEVLIST_WIRE_MAX + 1000];
    for (size_t len = 0; len < sizeof zeros; len++) {
        for (unsigned n = 0; n < 256; n += n < 10 ? 1 : 41) {
            zeros[72] = (uint8_t)n;
            if (n == 1 && len == ST_DEVLIST_WIRE_MIN)
                continue;
            assert_int_equal(st_devlist_parse(st_view(zeros, len), &list), ST_EMALFORMED);
        }
    }
}

static void devlist__verify__refuses_every_flipped_bit(void **state)
{
    (void)state;
    struct account account;
    struct st_devlist list;
    struct st_buf buf;
    fixture_make(&account, 1, 2);
    struct st_view wire = fixture_wire(&account.list, &buf);
    assert_int_equal(st_devlist_verify(&account.list, account.ak), ST_OK);
    for (size_t bit = 0; bit < wire.len * 8; bit += 3) {
        buf.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
        enum st_err err = st_devlist_parse(wire, &list);
        if (err == ST_OK)
            err = st_devlist_verify(&list, account.ak);
        assert_int_not_equal(err, ST_OK);
        buf.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    st_buf_free(&buf);
}

static void devlist__verify__refuses_low_order_dik(void **state)
{
    (void)state;
    struct account account;
    fixture_make(&account, 1, 1);
    memset(account.list.devices[0].dik, 0, sizeof account.list.devices[0].dik);
    fixture_sign(&account);
    assert_int_equal(st_devlist_verify(&account.list, account.ak), ST_EREFUSED);
    account.list.devices[0].dik[0] = 1;
    fixture_sign(&account);
    assert_int_equal(st_devlist_verify(&account.list, account.ak), ST_EREFUSED);
}

static void devlist__verify__refuses_bad_counts_in_memory(void **state)
{
    (void)state;
    struct account account;
    uint8_t hash[ST_DEVLIST_HASH_BYTES];
    struct st_buf buf;
    fixture_make(&account, 1, 1);
    static const uint8_t counts[] = { 0, 9, 255 };
    for (size_t i = 0; i < sizeof counts; i++) {
        account.list.count = counts[i];
        assert_int_equal(st_devlist_verify(&account.list, account.ak), ST_EMALFORMED);
        assert_int_equal(st_devlist_hash(&account.list, hash), ST_EMALFORMED);
        assert_int_equal(st_devlist_sign(&account.list, account.ak_secret), ST_EMALFORMED);
        st_buf_init(&buf, ST_DEVLIST_WIRE_MAX);
        assert_int_equal(st_devlist_write(&account.list, &buf), ST_EMALFORMED);
        assert_int_equal(buf.len, 0);
    }
}

static void devlist__verify__seq_and_life(void **state)
{
    (void)state;
    struct account account;
    fixture_make(&account, 1, 1);
    account.list.seq = ST_DEVLIST_SEQ_MAX + 1;
    account.list.prev_hash[0] = 1;
    fixture_sign(&account);
    assert_int_equal(st_devlist_verify(&account.list, account.ak), ST_EMALFORMED);
    account.list.seq = ST_DEVLIST_SEQ_MAX;
    fixture_sign(&account);
    assert_int_equal(st_devlist_verify(&account.list, account.ak), ST_OK);
    static const struct {
        uint64_t issued;
        uint64_t expires;
        enum st_err err;
    } lives[] = {
        { FIXTURE_NOW, FIXTURE_NOW, ST_EREFUSED },
        { FIXTURE_NOW, FIXTURE_NOW + 1, ST_OK },
        { FIXTURE_NOW, FIXTURE_NOW + 30 * FIXTURE_DAY, ST_OK },
        { FIXTURE_NOW, FIXTURE_NOW + 30 * FIXTURE_DAY + 1, ST_EREFUSED },
        { FIXTURE_NOW, FIXTURE_NOW - 1, ST_EREFUSED },
        { UINT64_MAX, 5, ST_EREFUSED },
        { 0, UINT64_MAX, ST_EREFUSED },
    };
    for (size_t i = 0; i < sizeof lives / sizeof lives[0]; i++) {
        account.list.issued = lives[i].issued;
        account.list.expires = lives[i].expires;
        fixture_sign(&account);
        assert_int_equal(st_devlist_verify(&account.list, account.ak), lives[i].err);
    }
}

/* ---- the server ---- */

static void devlist__continues__takes_the_first_then_the_next(void **state)
{
    (void)state;
    struct account account;
    fixture_make(&account, 1, 1);
    struct st_devlist first = account.list;
    assert_int_equal(st_devlist_continues(NULL, &first, account.ak, FIXTURE_NOW, true), ST_OK);
    assert_int_equal(st_devlist_continues(&first, &first, account.ak, FIXTURE_NOW, true), ST_EEXISTS);
    fixture_next(&account, 3);
    struct st_devlist second = account.list;
    assert_int_equal(st_devlist_continues(&first, &second, account.ak, FIXTURE_NOW, true), ST_OK);
    assert_int_equal(st_devlist_continues(NULL, &second, account.ak, FIXTURE_NOW, true), ST_ECONFLICT);
    assert_int_equal(st_devlist_continues(&second, &first, account.ak, FIXTURE_NOW, true), ST_ECONFLICT);
    fixture_next(&account, 1);
    assert_int_equal(st_devlist_continues(&first, &account.list, account.ak, FIXTURE_NOW, true), ST_ECONFLICT);
    assert_int_equal(st_devlist_continues(&second, &account.list, account.ak, FIXTURE_NOW, true), ST_OK);
}

/* Two managers sign at the same time: the second one conflicts. */
static void devlist__continues__the_second_of_two_conflicts(void **state)
{
    (void)state;
    struct account one;
    struct account two;
    fixture_make(&one, 1, 1);
    struct st_devlist first = one.list;
    two = one;
    fixture_next(&one, 3);
    fixture_next(&two, 5);
    assert_int_equal(st_devlist_continues(&first, &one.list, one.ak, FIXTURE_NOW, true), ST_OK);
    assert_int_equal(st_devlist_continues(&one.list, &two.list, one.ak, FIXTURE_NOW, true), ST_ECONFLICT);
    fixture_next(&two, 5);
    assert_int_equal(st_devlist_continues(&one.list, &two.list, one.ak, FIXTURE_NOW, true), ST_ECONFLICT);
}

/* The right past under a number that leaves one out. */
static void devlist__continues__no_number_is_left_out(void **state)
{
    (void)state;
    struct account account;
    fixture_make(&account, 1, 1);
    struct st_devlist first = account.list;
    fixture_next(&account, 1);
    account.list.seq = 3;
    fixture_sign(&account);
    assert_int_equal(st_devlist_continues(&first, &account.list, account.ak, FIXTURE_NOW, true), ST_ECONFLICT);
    assert_int_equal(judge(&account, &first, NULL, 0), ST_DEVLIST_GAP);
}

static void devlist__continues__only_the_newest_must_be_fresh(void **state)
{
    (void)state;
    struct account account;
    fixture_make(&account, 1, 1);
    struct st_devlist first = account.list;
    fixture_next(&account, 1);
    uint64_t late = account.list.expires + 1;
    assert_int_equal(st_devlist_continues(&first, &account.list, account.ak, late - 1, true), ST_OK);
    assert_int_equal(st_devlist_continues(&first, &account.list, account.ak, late, true), ST_EREFUSED);
    assert_int_equal(st_devlist_continues(&first, &account.list, account.ak, late, false), ST_OK);
    uint64_t early = account.list.issued - FIXTURE_DAY;
    assert_int_equal(st_devlist_continues(&first, &account.list, account.ak, early, true), ST_OK);
    assert_int_equal(st_devlist_continues(&first, &account.list, account.ak, early - 1, false), ST_EREFUSED);
}

static void devlist__continues__a_device_that_stays_keeps_its_keys(void **state)
{
    (void)state;
    struct account account;
    fixture_make(&account, 1, 2);
    struct st_devlist first = account.list;
    account.devices[1].added++;
    fixture_next(&account, 3);
    assert_int_equal(st_devlist_continues(&first, &account.list, account.ak, FIXTURE_NOW, true), ST_EREFUSED);
    fixture_make(&account, 1, 2);
    memcpy(account.devices[0].dik, account.devices[5].dik, sizeof account.devices[0].dik);
    fixture_next(&account, 3);
    assert_int_equal(st_devlist_continues(&first, &account.list, account.ak, FIXTURE_NOW, true), ST_EREFUSED);
}

static void devlist__continues__another_account_key_is_refused(void **state)
{
    (void)state;
    struct account account;
    struct account other;
    fixture_make(&account, 1, 1);
    fixture_make(&other, 2, 1);
    assert_int_equal(st_devlist_continues(NULL, &account.list, other.ak, FIXTURE_NOW, true), ST_EREFUSED);
    memcpy(account.list.acct_id, other.list.acct_id, sizeof other.list.acct_id);
    fixture_sign(&account);
    assert_int_equal(st_devlist_continues(NULL, &account.list, other.ak, FIXTURE_NOW, true), ST_EINTEGRITY);
}

/* ---- the client, where the vectors stop ---- */

static void devlist__judge__seen_devices_keep_their_keys_on_first_contact_too(void **state)
{
    (void)state;
    struct account account;
    fixture_make(&account, 1, 2);
    struct st_device seen[2] = { account.devices[0], account.devices[1] };
    assert_int_equal(judge(&account, NULL, seen, 2), ST_DEVLIST_OK);
    seen[1].added++;
    assert_int_equal(judge(&account, NULL, seen, 2), ST_DEVLIST_REJECT);
    seen[1] = account.devices[1];
    seen[0].dsk[3] ^= 1;
    assert_int_equal(judge(&account, NULL, seen, 2), ST_DEVLIST_REJECT);
}

static void devlist__judge__a_removed_device_never_comes_back_with_the_same_keys_either(void **state)
{
    (void)state;
    struct account account;
    fixture_make(&account, 1, 2);
    fixture_next(&account, 1);
    struct st_devlist without = account.list;
    fixture_next(&account, 3);
    assert_int_equal(judge(&account, &without, NULL, 0), ST_DEVLIST_OK);
    assert_int_equal(judge(&account, &without, &account.devices[1], 1), ST_DEVLIST_REJECT);
    /* Also across a gap. */
    fixture_next(&account, 3);
    assert_int_equal(judge(&account, &without, NULL, 0), ST_DEVLIST_GAP);
    assert_int_equal(judge(&account, &without, &account.devices[1], 1), ST_DEVLIST_REJECT);
}

static void devlist__judge__a_gap_is_filled_list_by_list(void **state)
{
    (void)state;
    struct account account;
    struct st_devlist chain[4];
    fixture_make(&account, 1, 1);
    account.list.issued -= 40 * FIXTURE_DAY; /* all have expired long ago */
    account.list.expires -= 40 * FIXTURE_DAY;
    fixture_sign(&account);
    for (size_t i = 0; i < 4; i++) {
        chain[i] = account.list;
        fixture_next(&account, (1u << (i + 2)) - 1);
    }
    struct st_devlist stored = chain[0];
    for (size_t i = 1; i < 4; i++) {
        struct st_buf buf;
        struct st_devlist list;
        struct st_devlist_offer offer = { .acct_id = stored.acct_id,
                                          .ak = account.ak,
                                          .wire = fixture_wire(&chain[i], &buf),
                                          .stored = &stored,
                                          .now_s = FIXTURE_NOW,
                                          .between = true };
        assert_int_equal(st_devlist_judge(&offer, &list), ST_DEVLIST_OK);
        offer.between = false;
        assert_int_equal(st_devlist_judge(&offer, &list), ST_DEVLIST_STALE);
        stored = list;
        st_buf_free(&buf);
    }
    assert_int_equal(stored.count, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(devlist__parse__refuses_every_other_length),
        cmocka_unit_test(devlist__verify__refuses_every_flipped_bit),
        cmocka_unit_test(devlist__verify__refuses_low_order_dik),
        cmocka_unit_test(devlist__verify__refuses_bad_counts_in_memory),
        cmocka_unit_test(devlist__verify__seq_and_life),
        cmocka_unit_test(devlist__continues__takes_the_first_then_the_next),
        cmocka_unit_test(devlist__continues__the_second_of_two_conflicts),
        cmocka_unit_test(devlist__continues__no_number_is_left_out),
        cmocka_unit_test(devlist__continues__only_the_newest_must_be_fresh),
        cmocka_unit_test(devlist__continues__a_device_that_stays_keeps_its_keys),
        cmocka_unit_test(devlist__continues__another_account_key_is_refused),
        cmocka_unit_test(devlist__judge__seen_devices_keep_their_keys_on_first_contact_too),
        cmocka_unit_test(devlist__judge__a_removed_device_never_comes_back_with_the_same_keys_either),
        cmocka_unit_test(devlist__judge__a_gap_is_filled_list_by_list),
    };
    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
