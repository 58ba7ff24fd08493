#include "tests/vectors_tool/vector_random.h"

void vector_random_init(struct vector_random *source)
{
    memset(source, 0, sizeof *source);
}

void vector_random_push(struct vector_random *source, struct st_view value)
{
    if (source->count < VECTOR_RANDOM_MAX)
        source->values[source->count++] = value;
    else
        source->exhausted = true;
}

bool vector_random_is_spent(const struct vector_random *source)
{
    return !source->exhausted && source->next == source->count;
}

static int64_t no_time(void *ctx)
{
    (void)ctx;
    return 0;
}

static void draw(void *ctx, void *out, size_t len)
{
    struct vector_random *source = ctx;
    memset(out, 0, len);
    if (source->next == source->count) {
        source->exhausted = true;
        return;
    }
    struct st_view value = source->values[source->next++];
    if (value.len > 0)
        memcpy(out, value.p, value.len < len ? value.len : len);
}

struct st_env vector_random_env(struct vector_random *source)
{
    struct st_env env = { source, no_time, no_time, draw };
    return env;
}
