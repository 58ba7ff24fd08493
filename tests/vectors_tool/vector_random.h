/* A random source that says what the vectors say. */
#ifndef VECTORS_TOOL_VECTOR_RANDOM_H
#define VECTORS_TOOL_VECTOR_RANDOM_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/st_bytes.h"
#include "lib/st_env.h"

enum { VECTOR_RANDOM_MAX = 8 /* values in the queue */ };

struct vector_random {
    struct st_view values[VECTOR_RANDOM_MAX]; /* borrowed */
    size_t count;
    size_t next;
    bool exhausted; /* something was drawn that nobody had put in */
};

/* Begins anew with an empty queue. */
void vector_random_init(struct vector_random *source);

/* Puts a value at the end of the queue. It must hold no more than VECTOR_RANDOM_MAX. */
void vector_random_push(struct vector_random *source, struct st_view value);

/* Was everything drawn that was put in, and nothing else? */
bool vector_random_is_spent(const struct vector_random *source);

/* Draws one value for each call: a longer draw is filled up with zeros (as a scalar is drawn, st_oprf_random_scalar), a
 * shorter one takes the beginning. Its clocks stand at 0. */
struct st_env vector_random_env(struct vector_random *source);

#endif
