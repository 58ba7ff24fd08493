/* safetalk-enumeration [COUNT]: can an outsider tell by time whether a login name exists? Answers COUNT (10,000) KE1
 * each for a name with a record, for names that nobody ever had and for one whose record was deleted, interleaved at
 * random, and compares the times: no pair may differ by the Kolmogorov-Smirnov test (p > 0.01) and none of the medians
 * by 2 % or more. This is the part of OPAQUE alone, without database and network. Exit 0 if the three cannot be told
 * apart. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sodium.h>

#include "bench/cost/ks.h"
#include "bench/cost/opaque_world.h"
#include "lib/st_num.h"

enum { EXISTING, UNKNOWN, DELETED, KIND_COUNT };
enum { COUNT_DEFAULT = 10000, COUNT_MIN = 100, COUNT_MAX = 1000000, WARM_UP = 500 };

static const char *const KIND_NAMES[KIND_COUNT] = { "existing", "unknown", "deleted" };

struct samples {
    size_t count; /* of each kind */
    size_t taken[KIND_COUNT];
    double *us[KIND_COUNT];
};

static double now_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

/* Times one answer. Every attempt comes with its own KE1, as in life. */
static enum st_err time_answer(struct opaque_world *w, unsigned kind, double *us_r)
{
    char unknown[ST_OPAQUE_KEY_BYTES];
    struct opaque_client_login client;
    struct opaque_server_login login;
    struct st_opaque_ke1 ke1;
    struct st_opaque_ke2 ke2;
    /* All names have five characters, so that only whether they exist differs. */
    snprintf(unknown, sizeof unknown, "n%04u", (unsigned)(w->draws % 10000));
    w->name = st_view_text(kind == EXISTING ? "alice" : kind == DELETED ? "carol" : unknown);
    w->setup.parties.client_identity = w->name;
    struct st_view record = kind == EXISTING ? st_view(&w->record, sizeof w->record) : st_view_text("");
    enum st_err err = opaque_client_login_start(&client, &ke1, w->password, &w->env);
    if (err != ST_OK)
        return err;
    double start = now_us();
    err = opaque_world_answer(w, &login, &ke2, &ke1, record);
    *us_r = now_us() - start;
    opaque_server_login_deinit(&login);
    opaque_client_login_deinit(&client);
    return err;
}

/* One of the `left` samples that are still to be taken, each as likely as any other: so the kinds stay mixed evenly to
 * the very end, and a machine that grows slower meanwhile does so for all of them. */
static unsigned draw_kind(const struct samples *s, size_t left)
{
    size_t drawn = randombytes_uniform((uint32_t)left);
    unsigned kind = 0;
    while (drawn >= s->count - s->taken[kind])
        drawn -= s->count - s->taken[kind++];
    return kind;
}

static enum st_err take_samples(struct samples *s)
{
    struct opaque_world world;
    double us = 0;
    enum st_err err = opaque_world_init(&world);
    for (unsigned i = 0; i < WARM_UP && err == ST_OK; i++)
        err = time_answer(&world, i % KIND_COUNT, &us);
    for (size_t left = KIND_COUNT * s->count; left > 0 && err == ST_OK; left--) {
        unsigned kind = draw_kind(s, left);
        err = time_answer(&world, kind, &s->us[kind][s->taken[kind]++]);
    }
    opaque_world_deinit(&world);
    return err;
}

/* Prints one comparison; true if the two look the same. */
static bool compare(struct samples *s, unsigned a, unsigned b)
{
    double distance = ks_distance(s->us[a], s->count, s->us[b], s->count);
    double p = ks_probability(distance, s->count, s->count);
    double median_a = ks_median(s->us[a], s->count);
    double median_b = ks_median(s->us[b], s->count);
    double difference = (median_b - median_a) / median_a * 100;
    bool same = p > 0.01 && difference < 2 && difference > -2;
    printf("%s %.2f us, %s %.2f us: medians differ by %.2f %%, D = %.4f, p = %.3f: %s\n", KIND_NAMES[a], median_a,
           KIND_NAMES[b], median_b, difference, distance, p, same ? "not to be told apart" : "DIFFERENT");
    return same;
}

static int run(struct samples *s)
{
    enum st_err err = take_samples(s);
    if (err != ST_OK) {
        fprintf(stderr, "safetalk-enumeration: %s\n", st_err_text(err));
        return 1;
    }
    bool same = compare(s, EXISTING, UNKNOWN);
    same = compare(s, EXISTING, DELETED) && same;
    same = compare(s, UNKNOWN, DELETED) && same;
    return same ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct samples samples = { .count = COUNT_DEFAULT };
    int64_t count = COUNT_DEFAULT;
    if (argc > 2 || (argc == 2 && st_num_parse(argv[1], COUNT_MIN, COUNT_MAX, &count) != ST_OK)) {
        fputs("usage: safetalk-enumeration [COUNT]\n", stderr);
        return 2;
    }
    samples.count = (size_t)count;
    int status = 1;
    for (unsigned kind = 0; kind < KIND_COUNT; kind++)
        samples.us[kind] = calloc(samples.count, sizeof(double));
    if (sodium_init() < 0 || samples.us[0] == NULL || samples.us[1] == NULL || samples.us[2] == NULL)
        fputs("safetalk-enumeration: no memory, or libsodium does not start\n", stderr);
    else
        status = run(&samples);
    for (unsigned kind = 0; kind < KIND_COUNT; kind++)
        free(samples.us[kind]);
    return status;
}
