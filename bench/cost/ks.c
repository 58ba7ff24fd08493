#include "bench/cost/ks.h"

#include <math.h>
#include <stdlib.h>

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

double ks_distance(double *a, size_t a_count, double *b, size_t b_count)
{
    qsort(a, a_count, sizeof *a, by_size);
    qsort(b, b_count, sizeof *b, by_size);
    double largest = 0;
    size_t i = 0;
    size_t j = 0;
    while (i < a_count && j < b_count) {
        double at = a[i] < b[j] ? a[i] : b[j];
        while (i < a_count && a[i] <= at)
            i++;
        while (j < b_count && b[j] <= at)
            j++;
        double distance = fabs((double)i / (double)a_count - (double)j / (double)b_count);
        if (distance > largest)
            largest = distance;
    }
    return largest;
}

double ks_probability(double distance, size_t a_count, size_t b_count)
{
    double n = sqrt((double)a_count * (double)b_count / (double)(a_count + b_count));
    double x = (n + 0.12 + 0.11 / n) * distance;
    if (x < 0.2)
        return 1; /* the series needs many terms there, and the sum is 1 to ten digits */
    double sum = 0;
    double sign = 1;
    for (int k = 1; k <= 100; k++) {
        sum += sign * exp(-2.0 * k * k * x * x);
        sign = -sign;
    }
    double p = 2 * sum;
    return p < 0 ? 0 : p > 1 ? 1 : p;
}

double ks_median(const double *sorted, size_t count)
{
    return count % 2 == 1 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}
