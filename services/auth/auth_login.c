#include "services/auth/auth_internal.h"

#include "lib/devlist/st_bind.h"
#include "lib/st_name.h"
#include "lib/st_wipe.h"

/* Both throttles of an attempt: the address, then the name. Refuses and returns false if one says no. */
static bool may_attempt(struct auth_request *request, struct st_view name)
{
    static const uint8_t nowhere[ST_ADDR_LEN];
    uint64_t retry_s = 0;
    struct auth_throttle throttle = auth_throttle_of(request);
    enum st_err err = ST_OK;
    if (memcmp(request->hop->addr, nowhere, sizeof nowhere) != 0)
        err = auth_throttle_count(&throttle, AUTH_LIMIT_ADDRESS, st_view(request->hop->addr, ST_ADDR_LEN), &retry_s);
    if (err == ST_OK)
        err = auth_throttle_attempt(&throttle, AUTH_LIMIT_LOGIN, name, &retry_s);
    if (err != ST_OK)
        auth_refuse_throttled(request, err, retry_s);
    return err == ST_OK;
}

void auth_login(struct auth_request *request, const void *msg)
{
    const struct st_msg_login *ask = msg;
    struct auth_core *core = request->core;
    struct auth_ake ake = { .kind = AUTH_AKE_LOGIN };
    struct st_opaque_ke2 ke2;
    struct auth_account account;
    if (!st_name_is_login(ask->name)) {
        auth_refuse(request, ST_CODE_MALFORMED, "A login name has 3 to 32 of a-z 0-9 _ . and -.");
        return;
    }
    if (!may_attempt(request, ask->name))
        return;
    core->stats.attempts++;
    enum st_err found = auth_find_account(core, ask->name, &account);
    if (found != ST_OK && found != ST_ENOTFOUND) {
        auth_fail(request, found);
        return;
    }
    auth_set_text(&ake.name, ask->name);
    memcpy(ake.tk, request->hop->tk, sizeof ake.tk);
    enum st_err err = auth_start_ake(request, &ake, found == ST_OK ? &account : NULL, ask->ke1, &ke2);
    if (err == ST_OK)
        err = auth_ake_put(&core->akes, request->from, request->hop->sid, st_env_mono_ms(&core->env), &ake);
    ST_WIPE(ake);
    if (err == ST_OK) {
        const struct st_msg_login_r answer = {
            .ke2 = st_view(&ke2, sizeof ke2),
            .server_id = st_view(core->config.server_id, sizeof core->config.server_id),
        };
        auth_answer(request, ST_LOGIN_R, &answer);
    } else if (err == ST_EMALFORMED) {
        auth_refuse(request, ST_CODE_MALFORMED, "The login request is no valid element. Update your client.");
    } else if (err == ST_ELIMIT) {
        auth_refuse_for(request, ST_CODE_RATE_LIMITED, "Too many people log in at this moment. Wait, then try again.",
                        AUTH_LOGIN_MS / 1000);
    } else {
        auth_fail(request, err);
    }
}

/* ---- the second half: binding the connection's key ---- */

static const struct auth_refusal no_login = {
    ST_CODE_WRONG_STATE, "There is no login to finish on this connection, or it took too long. Start again."
};
static const struct auth_refusal half_proof = {
    ST_CODE_MALFORMED, "A device number and its signature come together. Update your client."
};
static const struct auth_refusal wrong = { ST_CODE_LOGIN_FAILED,
                                           "The name or the password is wrong. Type them again." };
static const struct auth_refusal disabled = { ST_CODE_ACCOUNT_DISABLED,
                                              "This account is disabled. Ask the server's operator." };
static const struct auth_refusal not_listed = {
    ST_CODE_DEVICE_REVOKED, "This device is not in the account's device list. Link it again from another device."
};
static const struct auth_refusal bad_proof = {
    ST_CODE_LIST_REJECTED, "The device's signature does not verify. Log in from the device that this number belongs to."
};
static const struct auth_refusal foreign_key = {
    ST_CODE_NOT_ALLOWED, "This connection key belongs to another device. Make a new one, then log in again."
};
static const struct auth_refusal numbers_spent = { ST_CODE_NOT_ALLOWED,
                                                   "This account has had too many devices. Make a new account." };

/* A login that is being finished. */
struct binding {
    struct auth_request *request;
    const struct st_msg_login_finish *ask;
    struct auth_account account;
    struct auth_device device;          /* result: who has the key now */
    uint32_t dropped;                   /* result: a pending device that had to make room, or 0 */
    const struct auth_refusal *refusal; /* result of ST_EREFUSED */
};

static enum st_err refuse(struct binding *binding, const struct auth_refusal *refusal)
{
    binding->refusal = refusal;
    return ST_EREFUSED;
}

/* A device of the list proves itself with its signing key and gets this connection's key. Its older connection, if
 * there is one, ends when its gateway looks again (60 s), or when this one attaches; a revoke now could hit the new
 * one. */
static enum st_err bind_device(struct binding *binding)
{
    const struct auth_core *core = binding->request->core;
    const uint8_t *tk = binding->request->hop->tk;
    struct auth_device *device = &binding->device;
    uint8_t keys[2 * ST_CURVE_KEY_BYTES];
    enum st_err err = auth_store_device_get(&core->store, binding->account.acct, (uint32_t)binding->ask->dev, device);
    if (err == ST_ENOTFOUND || (err == ST_OK && device->state != AUTH_DEVICE_ACTIVE))
        return refuse(binding, &not_listed);
    if (err != ST_OK)
        return err;
    memcpy(keys, tk, ST_CURVE_KEY_BYTES);
    memcpy(keys + ST_CURVE_KEY_BYTES, core->config.enrol_key, ST_CURVE_KEY_BYTES);
    if (st_bind_tk_check(binding->ask->sig.p, device->dsk, device->acct, device->dev, keys) != ST_OK)
        return refuse(binding, &bad_proof);
    device->has_tk = true;
    memcpy(device->tk, tk, sizeof device->tk);
    device->last_seen_ms = binding->request->now_ms;
    err = auth_store_device_update(&core->store, device);
    return err == ST_EEXISTS ? refuse(binding, &foreign_key) : err;
}

/* Makes room: at most ST_DEVICES_MAX devices may be pending; the oldest goes. */
static enum st_err drop_oldest_pending(struct binding *binding)
{
    const struct auth_store *store = &binding->request->core->store;
    struct auth_device devices[AUTH_DEVICE_ROWS_MAX];
    size_t count;
    size_t pending = 0;
    uint32_t oldest = 0;
    enum st_err err = auth_store_device_all(store, binding->account.acct, devices, &count);
    for (size_t i = 0; i < count; i++) {
        if (devices[i].state != AUTH_DEVICE_PENDING)
            continue;
        pending++;
        oldest = oldest == 0 ? devices[i].dev : oldest; /* numbers rise with time */
    }
    if (err != ST_OK || pending < ST_DEVICES_MAX)
        return err;
    binding->dropped = oldest;
    return auth_store_device_delete(store, binding->account.acct, oldest);
}

/* Without a signature the device is a new one: it gets a number, is pending, and may only link. */
static enum st_err bind_pending(struct binding *binding)
{
    const struct auth_request *request = binding->request;
    const struct auth_store *store = &request->core->store;
    struct auth_account *account = &binding->account;
    struct auth_device *device = &binding->device;
    enum st_err err = auth_store_device_by_tk(store, request->hop->tk, device);
    if (err == ST_OK && memcmp(device->acct, account->acct, sizeof device->acct) == 0)
        return ST_OK; /* it has this key already: a repeat, or an old session renewed */
    if (err == ST_OK)
        return refuse(binding, &foreign_key);
    if (err != ST_ENOTFOUND)
        return err;
    if (account->next_dev > UINT32_MAX)
        return refuse(binding, &numbers_spent);
    memcpy(device->acct, account->acct, sizeof device->acct);
    device->dev = (uint32_t)account->next_dev++;
    device->state = AUTH_DEVICE_PENDING;
    device->has_tk = true;
    memcpy(device->tk, request->hop->tk, sizeof device->tk);
    device->last_seen_ms = request->now_ms;
    err = drop_oldest_pending(binding);
    if (err == ST_OK)
        err = auth_store_device_insert(store, device);
    if (err == ST_OK)
        err = auth_store_account_update(store, account);
    return err;
}

static enum st_err bind_key(struct binding *binding, struct auth_ake *ake)
{
    enum st_err err = auth_finish_ake(binding->request, ake, binding->ask->ke3, &binding->account);
    if (err == ST_EINTEGRITY)
        return refuse(binding, &wrong);
    if (err != ST_OK)
        return err;
    if (binding->account.state != AUTH_ACCOUNT_ACTIVE)
        return refuse(binding, &disabled);
    return ST_HAS(binding->ask, 2) ? bind_device(binding) : bind_pending(binding);
}

static void answer_done(struct binding *binding)
{
    struct auth_core *core = binding->request->core;
    const struct auth_device *device = &binding->device;
    const struct st_msg_login_done answer = {
        .acct = st_view(device->acct, sizeof device->acct),
        .dev = device->dev,
        .state = device->state,
        .endpoints = { .count = core->config.endpoint_count, .items = core->endpoints },
    };
    core->stats.logged_in++;
    auth_answer(binding->request, ST_LOGIN_DONE, &answer);
    if (binding->dropped != 0)
        auth_revoke(core, device->acct, binding->dropped, NULL);
}

static void finish(struct binding *binding, struct auth_ake *ake)
{
    struct auth_request *request = binding->request;
    struct auth_core *core = request->core;
    enum st_err err = auth_store_begin(&core->store);
    if (err == ST_OK)
        err = auth_end(core, bind_key(binding, ake));
    core->stats.login_failed += err == ST_EREFUSED && binding->refusal == &wrong;
    /* The password was right, whatever came of it: its attempts are forgotten. */
    if (err == ST_OK || (err == ST_EREFUSED && binding->refusal != &wrong)) {
        struct auth_throttle throttle = auth_throttle_of(request);
        enum st_err forgot = auth_throttle_forget(&throttle, AUTH_LIMIT_LOGIN, auth_text_view(&ake->name));
        err = forgot != ST_OK ? forgot : err;
    }
    if (err != ST_OK)
        auth_refuse_with(request, err, binding->refusal);
    else
        answer_done(binding);
}

void auth_login_finish(struct auth_request *request, const void *msg)
{
    const struct st_msg_login_finish *ask = msg;
    struct auth_core *core = request->core;
    struct binding binding = { .request = request, .ask = ask };
    struct auth_ake *ake =
        auth_ake_take(&core->akes, request->from, request->hop->sid, st_env_mono_ms(&core->env), AUTH_AKE_LOGIN);
    if (ake == NULL || sodium_memcmp(ake->tk, request->hop->tk, sizeof ake->tk) != 0)
        auth_refuse(request, no_login.code, no_login.sentence);
    else if (ST_HAS(ask, 2) != ST_HAS(ask, 3))
        auth_refuse(request, half_proof.code, half_proof.sentence);
    else
        finish(&binding, ake);
    auth_ake_free(ake);
}
