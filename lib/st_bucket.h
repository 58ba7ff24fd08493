/* A token bucket: how often something may happen. Integers only, and the time is passed in, so that a
 * simulation and a test own the clock. The rate is not kept in the bucket (16 bytes each): a reloaded
 * configuration counts at once. */
#ifndef ST_BUCKET_H
#define ST_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

/* `tokens` come back every `per_ms`, at most `burst` are kept: {20, 1000, 400} is 20 a second, burst 400.
 * per_ms 0 means without limit; tokens 0 means that nothing ever comes back. */
struct st_rate {
    uint32_t tokens;
    uint32_t per_ms;
    uint32_t burst; /* tokens; the dearest single take that can ever succeed */
};

/* One who is limited. Filled by st_bucket_init. */
struct st_bucket {
    uint64_t level; /* tokens left × per_ms: in this unit every millisecond adds exactly `tokens` */
    int64_t at_ms;  /* when level was right */
};

/* A full bucket. */
void st_bucket_init(struct st_bucket *bucket, const struct st_rate *rate, int64_t now_ms);

/* Takes `tokens` if that many are there; else takes none and returns false. A clock that stepped back gives
 * no tokens and takes none away. */
bool st_bucket_take(struct st_bucket *bucket, const struct st_rate *rate, uint32_t tokens, int64_t now_ms);

/* How long from now until `tokens` are there, in ms, rounded up; 0 if they are there now, INT64_MAX if they
 * will never be (more than the burst, or no refill). For `retry_after`. */
int64_t st_bucket_wait_ms(const struct st_bucket *bucket, const struct st_rate *rate, uint32_t tokens, int64_t now_ms);

/* Full again by now: the bucket carries no memory and may be forgotten. */
bool st_bucket_is_full(const struct st_bucket *bucket, const struct st_rate *rate, int64_t now_ms);

#endif
