#include "services/auth/auth_internal.h"

#include "lib/st_wipe.h"

enum {
    ERASE_FIRST_MS = 2 * 1000,        /* until the second purge_req */
    ERASE_LONGEST_MS = 5 * 60 * 1000, /* between two of them */
    ERASE_LOOK_MS = 2 * 1000,         /* between two looks for due jobs */
    ERASE_JOBS_A_TICK = 16
};

static const struct auth_refusal no_login = {
    ST_CODE_WRONG_STATE, "There is no removal to finish on this connection, or it took too long. Start again."
};
static const struct auth_refusal wrong = { ST_CODE_LOGIN_FAILED,
                                           "The password is wrong. Nothing was removed. Type it again." };

/* ---- the first half: the password once more ---- */

void auth_remove_user(struct auth_request *request, const void *msg)
{
    const struct st_msg_remove_user *ask = msg;
    struct auth_core *core = request->core;
    struct auth_ake ake = { .kind = AUTH_AKE_REMOVE, .name = request->account.name };
    struct st_opaque_ke2 ke2;
    uint64_t retry_s = 0;
    struct auth_throttle throttle = auth_throttle_of(request);
    enum st_err err =
        auth_throttle_attempt(&throttle, AUTH_LIMIT_REMOVE, st_view(request->hop->acct, ST_ACCT_LEN), &retry_s);
    if (err != ST_OK) {
        auth_refuse_throttled(request, err, retry_s);
        return;
    }
    core->stats.attempts++;
    memcpy(ake.tk, request->device.tk, sizeof ake.tk);
    err = auth_start_ake(request, &ake, &request->account, ask->ke1, &ke2);
    if (err == ST_OK)
        err = auth_ake_put(&core->akes, request->from, request->hop->sid, st_env_mono_ms(&core->env), &ake);
    ST_WIPE(ake);
    if (err == ST_OK) {
        const struct st_msg_remove_user_r answer = { .ke2 = st_view(&ke2, sizeof ke2) };
        auth_answer(request, ST_REMOVE_USER_R, &answer);
    } else if (err == ST_EMALFORMED) {
        auth_refuse(request, ST_CODE_MALFORMED, "The login request is no valid element. Update your client.");
    } else if (err == ST_ELIMIT) {
        auth_refuse_for(request, ST_CODE_RATE_LIMITED, "Too many people log in at this moment. Wait, then try again.",
                        AUTH_LOGIN_MS / 1000);
    } else {
        auth_fail(request, err);
    }
}

/* ---- the second half: everything goes ---- */

/* Every mailbox that the account may have had: its devices, then lower and lower numbers as far as a job reaches. */
static void list_devs(struct auth_erase *job, const struct auth_account *account, const struct auth_device *devices,
                      size_t count)
{
    for (size_t i = 0; i < count; i++)
        job->devs[job->dev_count++] = devices[i].dev;
    for (uint64_t dev = account->next_dev - 1; dev > 0 && job->dev_count < AUTH_ERASE_DEVS_MAX; dev--) {
        bool there = false;
        for (size_t i = 0; i < count; i++)
            there = there || devices[i].dev == dev;
        if (!there)
            job->devs[job->dev_count++] = (uint32_t)dev;
    }
}

static enum st_err write_tombstones(const struct auth_core *core, const struct auth_account *account, int64_t now_ms)
{
    uint8_t hash[ST_HASH_LEN];
    auth_secrets_hash(hash, &core->secrets, AUTH_PURPOSE_REMOVED_NAME, 0, auth_text_view(&account->name));
    enum st_err err = auth_store_tombstone_put(&core->store, hash, now_ms);
    if (err != ST_OK)
        return err;
    auth_secrets_hash(hash, &core->secrets, AUTH_PURPOSE_REMOVED_ACCOUNT, 0, st_view(account->acct, ST_ACCT_LEN));
    return auth_store_tombstone_put(&core->store, hash, now_ms);
}

/* One transaction. ST_EREFUSED: the password was wrong. `job_r` says what is still to be erased elsewhere; `devices_r`
 * (AUTH_DEVICE_ROWS_MAX) and *count_r are the rows that there were. */
static enum st_err erase(struct auth_request *request, struct auth_ake *ake, struct st_view ke3,
                         struct auth_erase *job_r, struct auth_device *devices_r, size_t *count_r)
{
    const struct auth_store *store = &request->core->store;
    struct auth_account account;
    memset(job_r, 0, sizeof *job_r);
    *count_r = 0;
    enum st_err err = auth_store_begin(store);
    if (err != ST_OK)
        return err;
    err = auth_finish_ake(request, ake, ke3, &account);
    if (err == ST_EINTEGRITY)
        err = ST_EREFUSED;
    if (err == ST_OK)
        err = auth_store_device_all(store, account.acct, devices_r, count_r);
    if (err == ST_OK)
        err = write_tombstones(request->core, &account, request->now_ms);
    if (err == ST_OK)
        err = auth_store_account_erase(store, account.acct);
    if (err == ST_OK) {
        memcpy(job_r->acct, account.acct, sizeof job_r->acct);
        job_r->next_ms = request->now_ms + ERASE_FIRST_MS;
        list_devs(job_r, &account, devices_r, *count_r);
        err = auth_store_erase_insert(store, job_r);
    }
    return auth_end(request->core, err);
}

static void ask_purge(struct auth_core *core, const struct auth_erase *job, const struct service_peer *gateway)
{
    uint8_t devs[AUTH_ERASE_DEVS_MAX * 4];
    for (size_t i = 0; i < job->dev_count; i++)
        st_put_u32(devs + 4 * i, job->devs[i]);
    const struct st_int_purge_req ask = { .acct = st_view(job->acct, sizeof job->acct),
                                          .devs = { .count = job->dev_count, .items = devs } };
    auth_tell(core, gateway, ST_PURGE_REQ, &ask);
}

enum { REMOVAL_DONE = 1, REMOVAL_PENDING = 2 };

static void answer_removed(struct auth_core *core, const struct auth_removal *removal, uint64_t state)
{
    /* The account itself is gone for certain, unless it is this very batch that removes it. */
    auth_answer_removal(core, removal, removal->fresh ? AUTH_LETTER_ANSWER : AUTH_LETTER_ALWAYS, state);
    /* Behind the answer: only now may the connection go that it travels on. */
    auth_revoke_at(core, &removal->to, removal->hop.acct, 0);
}

/* The answer waits for the mailboxes. */
static void wait_for_purge(struct auth_request *request)
{
    struct auth_core *core = request->core;
    struct auth_removal removal = { .to = *request->from, .hop = *request->hop, .request = request->id, .fresh = true };
    removal.deadline_ms = st_env_mono_ms(&core->env) + AUTH_REMOVE_WAIT_MS;
    if (core->removal_count < AUTH_REMOVALS_MAX)
        core->removals[core->removal_count++] = removal;
    else
        answer_removed(core, &removal, REMOVAL_PENDING);
}

void auth_remove_user_finish(struct auth_request *request, const void *msg)
{
    const struct st_msg_remove_user_finish *ask = msg;
    struct auth_core *core = request->core;
    struct auth_erase job;
    struct auth_device devices[AUTH_DEVICE_ROWS_MAX];
    size_t count;
    struct auth_ake *ake =
        auth_ake_take(&core->akes, request->from, request->hop->sid, st_env_mono_ms(&core->env), AUTH_AKE_REMOVE);
    if (ake == NULL || memcmp(ake->acct, request->hop->acct, sizeof ake->acct) != 0) {
        auth_ake_free(ake);
        auth_refuse(request, no_login.code, no_login.sentence);
        return;
    }
    enum st_err err = erase(request, ake, ask->ke3, &job, devices, &count);
    auth_ake_free(ake);
    if (err != ST_OK) {
        core->stats.login_failed += err == ST_EREFUSED;
        auth_refuse_with(request, err, &wrong);
        return;
    }
    core->stats.removed++;
    ST_LOG(core->log, ST_LOG_INFO, "removed", st_log_id("acct", job.acct, ST_ACCT_LEN));
    /* Every session ends, but for the one that waits for its answer. */
    auth_revoke(core, job.acct, 0, request->from);
    for (size_t i = 0; i < count; i++)
        if (devices[i].dev != request->hop->dev)
            auth_revoke_at(core, request->from, job.acct, devices[i].dev);
    ask_purge(core, &job, request->from);
    wait_for_purge(request);
}

/* ---- mailboxes ---- */

static void forget_removal(struct auth_core *core, size_t at)
{
    core->removals[at] = core->removals[--core->removal_count];
}

void auth_purged(struct auth_request *request, const void *msg)
{
    const struct st_int_purged *purged = msg;
    struct auth_core *core = request->core;
    enum st_err err = auth_store_erase_done(&core->store, purged->acct.p);
    if (err != ST_OK) {
        ST_LOG(core->log, ST_LOG_ERROR, "auth_request_failed", st_log_err("error", err));
        return; /* the job stays, and is asked for again */
    }
    for (size_t i = core->removal_count; i-- > 0;) {
        if (memcmp(core->removals[i].hop.acct, purged->acct.p, ST_ACCT_LEN) != 0)
            continue;
        answer_removed(core, &core->removals[i], REMOVAL_DONE);
        forget_removal(core, i);
    }
}

void auth_removals_tick(struct auth_core *core)
{
    int64_t now_ms = st_env_mono_ms(&core->env);
    for (size_t i = core->removal_count; i-- > 0;) {
        if (core->removals[i].deadline_ms > now_ms)
            continue;
        answer_removed(core, &core->removals[i], REMOVAL_PENDING);
        forget_removal(core, i);
    }
}

void auth_removals_settle(struct auth_core *core, bool committed)
{
    for (size_t i = core->removal_count; i-- > 0;) {
        struct auth_removal *removal = &core->removals[i];
        if (!removal->fresh)
            continue;
        removal->fresh = false;
        if (committed)
            continue;
        /* An answer of a lost batch becomes `unavailable`, whatever it says. */
        auth_answer_removal(core, removal, AUTH_LETTER_ANSWER, REMOVAL_PENDING);
        forget_removal(core, i);
    }
}

static int64_t backoff_ms(uint32_t tries)
{
    return tries >= 8 ? ERASE_LONGEST_MS : (int64_t)ERASE_FIRST_MS << tries;
}

/* Takes one due job, puts it off and asks for it. ST_ENOTFOUND: none is due. */
static enum st_err ask_next(struct auth_core *core, int64_t now_ms)
{
    struct auth_erase job;
    enum st_err err = auth_store_begin(&core->store);
    if (err != ST_OK)
        return err;
    err = auth_store_erase_due(&core->store, now_ms, &job);
    if (err == ST_OK) {
        uint32_t tries = job.tries < UINT32_MAX ? job.tries + 1 : job.tries;
        err = auth_store_erase_later(&core->store, job.acct, now_ms + backoff_ms(tries), tries);
    }
    err = auth_end(core, err);
    const struct service_peer *gateway = auth_any_gateway(core, job.tries);
    if (err == ST_OK && gateway != NULL)
        ask_purge(core, &job, gateway);
    return err;
}

void auth_erase_tick(struct auth_core *core)
{
    int64_t mono_ms = st_env_mono_ms(&core->env);
    if (mono_ms < core->erase_next_ms)
        return;
    core->erase_next_ms = mono_ms + ERASE_LOOK_MS;
    if (auth_any_gateway(core, 0) == NULL)
        return; /* nobody to ask: the jobs wait as they are */
    enum st_err err = ST_OK;
    for (int i = 0; i < ERASE_JOBS_A_TICK && err == ST_OK; i++)
        err = ask_next(core, st_env_wall_ms(&core->env));
    if (err != ST_OK && err != ST_ENOTFOUND)
        ST_LOG(core->log, ST_LOG_ERROR, "auth_erase_failed", st_log_err("error", err));
}
