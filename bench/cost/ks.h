/* Are two samples of one distribution? The two-sample Kolmogorov-Smirnov test. */
#ifndef BENCH_COST_KS_H
#define BENCH_COST_KS_H

#include <stddef.h>

/* Sorts both samples (at least one value each) and returns the largest distance of their distribution functions. */
double ks_distance(double *a, size_t a_count, double *b, size_t b_count);

/* The probability of such a distance, or a larger one, if both come from one distribution: the asymptotic formula with
 * Stephens' correction, good from about 20 values each. */
double ks_probability(double distance, size_t a_count, size_t b_count);

/* The middle value of a sorted sample. */
double ks_median(const double *sorted, size_t count);

#endif
