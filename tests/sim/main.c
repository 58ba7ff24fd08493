/* safetalk-sim: runs the whole system from seeds. `--seeds N [--from S]` runs N of them; `--seed S [-v]` runs one and
 * tells what happens. Exit 0 if every invariant held in every run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "lib/st_num.h"
#include "tests/sim/sim.h"

/* libsodium's own randomness, for the few calls that ask it directly: repeatable too. */
static struct sim_rng library_rng;

static const char *rng_name(void)
{
    return "simulation";
}

static uint32_t rng_word(void)
{
    return (uint32_t)sim_rng_next(&library_rng);
}

static void rng_bytes(void *const out, const size_t len)
{
    sim_rng_fill(&library_rng, out, len);
}

static struct randombytes_implementation repeatable = { .implementation_name = rng_name,
                                                        .random = rng_word,
                                                        .buf = rng_bytes };

static bool run_seed(uint64_t seed, bool verbose, struct sim_stats *total)
{
    struct sim *sim = malloc(sizeof *sim);
    if (sim == NULL)
        return false;
    sim_rng_init(&library_rng, seed);
    struct sim_plan plan = sim_plan_random(seed);
    plan.verbose = verbose;
    bool ok = sim_init(sim, &plan) && sim_play(sim);
    if (!ok)
        printf("seed %llu: %s\n", (unsigned long long)seed, sim->failure);
    total->steps += sim->stats.steps;
    total->frames += sim->stats.frames;
    total->crashes += sim->stats.crashes;
    total->cuts += sim->stats.cuts;
    total->sent += sim->stats.sent;
    total->shown += sim->stats.shown;
    total->store_losses += sim->stats.store_losses;
    total->duplicates += sim->stats.duplicates;
    sim_deinit(sim);
    free(sim);
    return ok;
}

int main(int argc, char **argv)
{
    uint64_t from = 1, seeds = 200;
    bool verbose = false;
    for (int i = 1; i < argc; i++) {
        bool value = i + 1 < argc;
        if (strcmp(argv[i], "-v") == 0) {
            verbose = true;
        } else if (strcmp(argv[i], "--seeds") == 0 && value) {
            seeds = strtoull(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--from") == 0 && value) {
            from = strtoull(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--seed") == 0 && value) {
            from = strtoull(argv[++i], NULL, 10);
            seeds = 1;
        } else {
            fputs("usage: safetalk-sim [--seeds N] [--from S] | --seed S [-v]\n", stderr);
            return 2;
        }
    }
    if (randombytes_set_implementation(&repeatable) != 0 || sodium_init() < 0)
        return 2;
    struct sim_stats total = { 0 };
    unsigned failed = 0;
    for (uint64_t i = 0; i < seeds; i++)
        failed += run_seed(from + i, verbose, &total) ? 0 : 1;
    printf("%llu seeds, %llu steps, %llu frames; %llu sent, %llu shown; %llu crashes, %llu cuts, %llu store losses, "
           "%llu duplicates\n",
           (unsigned long long)seeds, (unsigned long long)total.steps, (unsigned long long)total.frames,
           (unsigned long long)total.sent, (unsigned long long)total.shown, (unsigned long long)total.crashes,
           (unsigned long long)total.cuts, (unsigned long long)total.store_losses,
           (unsigned long long)total.duplicates);
    printf("%llu passed, %u failed\n", (unsigned long long)seeds - failed, failed);
    return failed == 0 ? 0 : 1;
}
