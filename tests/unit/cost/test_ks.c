#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bench/cost/ks.h"

enum { COUNT = 2000 };

static void assert_near(double got, double want, double error)
{
    assert_true(fabs(got - want) <= error);
}

/* Values without order between 0 and 1, always the same (a linear congruence). */
static void fill(double *out, size_t count, uint32_t seed, double shift)
{
    for (size_t i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        out[i] = seed / 4294967296.0 + shift;
    }
}

static void ks__distance__small_samples(void **state)
{
    (void)state;
    double a[] = { 3, 1, 2, 4 };
    double b[] = { 2, 4, 3, 1 };
    double c[] = { 5, 6, 7, 8, 9 };
    double d[] = { 1, 1, 1, 9 };
    assert_near(ks_distance(a, 4, b, 4), 0, 0);
    assert_near(ks_distance(a, 4, c, 5), 1, 0);
    assert_near(ks_distance(a, 4, d, 4), 0.5, 1e-12);
    assert_near(ks_median(a, 4), 2.5, 0);
    assert_near(ks_median(c, 5), 7, 0);
}

/* Points of Kolmogorov's distribution: 1 - Q(1.3581) = 0.95, 1 - Q(1.6276) = 0.99; the correction is small here. */
static void ks__probability__known_points(void **state)
{
    (void)state;
    double n = sqrt(1e6 * 1e6 / 2e6);
    assert_near(ks_probability(1.3581 / n, 1000000, 1000000), 0.05, 2e-4);
    assert_near(ks_probability(1.6276 / n, 1000000, 1000000), 0.01, 1e-4);
    assert_near(ks_probability(0, 100, 100), 1, 0);
    assert_near(ks_probability(1, 100, 100), 0, 1e-9);
}

static void ks__same_source__not_told_apart(void **state)
{
    (void)state;
    static double a[COUNT];
    static double b[COUNT];
    fill(a, COUNT, 1, 0);
    fill(b, COUNT, 2, 0);
    assert_true(ks_probability(ks_distance(a, COUNT, b, COUNT), COUNT, COUNT) > 0.01);
}

static void ks__shifted_source__told_apart(void **state)
{
    (void)state;
    static double a[COUNT];
    static double b[COUNT];
    fill(a, COUNT, 1, 0);
    fill(b, COUNT, 2, 0.08);
    assert_true(ks_probability(ks_distance(a, COUNT, b, COUNT), COUNT, COUNT) < 0.01);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ks__distance__small_samples),
        cmocka_unit_test(ks__probability__known_points),
        cmocka_unit_test(ks__same_source__not_told_apart),
        cmocka_unit_test(ks__shifted_source__told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
