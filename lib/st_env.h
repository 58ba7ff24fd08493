/* What a core may ask of the outside. Cores never call a clock or a random source themselves, so that a
 * simulation can run them from a seed: the shell passes the real ones, a test its own. */
#ifndef ST_ENV_H
#define ST_ENV_H

#include <stddef.h>
#include <stdint.h>

struct st_env {
    void *ctx;
    /* Milliseconds since 1970 (wall clock): for times that are stored or shown. */
    int64_t (*wall_ms)(void *ctx);
    /* Milliseconds that never step back: for time-outs and retries. */
    int64_t (*mono_ms)(void *ctx);
    /* Fills `out` with `len` unpredictable bytes. Cannot fail. */
    void (*random)(void *ctx, void *out, size_t len);
};

static inline int64_t st_env_wall_ms(const struct st_env *env)
{
    return env->wall_ms(env->ctx);
}

static inline int64_t st_env_mono_ms(const struct st_env *env)
{
    return env->mono_ms(env->ctx);
}

static inline void st_env_random(const struct st_env *env, void *out, size_t len)
{
    env->random(env->ctx, out, len);
}

/* The real ones: the system's clocks and libsodium's generator. sodium_init has been called. */
struct st_env st_env_system(void);

#endif
