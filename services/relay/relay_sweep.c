#include "services/relay/relay_internal.h"

enum {
    HOUR_MS = 3600 * 1000,
    JITTER_MS = 600 * 1000,
    CLOCKS_DIFFER_MS = HOUR_MS, /* then nothing expires */
    BOXES_A_STEP = 256,
    BLOBS_A_STEP = 16
};

/* A random share of `span_ms`, so that relays do not sweep all at once. */
static int64_t jitter(struct relay_core *core, uint32_t span_ms)
{
    uint8_t bytes[4];
    st_env_random(&core->deps.env, bytes, sizeof bytes);
    return (int64_t)(st_get_u32(bytes) % span_ms);
}

void relay_sweep_init(struct relay_core *core)
{
    core->sweeping.phase = RELAY_SWEEP_IDLE;
    core->sweeping.next_ms = relay_mono_ms(core) + jitter(core, HOUR_MS);
}

static void rest(struct relay_core *core)
{
    struct relay_sweeping *sweeping = &core->sweeping;
    if (sweeping->expired > 0)
        ST_LOG(core->deps.log, ST_LOG_INFO, "expired", st_log_uint("removed", sweeping->expired));
    core->stats.expired += sweeping->expired;
    sweeping->expired = 0;
    sweeping->phase = RELAY_SWEEP_IDLE;
    sweeping->next_ms = relay_mono_ms(core) + HOUR_MS + jitter(core, JITTER_MS);
}

/* Do our clock and the store's agree? A clock that is wrong by a month would expire everything. */
static bool clocks_agree(struct relay_core *core)
{
    int64_t store_ms = 0;
    int64_t ours_ms = st_env_wall_ms(&core->deps.env);
    enum st_err err = mailbox_time_ms(&core->deps.mailbox, &store_ms);
    if (err != ST_OK) {
        relay_send_log_store(core, "time", err);
        return false;
    }
    int64_t differ_ms = store_ms > ours_ms ? store_ms - ours_ms : ours_ms - store_ms;
    if (differ_ms <= CLOCKS_DIFFER_MS)
        return true;
    ST_LOG(core->deps.log, ST_LOG_WARN, "clocks_differ", st_log_int("by_s", differ_ms / 1000));
    return false;
}

static void begin(struct relay_core *core)
{
    struct relay_sweeping *sweeping = &core->sweeping;
    int64_t now_ms = relay_wall_ms(core);
    if (!clocks_agree(core)) {
        rest(core);
        return;
    }
    memset(&sweeping->boxes, 0, sizeof sweeping->boxes);
    memset(&sweeping->blobs, 0, sizeof sweeping->blobs);
    sweeping->boxes.entries_before_ms = now_ms - core->options.retention_ms;
    sweeping->boxes.exposed_before_ms = now_ms - (int64_t)RELAY_EXPOSED_KEEP_DAYS * 24 * HOUR_MS;
    sweeping->boxes.now_ms = now_ms;
    sweeping->boxes.box_max = BOXES_A_STEP;
    sweeping->blobs.before_ms = now_ms - core->options.retention_ms;
    sweeping->blobs.blob_max = BLOBS_A_STEP;
    sweeping->phase = RELAY_SWEEP_MAILBOXES;
}

static void sweep_mailboxes(struct relay_core *core)
{
    struct relay_sweeping *sweeping = &core->sweeping;
    enum st_err err = mailbox_sweep(&core->deps.mailbox, &sweeping->boxes);
    if (err != ST_OK) {
        relay_send_log_store(core, "sweep", err);
        rest(core);
        return;
    }
    sweeping->expired += sweeping->boxes.expired;
    if (sweeping->boxes.done)
        sweeping->phase = RELAY_SWEEP_BLOBS;
}

static void sweep_blobs(struct relay_core *core)
{
    struct relay_sweeping *sweeping = &core->sweeping;
    enum st_err err = blob_sweep(&core->deps.blob, &sweeping->blobs);
    if (err != ST_OK)
        relay_send_log_store(core, "blob_sweep", err);
    else
        sweeping->expired += sweeping->blobs.expired;
    if (err != ST_OK || sweeping->blobs.done)
        rest(core);
}

void relay_sweep_tick(struct relay_core *core)
{
    static void (*const steps[])(struct relay_core *) = {
        [RELAY_SWEEP_IDLE] = begin,
        [RELAY_SWEEP_MAILBOXES] = sweep_mailboxes,
        [RELAY_SWEEP_BLOBS] = sweep_blobs,
    };
    if (core->sweeping.phase == RELAY_SWEEP_IDLE && core->sweeping.next_ms > relay_mono_ms(core))
        return;
    steps[core->sweeping.phase](core);
}
