/* The budget of failed tags (CRYPTO 18): 20 in a minute, then nothing is tried for 60 s. One for each session,
 * and one for each sending account for initial messages that have no session. It lives in memory only. */
#ifndef E2E_BUDGET_H
#define E2E_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

/* All zero is a fresh one. */
struct e2e_budget {
    uint64_t window_start_s; /* of the minute that is counted */
    uint64_t paused_until_s; /* 0: not paused */
    uint32_t failed;         /* tags in that minute */
};

/* Is nothing to be tried now? */
bool e2e_budget_paused(const struct e2e_budget *budget, uint64_t now_s);

/* A tag was wrong. */
void e2e_budget_fail(struct e2e_budget *budget, uint64_t now_s);

#endif
