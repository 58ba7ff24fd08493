/* Memory for one batch: pieces are taken one after the other and given back all at once. Addresses stay valid until
 * then. What was used is kept for the next batch, up to a small reserve. */
#ifndef RELAY_ARENA_H
#define RELAY_ARENA_H

#include <stddef.h>
#include <stdint.h>

enum { RELAY_ARENA_CHUNK = 256 * 1024, RELAY_ARENA_KEEP = 8 /* chunks kept between batches */ };

struct relay_arena_chunk;

struct relay_arena {
    struct relay_arena_chunk *first; /* owned */
    struct relay_arena_chunk *now;   /* the one that pieces come from */
    size_t used;                     /* bytes handed out */
};

/* Allocates nothing yet. */
void relay_arena_init(struct relay_arena *arena);
void relay_arena_deinit(struct relay_arena *arena);

/* A piece of `len` bytes (at most RELAY_ARENA_CHUNK), aligned for any object, or NULL without memory. */
void *relay_arena_take(struct relay_arena *arena, size_t len);

/* Gives everything back. */
void relay_arena_clear(struct relay_arena *arena);

#endif
