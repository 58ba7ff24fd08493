#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "lib/st_bytes.h"
#include "lib/st_map.h"

static const uint8_t seed[ST_MAP_SEED_BYTES] = { 1, 2, 3 };

static void key_of(uint8_t key[static 16], uint32_t number)
{
    memset(key, 0, 16);
    st_put_u32(key, number);
}

static void map__put__get_and_remove(void **state)
{
    (void)state;
    struct st_map *map;
    int a, b;
    assert_int_equal(st_map_new(&map, 4, 10, seed), ST_OK);
    assert_null(st_map_get(map, "aaaa"));
    assert_null(st_map_remove(map, "aaaa"));
    assert_int_equal(st_map_put(map, "aaaa", &a), ST_OK);
    assert_int_equal(st_map_put(map, "bbbb", &b), ST_OK);
    assert_int_equal(st_map_put(map, "aaaa", &b), ST_EEXISTS);
    assert_ptr_equal(st_map_get(map, "aaaa"), &a);
    assert_int_equal(st_map_count(map), 2);
    assert_ptr_equal(st_map_remove(map, "aaaa"), &a);
    assert_null(st_map_get(map, "aaaa"));
    assert_ptr_equal(st_map_get(map, "bbbb"), &b);
    assert_int_equal(st_map_put(map, "aaaa", &b), ST_OK);
    assert_ptr_equal(st_map_get(map, "aaaa"), &b);
    st_map_free(&map);
    assert_null(map);
    st_map_free(&map);
}

static void map__put__never_above_its_bound(void **state)
{
    (void)state;
    struct st_map *map;
    uint8_t key[16];
    int value;
    assert_int_equal(st_map_new(&map, 16, 1000, seed), ST_OK);
    for (uint32_t i = 0; i < 1000; i++) {
        key_of(key, i);
        assert_int_equal(st_map_put(map, key, &value), ST_OK);
    }
    key_of(key, 1000);
    assert_int_equal(st_map_put(map, key, &value), ST_ELIMIT);
    assert_int_equal(st_map_count(map), 1000);
    key_of(key, 7);
    assert_int_equal(st_map_put(map, key, &value), ST_EEXISTS);
    assert_ptr_equal(st_map_remove(map, key), &value);
    key_of(key, 1000);
    assert_int_equal(st_map_put(map, key, &value), ST_OK);
    st_map_free(&map);
}

static void map__new__refuses_bad_sizes(void **state)
{
    (void)state;
    struct st_map *map;
    assert_int_equal(st_map_new(&map, 0, 10, seed), ST_ELIMIT);
    assert_null(map);
    assert_int_equal(st_map_new(&map, ST_MAP_KEY_MAX + 1, 10, seed), ST_ELIMIT);
    assert_int_equal(st_map_new(&map, 16, 0, seed), ST_ELIMIT);
    assert_int_equal(st_map_new(&map, 16, (size_t)ST_MAP_COUNT_MAX + 1, seed), ST_ELIMIT);
    assert_int_equal(st_map_new(&map, 1, 1, seed), ST_OK);
    st_map_free(&map);
}

enum { MODEL_KEYS = 500, MODEL_STEPS = 200000 };

/* Random puts, removes and look-ups beside a plain array; the map must agree after each. */
static void map__any_calls__agree_with_a_model(void **state)
{
    (void)state;
    static int values[MODEL_KEYS];
    int *model[MODEL_KEYS] = { NULL };
    size_t count = 0;
    uint32_t lcg = 42;
    struct st_map *map;
    assert_int_equal(st_map_new(&map, 16, MODEL_KEYS, seed), ST_OK);
    for (int step = 0; step < MODEL_STEPS; step++) {
        lcg = lcg * 1664525u + 1013904223u;
        uint32_t k = (lcg >> 8) % MODEL_KEYS;
        uint8_t key[16];
        key_of(key, k);
        if (lcg >> 31 != 0) {
            assert_int_equal(st_map_put(map, key, &values[k]), model[k] != NULL ? ST_EEXISTS : ST_OK);
            count += model[k] == NULL;
            model[k] = &values[k];
        } else {
            assert_ptr_equal(st_map_remove(map, key), model[k]);
            count -= model[k] != NULL;
            model[k] = NULL;
        }
        assert_int_equal(st_map_count(map), count);
        key_of(key, (lcg >> 4) % MODEL_KEYS);
        assert_ptr_equal(st_map_get(map, key), model[(lcg >> 4) % MODEL_KEYS]);
    }
    st_map_free(&map);
}

static void map__next__sees_each_once_while_removing(void **state)
{
    (void)state;
    struct st_map *map;
    static uint8_t seen[1000];
    memset(seen, 0, sizeof seen);
    assert_int_equal(st_map_new(&map, 16, 1000, seed), ST_OK);
    uint8_t key[16];
    for (uint32_t i = 0; i < 1000; i++) {
        key_of(key, i);
        assert_int_equal(st_map_put(map, key, &seen[i]), ST_OK);
    }
    size_t cursor = 0;
    const void *at;
    void *value;
    size_t removed = 0;
    while (st_map_next(map, &cursor, &at, &value)) {
        uint32_t number = st_get_u32(at);
        assert_ptr_equal(value, &seen[number]);
        assert_int_equal(seen[number]++, 0);
        if (number % 3 == 0)
            removed += st_map_remove(map, at) != NULL;
    }
    for (uint32_t i = 0; i < 1000; i++) {
        key_of(key, i);
        assert_int_equal(seen[i], 1);
        assert_int_equal(st_map_get(map, key) == NULL, i % 3 == 0);
    }
    assert_int_equal(st_map_count(map), 1000 - removed);
    st_map_free(&map);
}

/* With another seed the same keys lie elsewhere: the order of the walk differs. */
static void map__new__the_seed_matters(void **state)
{
    (void)state;
    const uint8_t other[ST_MAP_SEED_BYTES] = { 9 };
    struct st_map *maps[2];
    uint32_t order[2][64];
    int value;
    assert_int_equal(st_map_new(&maps[0], 16, 64, seed), ST_OK);
    assert_int_equal(st_map_new(&maps[1], 16, 64, other), ST_OK);
    for (int m = 0; m < 2; m++) {
        uint8_t key[16];
        for (uint32_t i = 0; i < 64; i++) {
            key_of(key, i);
            assert_int_equal(st_map_put(maps[m], key, &value), ST_OK);
        }
        size_t cursor = 0;
        const void *at;
        for (int i = 0; st_map_next(maps[m], &cursor, &at, NULL); i++)
            order[m][i] = st_get_u32(at);
        st_map_free(&maps[m]);
    }
    assert_memory_not_equal(order[0], order[1], sizeof order[0]);
}

int main(void)
{
    if (sodium_init() < 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(map__put__get_and_remove),
        cmocka_unit_test(map__put__never_above_its_bound),
        cmocka_unit_test(map__new__refuses_bad_sizes),
        cmocka_unit_test(map__any_calls__agree_with_a_model),
        cmocka_unit_test(map__next__sees_each_once_while_removing),
        cmocka_unit_test(map__new__the_seed_matters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
