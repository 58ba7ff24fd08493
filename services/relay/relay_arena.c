#include "services/relay/relay_arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

struct relay_arena_chunk {
    struct relay_arena_chunk *next;
    size_t used;
    alignas(max_align_t) uint8_t bytes[RELAY_ARENA_CHUNK];
};

void relay_arena_init(struct relay_arena *arena)
{
    memset(arena, 0, sizeof *arena);
}

static void free_from(struct relay_arena_chunk *chunk)
{
    while (chunk != NULL) {
        struct relay_arena_chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
}

void relay_arena_deinit(struct relay_arena *arena)
{
    free_from(arena->first);
    relay_arena_init(arena);
}

/* The chunk behind the present one, made if there is none. */
static struct relay_arena_chunk *next_chunk(struct relay_arena *arena)
{
    struct relay_arena_chunk **link = arena->now == NULL ? &arena->first : &arena->now->next;
    if (*link == NULL) {
        *link = malloc(sizeof **link);
        if (*link == NULL)
            return NULL;
        (*link)->next = NULL;
        (*link)->used = 0;
    }
    arena->now = *link;
    return *link;
}

void *relay_arena_take(struct relay_arena *arena, size_t len)
{
    if (len > RELAY_ARENA_CHUNK)
        return NULL;
    size_t rounded = (len + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
    struct relay_arena_chunk *chunk = arena->now;
    if (chunk == NULL || rounded > RELAY_ARENA_CHUNK - chunk->used)
        chunk = next_chunk(arena);
    if (chunk == NULL)
        return NULL;
    void *piece = chunk->bytes + chunk->used;
    chunk->used += rounded;
    arena->used += rounded;
    return piece;
}

void relay_arena_clear(struct relay_arena *arena)
{
    size_t kept = 0;
    for (struct relay_arena_chunk *chunk = arena->first; chunk != NULL; chunk = chunk->next) {
        chunk->used = 0;
        if (++kept == RELAY_ARENA_KEEP) {
            free_from(chunk->next);
            chunk->next = NULL;
        }
    }
    arena->now = NULL;
    arena->used = 0;
}
