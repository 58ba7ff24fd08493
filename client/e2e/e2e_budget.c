#include "client/e2e/e2e_budget.h"

#include "client/e2e/e2e_limits.h"

bool e2e_budget_paused(const struct e2e_budget *budget, uint64_t now_s)
{
    /* A clock that was set back must not make the pause longer than it is. */
    return now_s < budget->paused_until_s && budget->paused_until_s - now_s <= E2E_FAILED_TAGS_PAUSE_S;
}

void e2e_budget_fail(struct e2e_budget *budget, uint64_t now_s)
{
    if (now_s < budget->window_start_s || now_s - budget->window_start_s >= E2E_FAILED_TAGS_WINDOW_S) {
        budget->window_start_s = now_s;
        budget->failed = 0;
    }
    budget->failed++;
    if (budget->failed >= E2E_FAILED_TAGS_MAX) {
        budget->paused_until_s = now_s + E2E_FAILED_TAGS_PAUSE_S;
        budget->failed = 0;
    }
}
