/* Own account, secrets, generation, prekeys, sessions. */
#include "tests/unit/store/store_fixture.h"

#include <sodium.h>

#include "lib/st_hkdf.h"

static void meta__put__get_back(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    struct st_buf out;
    st_buf_init(&out, 100);
    assert_int_equal(store_meta_get(store, STORE_META_NAME, &out), ST_ENOTFOUND);
    in_transaction(store, {
        assert_ok(store_meta_put(store, STORE_META_NAME, st_view_text("alice")));
        assert_ok(store_meta_put(store, STORE_META_NAME, st_view_text("alice2")));
        assert_ok(store_meta_put(store, STORE_META_POLICY, st_view(NULL, 0)));
        assert_ok(store_meta_put_u64(store, STORE_META_DEV_ID, UINT32_MAX));
    });
    assert_ok(store_meta_get(store, STORE_META_NAME, &out));
    assert_true(st_view_equal(st_buf_view(&out), st_view_text("alice2")));
    st_buf_clear(&out);
    assert_ok(store_meta_get(store, STORE_META_POLICY, &out));
    assert_int_equal(out.len, 0);
    uint64_t value = 0;
    assert_ok(store_meta_get_u64(store, STORE_META_DEV_ID, &value));
    assert_int_equal(value, UINT32_MAX);
    assert_ok(store_meta_get_u64(store, STORE_META_LAST_SYNC_MS, &value));
    assert_int_equal(value, 0);
    st_buf_free(&out);
}

static void meta__limits__refused(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    static uint8_t big[STORE_META_VALUE_MAX + 1];
    uint8_t three[3];
    struct st_buf out;
    st_buf_init(&out, 4);
    in_transaction(store, {
        assert_int_equal(store_meta_put(store, STORE_META_POLICY, st_view(big, sizeof big)), ST_ELIMIT);
        assert_int_equal(store_meta_put_u64(store, STORE_META_POLICY, UINT64_MAX), ST_ELIMIT);
        assert_ok(store_meta_put(store, STORE_META_POLICY, st_view(big, STORE_META_VALUE_MAX)));
    });
    assert_int_equal(store_meta_get(store, STORE_META_POLICY, &out), ST_ELIMIT);
    assert_int_equal(store_meta_get_exact(store, STORE_META_POLICY, three, sizeof three), ST_EFOREIGN);
    assert_int_equal(store_meta_get_exact(store, STORE_META_NAME, three, sizeof three), ST_ENOTFOUND);
    in_transaction(store, assert_ok(store_meta_delete(store, STORE_META_POLICY)));
    assert_int_equal(store_meta_get_exact(store, STORE_META_POLICY, three, sizeof three), ST_ENOTFOUND);
    st_buf_free(&out);
}

static void setting__put__get_back(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    static const char too_long[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab";
    struct st_buf out;
    st_buf_init(&out, 100);
    in_transaction(store, {
        assert_ok(store_setting_put(store, "requests", st_view_text("ask")));
        assert_ok(store_setting_put(store, "x'); DROP TABLE setting; --", st_view_text("%s%n")));
        assert_int_equal(store_setting_put(store, too_long, st_view_text("")), ST_ELIMIT);
    });
    assert_ok(store_setting_get(store, "requests", &out));
    assert_true(st_view_equal(st_buf_view(&out), st_view_text("ask")));
    st_buf_clear(&out);
    assert_ok(store_setting_get(store, "x'); DROP TABLE setting; --", &out));
    assert_true(st_view_equal(st_buf_view(&out), st_view_text("%s%n")));
    in_transaction(store, assert_ok(store_setting_delete(store, "requests")));
    assert_int_equal(store_setting_get(store, "requests", &out), ST_ENOTFOUND);
    st_buf_free(&out);
}

static void secret__put__get_back(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    uint8_t seed[STORE_SECRET_BYTES];
    uint8_t *secret = (uint8_t *)1;
    fixture_fill(seed, sizeof seed, 5);
    assert_int_equal(store_secret_get(store, STORE_SECRET_AK_SEED, &secret), ST_ENOTFOUND);
    assert_null(secret);
    in_transaction(store, assert_ok(store_secret_put(store, STORE_SECRET_AK_SEED, seed)));
    assert_ok(store_secret_get(store, STORE_SECRET_AK_SEED, &secret));
    assert_memory_equal(secret, seed, sizeof seed);
    sodium_free(secret);
    in_transaction(store, assert_ok(store_secret_delete(store, STORE_SECRET_AK_SEED)));
    assert_int_equal(store_secret_get(store, STORE_SECRET_AK_SEED, &secret), ST_ENOTFOUND);
}

static void generation__next__once_a_transaction(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    uint64_t generation = 9;
    assert_ok(store_generation_get(store, &generation));
    assert_int_equal(generation, 0);
    assert_int_equal(store_generation_next(store, &generation), ST_EREFUSED);
    for (uint64_t i = 1; i <= 3; i++) {
        in_transaction(store, {
            assert_ok(store_generation_next(store, &generation));
            assert_int_equal(generation, i);
            assert_ok(store_generation_next(store, &generation));
            assert_int_equal(generation, i);
        });
    }
    assert_ok(store_begin(store));
    assert_ok(store_generation_next(store, &generation));
    assert_int_equal(generation, 4);
    store_rollback(store);
    in_transaction(store, assert_ok(store_generation_next(store, &generation)));
    assert_int_equal(generation, 4);
}

/* The formula of A.9, made here from its parts. */
static void generation__tag__formula(void **state)
{
    struct fixture *fixture = *state;
    struct store_device own = fixture_device(3, 0x01020304);
    uint8_t key[32];
    uint8_t expected[32];
    uint8_t tag[32];
    uint8_t input[28];
    struct st_view info = st_view_text("SafeTalk/1 generation");
    assert_ok(st_hkdf_sha256(key, 32, st_view("", 0), st_view(fixture->key, 32), &info, 1));
    memcpy(input, own.acct, 16);
    st_put_u32(input + 16, own.dev);
    st_put_u64(input + 20, 0x1122334455667788);
    crypto_auth_hmacsha256(expected, input, sizeof input, key);
    store_generation_tag(fixture->store, &own, 0x1122334455667788, tag);
    assert_memory_equal(tag, expected, sizeof tag);
    store_generation_tag(fixture->store, &own, 0x1122334455667789, tag);
    assert_memory_not_equal(tag, expected, sizeof tag);
}

static void fill_spk(struct store_spk *spk, uint32_t id)
{
    fixture_fill(spk, sizeof *spk, id);
    spk->id = id;
    spk->created_s = 1764000000 + id;
    spk->confirmed_at_ms = 0;
    spk->replaced_at_ms = 0;
}

static void fill_opk(struct store_opk *opk, uint32_t id, uint32_t spk_id)
{
    fixture_fill(opk->priv, sizeof opk->priv, 1000 + id);
    fixture_fill(opk->pub, sizeof opk->pub, 2000 + id);
    opk->id = id;
    opk->spk_id = spk_id;
    opk->uploaded = false;
}

static void prekeys__ids__never_twice(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    uint32_t first = 0;
    in_transaction(store, {
        assert_ok(store_spk_take_ids(store, 1, &first));
        assert_int_equal(first, 1);
        assert_ok(store_opk_take_ids(store, 100, &first));
        assert_int_equal(first, 1);
        assert_ok(store_opk_take_ids(store, 100, &first));
        assert_int_equal(first, 101);
        assert_ok(store_opk_skip_ids(store, 150));
        assert_ok(store_opk_take_ids(store, 1, &first));
        assert_int_equal(first, 201);
        assert_ok(store_opk_skip_ids(store, 300));
        assert_ok(store_opk_take_ids(store, 1, &first));
        assert_int_equal(first, 301);
        assert_ok(store_spk_skip_ids(store, UINT32_MAX - 1));
        assert_ok(store_spk_take_ids(store, 1, &first));
        assert_int_equal(first, UINT32_MAX);
        assert_int_equal(store_spk_take_ids(store, 1, &first), ST_ELIMIT);
        assert_int_equal(store_opk_take_ids(store, 0, &first), ST_ELIMIT);
        assert_int_equal(store_opk_take_ids(store, UINT32_MAX, &first), ST_ELIMIT);
    });
}

static void spk__put_confirm__newest_and_replaced(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    struct store_spk spk[3];
    struct store_spk out;
    assert_int_equal(store_spk_newest(store, &out), ST_ENOTFOUND);
    in_transaction(store, {
        for (uint32_t i = 0; i < 3; i++) {
            fill_spk(&spk[i], i + 1);
            assert_ok(store_spk_put(store, &spk[i]));
        }
        assert_int_equal(store_spk_put(store, &spk[0]), ST_EEXISTS);
        assert_ok(store_spk_confirm(store, 1, 1000));
        assert_ok(store_spk_confirm(store, 2, 2000));
        assert_int_equal(store_spk_confirm(store, 9, 3000), ST_ENOTFOUND);
    });
    assert_ok(store_spk_newest(store, &out));
    assert_int_equal(out.id, 3);
    assert_int_equal(out.confirmed_at_ms, 0);
    assert_ok(store_spk_get(store, 2, &out));
    assert_memory_equal(out.priv, spk[1].priv, 32);
    assert_memory_equal(out.pub, spk[1].pub, 32);
    assert_memory_equal(out.sig, spk[1].sig, 64);
    assert_int_equal(out.created_s, spk[1].created_s);
    assert_int_equal(out.confirmed_at_ms, 2000);
    assert_int_equal(out.replaced_at_ms, 0);
    assert_ok(store_spk_get(store, 1, &out));
    assert_int_equal(out.replaced_at_ms, 2000);
    assert_int_equal(store_spk_get(store, 4, &out), ST_ENOTFOUND);
}

static enum st_err note_id(void *ctx, uint32_t id)
{
    *(uint32_t *)ctx = 10 * *(uint32_t *)ctx + id;
    return ST_OK;
}

static void spk__expire__takes_opks_and_eks(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    struct store_spk spk;
    struct store_opk opk;
    uint8_t hash[2][STORE_HASH_BYTES];
    uint32_t ids = 0;
    uint32_t count = 0;
    bool seen = false;
    in_transaction(store, {
        for (uint32_t i = 1; i <= 3; i++) {
            fill_spk(&spk, i);
            assert_ok(store_spk_put(store, &spk));
            assert_ok(store_spk_confirm(store, i, 1000 * i));
            fill_opk(&opk, i, i);
            assert_ok(store_opk_put(store, &opk));
        }
        for (uint32_t i = 0; i < 2; i++) {
            fixture_fill(hash[i], STORE_HASH_BYTES, i);
            assert_ok(store_ek_add(store, i + 2, hash[i]));
            assert_int_equal(store_ek_add(store, i + 2, hash[i]), ST_EEXISTS);
        }
    });
    /* 1 was replaced at 2000, 2 at 3000, 3 is the present one. */
    in_transaction(store, assert_ok(store_spk_expire(store, 3001, note_id, &ids)));
    assert_int_equal(ids, 12);
    assert_ok(store_spk_count(store, &count));
    assert_int_equal(count, 1);
    assert_ok(store_opk_count(store, &count));
    assert_int_equal(count, 1);
    assert_ok(store_ek_seen(store, hash[0], &seen));
    assert_false(seen);
    assert_ok(store_ek_seen(store, hash[1], &seen));
    assert_true(seen);
    in_transaction(store, assert_ok(store_spk_expire(store, INT64_MAX, NULL, NULL)));
    assert_ok(store_spk_count(store, &count));
    assert_int_equal(count, 1);
}

static enum st_err count_opk(void *ctx, const struct store_opk *opk)
{
    uint32_t *sum = ctx;
    *sum += opk->id;
    return ST_OK;
}

static void opk__put_upload_delete(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    struct store_opk opk;
    struct store_opk out;
    uint32_t sum = 0;
    in_transaction(store, {
        for (uint32_t i = 1; i <= 5; i++) {
            fill_opk(&opk, i, 1);
            assert_ok(store_opk_put(store, &opk));
        }
        assert_int_equal(store_opk_put(store, &opk), ST_EEXISTS);
        assert_ok(store_opk_each_new(store, 3, count_opk, &sum));
        assert_int_equal(sum, 1 + 2 + 3);
        assert_ok(store_opk_uploaded(store, 4));
        sum = 0;
        assert_ok(store_opk_each_new(store, 100, count_opk, &sum));
        assert_int_equal(sum, 5);
        assert_ok(store_opk_get(store, 4, &out));
        assert_true(out.uploaded);
        assert_ok(store_opk_get(store, 5, &out));
        assert_false(out.uploaded);
        assert_memory_equal(out.priv, opk.priv, 32);
        assert_memory_equal(out.pub, opk.pub, 32);
        assert_int_equal(out.spk_id, 1);
        assert_ok(store_opk_delete(store, 5));
        assert_int_equal(store_opk_delete(store, 5), ST_ENOTFOUND);
        assert_int_equal(store_opk_get(store, 5, &out), ST_ENOTFOUND);
    });
    for (size_t i = 0; i < sizeof out.priv; i++)
        assert_int_equal(out.priv[i], 0);
}

static enum st_err note_session(void *ctx, const struct store_device *peer, int64_t updated_at_ms)
{
    int64_t *sum = ctx;
    *sum = 10 * *sum + peer->dev;
    assert_true(updated_at_ms > 0);
    return ST_OK;
}

static void session__save_load_delete(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    static uint8_t big[STORE_SESSION_MAX + 1];
    struct store_device peer[3] = { fixture_device(1, 1), fixture_device(1, 2), fixture_device(2, 3) };
    struct st_buf out;
    int64_t seen = 0;
    st_buf_init(&out, STORE_SESSION_MAX);
    fixture_fill(big, sizeof big, 1);
    assert_int_equal(store_session_load(store, &peer[0], &out), ST_ENOTFOUND);
    in_transaction(store, {
        for (size_t i = 0; i < 3; i++)
            assert_ok(store_session_save(store, &peer[i], st_view(big, 10 + i), 7));
        assert_int_equal(store_session_save(store, &peer[0], st_view(big, sizeof big), 8), ST_ELIMIT);
        assert_ok(store_session_save(store, &peer[0], st_view(big, STORE_SESSION_MAX), 8));
        assert_ok(store_peer_save(store, &peer[0], st_view(big, 5)));
        assert_ok(store_peer_save(store, &peer[0], st_view(big, 6)));
    });
    assert_ok(store_session_load(store, &peer[0], &out));
    assert_int_equal(out.len, STORE_SESSION_MAX);
    assert_memory_equal(out.p, big, STORE_SESSION_MAX);
    assert_ok(store_session_each(store, peer[0].acct, note_session, &seen));
    assert_int_equal(seen, 12);
    in_transaction(store, assert_ok(store_session_delete(store, &peer[0])));
    in_transaction(store, assert_ok(store_session_delete(store, &peer[0])));
    seen = 0;
    assert_ok(store_session_each(store, NULL, note_session, &seen));
    assert_true(seen == 23 || seen == 32);
    st_buf_clear(&out);
    assert_ok(store_peer_load(store, &peer[0], &out));
    assert_int_equal(out.len, 6);
    in_transaction(store, assert_ok(store_peer_delete(store, &peer[0])));
    st_buf_clear(&out);
    assert_int_equal(store_peer_load(store, &peer[0], &out), ST_ENOTFOUND);
    st_buf_wipe_free(&out);
}

static void wipe__ratchets__new_birth_and_nothing_left(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    struct store_device peer = fixture_device(1, 1);
    struct store_exposure exposure = { .due_at_ms = 5 };
    struct store_spk spk;
    struct store_opk opk;
    struct st_buf out;
    uint8_t birth[8];
    uint8_t again[8];
    uint32_t first = 0;
    uint64_t counter = 0;
    int64_t at = 0;
    bool seen = true;
    st_buf_init(&out, 100);
    fill_spk(&spk, 1);
    fill_opk(&opk, 1, 1);
    assert_ok(store_meta_get_exact(store, STORE_META_BIRTH, birth, sizeof birth));
    in_transaction(store, {
        assert_ok(store_opk_take_ids(store, 10, &first));
        assert_ok(store_spk_put(store, &spk));
        assert_ok(store_opk_put(store, &opk));
        assert_ok(store_ek_add(store, 1, exposure.hash));
        assert_ok(store_session_save(store, &peer, st_view("s", 1), 1));
        assert_ok(store_peer_save(store, &peer, st_view("p", 1)));
        assert_ok(store_expose_add(store, &exposure));
        assert_ok(store_meta_put_u64(store, STORE_META_KNOWN_COUNTER, 44));
        assert_ok(store_meta_put(store, STORE_META_NAME, st_view_text("alice")));
    });
    fixture->wall_ms += 5000;
    in_transaction(store, assert_ok(store_wipe_ratchets(store)));
    assert_int_equal(store_spk_newest(store, &spk), ST_ENOTFOUND);
    assert_int_equal(store_opk_get(store, 1, &opk), ST_ENOTFOUND);
    assert_ok(store_ek_seen(store, exposure.hash, &seen));
    assert_false(seen);
    assert_int_equal(store_session_load(store, &peer, &out), ST_ENOTFOUND);
    assert_int_equal(store_peer_load(store, &peer, &out), ST_ENOTFOUND);
    assert_int_equal(store_expose_next(store, &at), ST_ENOTFOUND);
    assert_ok(store_meta_get_exact(store, STORE_META_BIRTH, again, sizeof again));
    assert_int_equal(st_get_u32(again), st_get_u32(birth) + 5);
    assert_ok(store_meta_get_u64(store, STORE_META_KNOWN_COUNTER, &counter));
    assert_int_equal(counter, 0);
    assert_ok(store_meta_get(store, STORE_META_NAME, &out));
    in_transaction(store, assert_ok(store_opk_take_ids(store, 1, &first)));
    assert_int_equal(first, 11);
    st_buf_free(&out);
}

#define in_memory(test) cmocka_unit_test_setup_teardown(test, fixture_open_memory, fixture_tear_down)
#define on_disk(test)   cmocka_unit_test_setup_teardown(test, fixture_open_new, fixture_tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        in_memory(meta__put__get_back),
        in_memory(meta__limits__refused),
        in_memory(setting__put__get_back),
        on_disk(secret__put__get_back),
        on_disk(generation__next__once_a_transaction),
        on_disk(generation__tag__formula),
        in_memory(prekeys__ids__never_twice),
        in_memory(spk__put_confirm__newest_and_replaced),
        in_memory(spk__expire__takes_opks_and_eks),
        in_memory(opk__put_upload_delete),
        on_disk(session__save_load_delete),
        on_disk(wipe__ratchets__new_birth_and_nothing_left),
    };
    return cmocka_run_group_tests_name("store_keys", tests, NULL, NULL);
}
