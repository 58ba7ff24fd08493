#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "lib/st_bucket.h"

static const struct st_rate frames = { 20, 1000, 400 };

static void bucket__take__the_burst_then_the_rate(void **state)
{
    (void)state;
    struct st_bucket bucket;
    st_bucket_init(&bucket, &frames, 5000);
    for (int i = 0; i < 400; i++)
        assert_true(st_bucket_take(&bucket, &frames, 1, 5000));
    assert_false(st_bucket_take(&bucket, &frames, 1, 5000));
    assert_int_equal(st_bucket_wait_ms(&bucket, &frames, 1, 5000), 50);
    assert_false(st_bucket_take(&bucket, &frames, 1, 5049));
    assert_true(st_bucket_take(&bucket, &frames, 1, 5050));
    int taken = 0;
    for (int64_t now_ms = 5051; now_ms <= 65050; now_ms++)
        taken += st_bucket_take(&bucket, &frames, 1, now_ms);
    assert_int_equal(taken, 60 * 20);
}

static void bucket__take__loses_no_fraction(void **state)
{
    (void)state;
    /* 10 a minute, asked every millisecond: rounding in each step would give none, or too many. */
    const struct st_rate rate = { 10, 60000, 1 };
    struct st_bucket bucket;
    st_bucket_init(&bucket, &rate, 0);
    int taken = 0;
    for (int64_t now_ms = 0; now_ms <= 600000; now_ms++)
        taken += st_bucket_take(&bucket, &rate, 1, now_ms);
    assert_int_equal(taken, 101);
}

static void bucket__take__large_amounts(void **state)
{
    (void)state;
    const struct st_rate bytes = { 4u << 20, 1000, 32u << 20 };
    struct st_bucket bucket;
    st_bucket_init(&bucket, &bytes, INT64_MIN);
    assert_true(st_bucket_take(&bucket, &bytes, 32u << 20, INT64_MIN));
    assert_int_equal(st_bucket_wait_ms(&bucket, &bytes, 4u << 20, INT64_MIN), 1000);
    assert_true(st_bucket_take(&bucket, &bytes, 32u << 20, INT64_MAX));
    assert_false(st_bucket_take(&bucket, &bytes, 1, INT64_MAX));
    const struct st_rate widest = { UINT32_MAX, UINT32_MAX, UINT32_MAX };
    st_bucket_init(&bucket, &widest, 0);
    assert_true(st_bucket_take(&bucket, &widest, UINT32_MAX, 0));
    assert_false(st_bucket_take(&bucket, &widest, 2, 1));
    assert_true(st_bucket_take(&bucket, &widest, 1, 1));
}

static void bucket__take__all_or_nothing(void **state)
{
    (void)state;
    const struct st_rate rate = { 1, 1000, 10 };
    struct st_bucket bucket;
    st_bucket_init(&bucket, &rate, 0);
    assert_true(st_bucket_take(&bucket, &rate, 6, 0));
    assert_false(st_bucket_take(&bucket, &rate, 5, 0));
    assert_true(st_bucket_take(&bucket, &rate, 4, 0));
    assert_true(st_bucket_take(&bucket, &rate, 0, 0));
}

static void bucket__take__clock_steps_back(void **state)
{
    (void)state;
    const struct st_rate rate = { 1, 1000, 10 };
    struct st_bucket bucket;
    st_bucket_init(&bucket, &rate, 100000);
    assert_true(st_bucket_take(&bucket, &rate, 10, 100000));
    assert_false(st_bucket_take(&bucket, &rate, 1, 0));
    assert_false(st_bucket_take(&bucket, &rate, 1, 100999));
    assert_true(st_bucket_take(&bucket, &rate, 1, 101000));
}

static void bucket__wait__rounded_up_or_never(void **state)
{
    (void)state;
    const struct st_rate rate = { 1, 1000, 10 };
    const struct st_rate dry = { 0, 1000, 10 };
    struct st_bucket bucket;
    st_bucket_init(&bucket, &rate, 0);
    assert_true(st_bucket_wait_ms(&bucket, &rate, 11, 0) == INT64_MAX);
    assert_int_equal(st_bucket_wait_ms(&bucket, &rate, 10, 0), 0);
    st_bucket_init(&bucket, &dry, 0);
    assert_true(st_bucket_take(&bucket, &dry, 10, 0));
    assert_false(st_bucket_take(&bucket, &dry, 1, INT64_MAX));
    assert_true(st_bucket_wait_ms(&bucket, &dry, 1, 0) == INT64_MAX);
    const struct st_rate thirds = { 3, 1000, 1 };
    st_bucket_init(&bucket, &thirds, 0);
    assert_true(st_bucket_take(&bucket, &thirds, 1, 0));
    assert_int_equal(st_bucket_wait_ms(&bucket, &thirds, 1, 0), 334);
    assert_false(st_bucket_take(&bucket, &thirds, 1, 333));
    assert_true(st_bucket_take(&bucket, &thirds, 1, 334));
}

static void bucket__take__without_limit(void **state)
{
    (void)state;
    const struct st_rate off = { 0, 0, 0 };
    struct st_bucket bucket;
    st_bucket_init(&bucket, &off, 0);
    for (int i = 0; i < 1000; i++)
        assert_true(st_bucket_take(&bucket, &off, UINT32_MAX, 0));
    assert_int_equal(st_bucket_wait_ms(&bucket, &off, UINT32_MAX, 0), 0);
    assert_true(st_bucket_is_full(&bucket, &off, 0));
}

static void bucket__take__rate_was_lowered(void **state)
{
    (void)state;
    const struct st_rate lower = { 1, 1000, 3 };
    struct st_bucket bucket;
    st_bucket_init(&bucket, &frames, 0);
    assert_true(st_bucket_take(&bucket, &lower, 3, 0));
    assert_false(st_bucket_take(&bucket, &lower, 1, 0));
}

static void bucket__is_full__after_the_refill(void **state)
{
    (void)state;
    struct st_bucket bucket;
    st_bucket_init(&bucket, &frames, 0);
    assert_true(st_bucket_is_full(&bucket, &frames, 0));
    assert_true(st_bucket_take(&bucket, &frames, 400, 0));
    assert_false(st_bucket_is_full(&bucket, &frames, 19999));
    assert_true(st_bucket_is_full(&bucket, &frames, 20000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bucket__take__the_burst_then_the_rate), cmocka_unit_test(bucket__take__loses_no_fraction),
        cmocka_unit_test(bucket__take__large_amounts),           cmocka_unit_test(bucket__take__all_or_nothing),
        cmocka_unit_test(bucket__take__clock_steps_back),        cmocka_unit_test(bucket__wait__rounded_up_or_never),
        cmocka_unit_test(bucket__take__without_limit),           cmocka_unit_test(bucket__take__rate_was_lowered),
        cmocka_unit_test(bucket__is_full__after_the_refill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
