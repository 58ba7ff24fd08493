#include "lib/st_bucket.h"

/* Both factors are 32 bits wide, so no product here overflows 64. */
static uint64_t full_level(const struct st_rate *rate)
{
    return (uint64_t)rate->burst * rate->per_ms;
}

/* The level at `now_ms`. Never above the burst, also not of a rate that was lowered meanwhile. */
static uint64_t level_at(const struct st_bucket *bucket, const struct st_rate *rate, int64_t now_ms)
{
    uint64_t full = full_level(rate);
    if (bucket->level >= full)
        return full;
    if (now_ms <= bucket->at_ms || rate->tokens == 0)
        return bucket->level;
    uint64_t missing = full - bucket->level;
    uint64_t elapsed_ms = (uint64_t)now_ms - (uint64_t)bucket->at_ms;
    if (elapsed_ms > missing / rate->tokens)
        return full;
    return bucket->level + elapsed_ms * rate->tokens;
}

void st_bucket_init(struct st_bucket *bucket, const struct st_rate *rate, int64_t now_ms)
{
    bucket->level = full_level(rate);
    bucket->at_ms = now_ms;
}

bool st_bucket_take(struct st_bucket *bucket, const struct st_rate *rate, uint32_t tokens, int64_t now_ms)
{
    if (rate->per_ms == 0)
        return true;
    bucket->level = level_at(bucket, rate, now_ms);
    if (now_ms > bucket->at_ms)
        bucket->at_ms = now_ms;
    uint64_t price = (uint64_t)tokens * rate->per_ms;
    if (price > bucket->level)
        return false;
    bucket->level -= price;
    return true;
}

int64_t st_bucket_wait_ms(const struct st_bucket *bucket, const struct st_rate *rate, uint32_t tokens, int64_t now_ms)
{
    if (rate->per_ms == 0)
        return 0;
    uint64_t price = (uint64_t)tokens * rate->per_ms;
    uint64_t level = level_at(bucket, rate, now_ms);
    if (price <= level)
        return 0;
    if (tokens > rate->burst || rate->tokens == 0)
        return INT64_MAX;
    uint64_t missing = price - level;
    return (int64_t)((missing + rate->tokens - 1) / rate->tokens);
}

bool st_bucket_is_full(const struct st_bucket *bucket, const struct st_rate *rate, int64_t now_ms)
{
    return level_at(bucket, rate, now_ms) == full_level(rate);
}
