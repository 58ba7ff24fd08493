#include "tests/sim/sim.h"

static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void sim_rng_init(struct sim_rng *rng, uint64_t seed)
{
    for (int i = 0; i < 4; i++)
        rng->s[i] = splitmix(&seed);
}

static uint64_t rotate(uint64_t x, int by)
{
    return (x << by) | (x >> (64 - by));
}

uint64_t sim_rng_next(struct sim_rng *rng)
{
    uint64_t *s = rng->s;
    uint64_t result = rotate(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

void sim_rng_fill(struct sim_rng *rng, void *out, size_t len)
{
    uint8_t *at = out;
    while (len > 0) {
        uint64_t word = sim_rng_next(rng);
        size_t take = len < sizeof word ? len : sizeof word;
        memcpy(at, &word, take);
        at += take;
        len -= take;
    }
}

uint64_t sim_rng_below(struct sim_rng *rng, uint64_t n)
{
    return sim_rng_next(rng) % n;
}

bool sim_rng_chance(struct sim_rng *rng, unsigned permille)
{
    return sim_rng_below(rng, 1000) < permille;
}
