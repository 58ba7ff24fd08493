#include "lib/st_heap.h"

#include <stdlib.h>

enum { FIRST_CAP = 16 };

void st_heap_init(struct st_heap *heap, size_t limit)
{
    *heap = (struct st_heap) { .limit = limit };
}

void st_heap_deinit(struct st_heap *heap)
{
    for (size_t i = 0; i < heap->count; i++)
        st_heap_node_init(heap->nodes[i]);
    free(heap->nodes);
    st_heap_init(heap, heap->limit);
}

static bool is_before(const struct st_heap_node *a, const struct st_heap_node *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static void put_at(struct st_heap *heap, size_t i, struct st_heap_node *node)
{
    heap->nodes[i] = node;
    node->place = i + 1;
}

/* Moves the node at i towards the root as long as it is before its parent. */
static void sift_up(struct st_heap *heap, size_t i)
{
    struct st_heap_node *node = heap->nodes[i];
    while (i > 0 && is_before(node, heap->nodes[(i - 1) / 2])) {
        put_at(heap, i, heap->nodes[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    put_at(heap, i, node);
}

/* Moves the node at i away from the root as long as a child is before it. */
static void sift_down(struct st_heap *heap, size_t i)
{
    struct st_heap_node *node = heap->nodes[i];
    for (size_t child = 2 * i + 1; child < heap->count; child = 2 * i + 1) {
        if (child + 1 < heap->count && is_before(heap->nodes[child + 1], heap->nodes[child]))
            child++;
        if (!is_before(heap->nodes[child], node))
            break;
        put_at(heap, i, heap->nodes[child]);
        i = child;
    }
    put_at(heap, i, node);
}

static enum st_err reserve_one(struct st_heap *heap)
{
    if (heap->count >= heap->limit)
        return ST_ELIMIT;
    if (heap->count < heap->cap)
        return ST_OK;
    size_t cap = heap->cap == 0 ? FIRST_CAP : heap->cap * 2;
    if (cap > SIZE_MAX / sizeof(struct st_heap_node *))
        return ST_ENOMEM;
    struct st_heap_node **nodes = realloc(heap->nodes, cap * sizeof *nodes);
    if (nodes == NULL)
        return ST_ENOMEM;
    heap->nodes = nodes;
    heap->cap = cap;
    return ST_OK;
}

enum st_err st_heap_set(struct st_heap *heap, struct st_heap_node *node, int64_t at_ms)
{
    if (!st_heap_node_is_set(node)) {
        enum st_err err = reserve_one(heap);
        if (err != ST_OK)
            return err;
        put_at(heap, heap->count, node);
        heap->count++;
    }
    node->at_ms = at_ms;
    node->order = heap->next_order++;
    /* Only one of the two moves it. */
    sift_up(heap, node->place - 1);
    sift_down(heap, node->place - 1);
    return ST_OK;
}

void st_heap_cancel(struct st_heap *heap, struct st_heap_node *node)
{
    if (!st_heap_node_is_set(node))
        return;
    size_t i = node->place - 1;
    st_heap_node_init(node);
    heap->count--;
    if (i == heap->count)
        return;
    /* The last node takes the free place and finds its own. */
    struct st_heap_node *last = heap->nodes[heap->count];
    put_at(heap, i, last);
    sift_up(heap, i);
    sift_down(heap, last->place - 1);
}

struct st_heap_node *st_heap_first(const struct st_heap *heap)
{
    return heap->count > 0 ? heap->nodes[0] : NULL;
}

struct st_heap_node *st_heap_pop_due(struct st_heap *heap, int64_t now_ms)
{
    struct st_heap_node *node = st_heap_first(heap);
    if (node == NULL || node->at_ms > now_ms)
        return NULL;
    st_heap_cancel(heap, node);
    return node;
}

int64_t st_heap_wait_ms(const struct st_heap *heap, int64_t now_ms, int64_t idle_ms)
{
    const struct st_heap_node *node = st_heap_first(heap);
    if (node == NULL)
        return idle_ms;
    if (node->at_ms <= now_ms)
        return 0;
    uint64_t wait_ms = (uint64_t)node->at_ms - (uint64_t)now_ms;
    return wait_ms < (uint64_t)idle_ms ? (int64_t)wait_ms : idle_ms;
}
