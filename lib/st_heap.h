/* Deadlines, the nearest first: a binary heap whose nodes lie inside the caller's own structs. Adding may fail
 * for want of memory; moving and removing never do. Two equal deadlines come out in the order in which they were
 * set, so that a run can be repeated exactly. */
#ifndef ST_HEAP_H
#define ST_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/st_err.h"

/* Part of whatever has a deadline. Start it with ST_HEAP_NODE_IDLE (or st_heap_node_init); the heap does the
 * rest. It must not move in memory while it is in a heap. */
struct st_heap_node {
    int64_t at_ms;  /* the deadline */
    uint64_t order; /* which of two equal deadlines was set first */
    size_t place;   /* 1 + index in the heap, 0 = in none */
};

#define ST_HEAP_NODE_IDLE                                                                                              \
    {                                                                                                                  \
        0, 0, 0                                                                                                        \
    }

struct st_heap {
    struct st_heap_node **nodes; /* borrowed */
    size_t count;
    size_t cap;   /* pointers allocated */
    size_t limit; /* nodes it may ever hold */
    uint64_t next_order;
};

/* The struct of `type` around a node: `st_heap_owner(node, struct session, timer)`. */
#define st_heap_owner(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

static inline void st_heap_node_init(struct st_heap_node *node)
{
    node->at_ms = 0;
    node->order = 0;
    node->place = 0;
}

static inline bool st_heap_node_is_set(const struct st_heap_node *node)
{
    return node->place != 0;
}

/* An empty heap for at most `limit` nodes. Allocates nothing yet. */
void st_heap_init(struct st_heap *heap, size_t limit);

/* Frees the heap's own memory; the nodes still in it become idle. */
void st_heap_deinit(struct st_heap *heap);

/* Sets the deadline of a node: adds it, or moves it if it is in this heap. ST_ELIMIT at the limit and ST_ENOMEM,
 * both only when it was idle; nothing is changed then. */
enum st_err st_heap_set(struct st_heap *heap, struct st_heap_node *node, int64_t at_ms) ST_MUST_CHECK;

/* Takes the node out; an idle one is left alone. */
void st_heap_cancel(struct st_heap *heap, struct st_heap_node *node);

/* The node with the nearest deadline (borrowed, stays in), or NULL. */
struct st_heap_node *st_heap_first(const struct st_heap *heap);

/* Takes out and returns the nearest node whose deadline is at or before `now_ms`, or NULL. Call it in a loop. */
struct st_heap_node *st_heap_pop_due(struct st_heap *heap, int64_t now_ms);

/* Milliseconds until the nearest deadline, 0 if it is past, `idle_ms` if there is none or it is further away:
 * a poll time-out. */
int64_t st_heap_wait_ms(const struct st_heap *heap, int64_t now_ms, int64_t idle_ms);

#endif
