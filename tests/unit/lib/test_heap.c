#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "lib/st_heap.h"

struct session {
    int name;
    struct st_heap_node timer;
};

static int name_of(const struct st_heap_node *node)
{
    return ((const struct session *)(const void *)((const char *)node - offsetof(struct session, timer)))->name;
}

static void heap__pop_due__nearest_first_equal_in_order(void **state)
{
    (void)state;
    struct st_heap heap;
    st_heap_init(&heap, 10);
    struct session s[5] = { { 0, ST_HEAP_NODE_IDLE },
                            { 1, ST_HEAP_NODE_IDLE },
                            { 2, ST_HEAP_NODE_IDLE },
                            { 3, ST_HEAP_NODE_IDLE },
                            { 4, ST_HEAP_NODE_IDLE } };
    static const int64_t at[5] = { 30, 10, 20, 10, 10 };
    assert_null(st_heap_first(&heap));
    assert_null(st_heap_pop_due(&heap, INT64_MAX));
    for (int i = 0; i < 5; i++)
        assert_int_equal(st_heap_set(&heap, &s[i].timer, at[i]), ST_OK);
    assert_null(st_heap_pop_due(&heap, 9));
    static const int expected[5] = { 1, 3, 4, 2, 0 };
    for (int i = 0; i < 5; i++) {
        struct st_heap_node *node = st_heap_pop_due(&heap, 30);
        assert_non_null(node);
        assert_int_equal(st_heap_owner(node, struct session, timer)->name, expected[i]);
        assert_int_equal(name_of(node), expected[i]);
        assert_false(st_heap_node_is_set(node));
    }
    assert_null(st_heap_pop_due(&heap, INT64_MAX));
    st_heap_deinit(&heap);
}

static void heap__set__moves_and_limits(void **state)
{
    (void)state;
    struct st_heap heap;
    st_heap_init(&heap, 2);
    struct st_heap_node a = ST_HEAP_NODE_IDLE, b = ST_HEAP_NODE_IDLE, c = ST_HEAP_NODE_IDLE;
    assert_int_equal(st_heap_set(&heap, &a, 10), ST_OK);
    assert_int_equal(st_heap_set(&heap, &b, 20), ST_OK);
    assert_int_equal(st_heap_set(&heap, &c, 5), ST_ELIMIT);
    assert_false(st_heap_node_is_set(&c));
    assert_int_equal(st_heap_set(&heap, &a, 30), ST_OK);
    assert_ptr_equal(st_heap_first(&heap), &b);
    assert_int_equal(st_heap_set(&heap, &a, 1), ST_OK);
    assert_ptr_equal(st_heap_first(&heap), &a);
    st_heap_cancel(&heap, &a);
    st_heap_cancel(&heap, &a);
    st_heap_cancel(&heap, &c);
    assert_ptr_equal(st_heap_first(&heap), &b);
    st_heap_deinit(&heap);
    assert_false(st_heap_node_is_set(&b));
    assert_int_equal(heap.count, 0);
}

static void heap__wait_ms__for_a_poll(void **state)
{
    (void)state;
    struct st_heap heap;
    st_heap_init(&heap, 2);
    struct st_heap_node a = ST_HEAP_NODE_IDLE;
    assert_int_equal(st_heap_wait_ms(&heap, 0, 500), 500);
    assert_int_equal(st_heap_set(&heap, &a, 1000), ST_OK);
    assert_int_equal(st_heap_wait_ms(&heap, 0, 500), 500);
    assert_int_equal(st_heap_wait_ms(&heap, 900, 500), 100);
    assert_int_equal(st_heap_wait_ms(&heap, 1000, 500), 0);
    assert_int_equal(st_heap_wait_ms(&heap, 2000, 500), 0);
    assert_int_equal(st_heap_set(&heap, &a, INT64_MAX), ST_OK);
    assert_int_equal(st_heap_wait_ms(&heap, INT64_MIN, 500), 500);
    st_heap_deinit(&heap);
}

enum { NODES = 300, STEPS = 100000 };

/* Random sets, cancels and pops beside a plain array. */
static void heap__any_calls__agree_with_a_model(void **state)
{
    (void)state;
    static struct st_heap_node nodes[NODES];
    struct st_heap heap;
    st_heap_init(&heap, NODES);
    uint32_t lcg = 7;
    size_t count = 0;
    for (int step = 0; step < STEPS; step++) {
        lcg = lcg * 1664525u + 1013904223u;
        struct st_heap_node *node = &nodes[(lcg >> 8) % NODES];
        switch (lcg >> 30) {
        case 0:
        case 1:
            count += !st_heap_node_is_set(node);
            assert_int_equal(st_heap_set(&heap, node, (lcg >> 20) % 50), ST_OK);
            break;
        case 2:
            count -= st_heap_node_is_set(node);
            st_heap_cancel(&heap, node);
            break;
        default: {
            const struct st_heap_node *least = NULL;
            for (size_t i = 0; i < NODES; i++) {
                if (st_heap_node_is_set(&nodes[i]) &&
                    (least == NULL || nodes[i].at_ms < least->at_ms ||
                     (nodes[i].at_ms == least->at_ms && nodes[i].order < least->order)))
                    least = &nodes[i];
            }
            assert_ptr_equal(st_heap_pop_due(&heap, INT64_MAX), least);
            count -= least != NULL;
            break;
        }
        }
        assert_int_equal(heap.count, count);
    }
    st_heap_deinit(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heap__pop_due__nearest_first_equal_in_order),
        cmocka_unit_test(heap__set__moves_and_limits),
        cmocka_unit_test(heap__wait_ms__for_a_poll),
        cmocka_unit_test(heap__any_calls__agree_with_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
