#include "services/auth/auth_internal.h"

enum {
    HOUR_MS = 60 * 60 * 1000,
    SWEEP_FIRST_MS = 60 * 1000,      /* the first round, at the earliest … */
    SWEEP_JITTER_MS = 5 * 60 * 1000, /* … and how much later it may be, so that many auths do not sweep at once */
    SWEEP_STEP_MS = 50,              /* between two steps of a round */
    INVITE_KEPT_DAYS = 30            /* an invite that expired is known as such for so long */
};
#define DAY_MS INT64_C(86400000)

static int64_t jitter(const struct auth_core *core)
{
    uint8_t bytes[4];
    st_env_random(&core->env, bytes, sizeof bytes);
    return (int64_t)(st_get_u32(bytes) % SWEEP_JITTER_MS);
}

static int64_t clock_offset(const struct auth_core *core)
{
    return st_env_wall_ms(&core->env) - st_env_mono_ms(&core->env);
}

void auth_sweep_init(struct auth_core *core)
{
    core->sweeper.offset_ms = clock_offset(core);
    core->sweeper.next_ms = st_env_mono_ms(&core->env) + SWEEP_FIRST_MS + jitter(core);
}

static bool is_near(int64_t a, int64_t b)
{
    return a - b <= HOUR_MS && b - a <= HOUR_MS;
}

/* A wall clock that jumped must not log everybody out: it is believed when it has stayed so for a day. */
static bool believe_clock(struct auth_core *core)
{
    struct auth_sweeper *sweeper = &core->sweeper;
    int64_t offset_ms = clock_offset(core);
    int64_t mono_ms = st_env_mono_ms(&core->env);
    if (is_near(offset_ms, sweeper->offset_ms)) {
        sweeper->offset_ms = offset_ms;
        sweeper->doubt = false;
        return true;
    }
    if (!sweeper->doubt || !is_near(offset_ms, sweeper->doubt_ms)) {
        st_log_event(core->log, ST_LOG_WARN, "auth_sweep_waits_clock_was_set");
        sweeper->doubt = true;
        sweeper->doubt_ms = offset_ms;
        sweeper->doubt_since = mono_ms;
    }
    if (mono_ms - sweeper->doubt_since < DAY_MS)
        return false;
    sweeper->offset_ms = offset_ms;
    sweeper->doubt = false;
    return true;
}

static int64_t before_of(const struct auth_core *core, enum auth_sweep what)
{
    int64_t now_ms = st_env_wall_ms(&core->env);
    switch (what) {
    case AUTH_SWEEP_THROTTLE:
        return now_ms - HOUR_MS; /* attempts are looked back at */
    case AUTH_SWEEP_GRANTS:
        return now_ms / DAY_MS - 1; /* yesterday's still answer repeats */
    case AUTH_SWEEP_OFFERS:
        return now_ms;
    case AUTH_SWEEP_INVITES:
        return now_ms - INVITE_KEPT_DAYS * DAY_MS;
    case AUTH_SWEEP_PENDING:
        return now_ms - AUTH_PENDING_MS;
    case AUTH_SWEEP_UNSEEN:
        return now_ms - (int64_t)core->config.unseen_days * DAY_MS;
    case AUTH_SWEEPS:
        break;
    }
    return INT64_MIN;
}

static void end_round(struct auth_core *core)
{
    core->sweeper.what = 0;
    core->sweeper.next_ms = st_env_mono_ms(&core->env) + HOUR_MS + jitter(core);
}

void auth_sweep_tick(struct auth_core *core)
{
    size_t removed;
    struct auth_sweeper *sweeper = &core->sweeper;
    int64_t mono_ms = st_env_mono_ms(&core->env);
    if (mono_ms < sweeper->next_ms)
        return;
    if (sweeper->what == 0 && !believe_clock(core)) {
        end_round(core);
        return;
    }
    sweeper->next_ms = mono_ms + SWEEP_STEP_MS;
    enum auth_sweep what = (enum auth_sweep)sweeper->what;
    enum st_err err = auth_store_sweep(&core->store, what, before_of(core, what), &removed);
    core->stats.swept += removed;
    if (err != ST_OK) {
        ST_LOG(core->log, ST_LOG_ERROR, "auth_sweep_failed", st_log_err("error", err));
        end_round(core);
        return;
    }
    if (removed < AUTH_SWEEP_ROWS && ++sweeper->what == AUTH_SWEEPS)
        end_round(core);
}
