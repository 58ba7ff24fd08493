/* safetalk-cost [NAME...]: CPU time per operation, of all measurements or of those named.
 *
 * Each measurement runs in batches that last at least BATCH_US; the median of the batches is printed. CPU time is that
 * of the whole process (all threads), so that a busy machine does not count. Exit 0 if all ran. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sodium.h>

#include "bench/cost/measurements.h"

enum {
    BATCH_US = 20 * 1000, /* at least */
    BATCHES = 21,
    BATCHES_SLOW = 5,       /* for an operation that alone fills a batch */
    SLOW_US = 100 * 1000,   /* such an operation */
    BATCH_LEN_MAX = 1 << 20 /* operations */
};

static const struct measurement *const MEASUREMENTS[] = {
    &measurement_opaque_login_server, &measurement_opaque_login_client, &measurement_e2e_ping_pong,
    &measurement_e2e_one_way,         &measurement_e2e_step_encrypt,    &measurement_e2e_step_decrypt,
    &measurement_e2e_encrypt,         &measurement_e2e_decrypt,         &measurement_wire_validate,
    &measurement_wire_read,           &measurement_wire_write,
};
enum { MEASUREMENT_COUNT = sizeof MEASUREMENTS / sizeof MEASUREMENTS[0] };

static double cpu_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

/* Runs one batch; *us_r is the CPU time of all of it. */
static enum st_err run_batch(const struct measurement *m, void *state, unsigned len, double *us_r)
{
    double start = cpu_us();
    for (unsigned i = 0; i < len; i++) {
        enum st_err err = m->run(state);
        if (err != ST_OK)
            return err;
    }
    *us_r = cpu_us() - start;
    return ST_OK;
}

/* Doubles the batch until it is long enough for the clock. */
static enum st_err find_batch_len(const struct measurement *m, void *state, unsigned *len_r, unsigned *batches_r)
{
    double us = 0;
    *len_r = 1;
    *batches_r = BATCHES;
    enum st_err err = run_batch(m, state, 1, &us); /* the first one also warms up */
    while (err == ST_OK && *len_r < BATCH_LEN_MAX) {
        err = run_batch(m, state, *len_r, &us);
        if (us >= BATCH_US)
            break;
        *len_r *= 2;
    }
    if (us / *len_r >= SLOW_US)
        *batches_r = BATCHES_SLOW;
    return err;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static enum st_err measure(const struct measurement *m)
{
    void *state = NULL;
    unsigned len = 1;
    unsigned batches = BATCHES;
    double us[BATCHES];
    enum st_err err = m->setup(&state);
    if (err == ST_OK)
        err = find_batch_len(m, state, &len, &batches);
    for (unsigned i = 0; i < batches && err == ST_OK; i++) {
        err = run_batch(m, state, len, &us[i]);
        us[i] /= len;
    }
    if (m->teardown != NULL)
        m->teardown(state);
    if (err != ST_OK) {
        fprintf(stderr, "safetalk-cost: %s: %s\n", m->name, st_err_text(err));
        return err;
    }
    qsort(us, batches, sizeof us[0], by_size);
    printf("%-24s %12.2f us  %s (median of %u x %u, %.2f to %.2f)\n", m->name, us[batches / 2], m->what, batches, len,
           us[0], us[batches - 1]);
    fflush(stdout);
    return ST_OK;
}

static const struct measurement *find(const char *name)
{
    for (size_t i = 0; i < MEASUREMENT_COUNT; i++) {
        if (strcmp(MEASUREMENTS[i]->name, name) == 0)
            return MEASUREMENTS[i];
    }
    return NULL;
}

static int usage(void)
{
    fputs("usage: safetalk-cost [NAME...]\nmeasurements:\n", stderr);
    for (size_t i = 0; i < MEASUREMENT_COUNT; i++)
        fprintf(stderr, "  %-24s %s\n", MEASUREMENTS[i]->name, MEASUREMENTS[i]->what);
    return 2;
}

int main(int argc, char **argv)
{
    if (sodium_init() < 0) {
        fputs("safetalk-cost: libsodium does not start\n", stderr);
        return 1;
    }
    for (int i = 1; i < argc; i++) {
        if (find(argv[i]) == NULL)
            return usage();
    }
    bool failed = false;
    for (int i = 1; i < argc; i++)
        failed = measure(find(argv[i])) != ST_OK || failed;
    for (size_t i = 0; argc == 1 && i < MEASUREMENT_COUNT; i++)
        failed = measure(MEASUREMENTS[i]) != ST_OK || failed;
    return failed ? 1 : 0;
}
