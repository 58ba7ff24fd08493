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

/* Remembers both clocks. */
static void note_clocks(struct auth_core *core)
{
    core->sweeper.wall_ms = st_env_wall_ms(&core->env);
    core->sweeper.mono_ms = st_env_mono_ms(&core->env);
}

void auth_sweep_init(struct auth_core *core)
{
    note_clocks(core);
    core->sweeper.next_ms = core->sweeper.mono_ms + SWEEP_FIRST_MS + jitter(core);
}

/* A wall clock that jumped must not log everybody out: then this round is left out. */
static bool clock_jumped(struct auth_core *core)
{
    int64_t wall = st_env_wall_ms(&core->env) - core->sweeper.wall_ms;
    int64_t mono = st_env_mono_ms(&core->env) - core->sweeper.mono_ms;
    return wall - mono > HOUR_MS || mono - wall > HOUR_MS;
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
    if (sweeper->what == 0) {
        bool jumped = clock_jumped(core);
        note_clocks(core);
        if (jumped) {
            st_log_event(core->log, ST_LOG_WARN, "auth_sweep_skipped_clock_jumped");
            end_round(core);
            return;
        }
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
