#include "services/auth/auth_internal.h"

/* ---- a new password ---- */

void auth_set_password(struct auth_request *request, const void *msg)
{
    const struct st_msg_set_password *ask = msg;
    struct auth_core *core = request->core;
    struct st_opaque_response response;
    uint64_t retry_s = 0;
    struct auth_throttle throttle = auth_throttle_of(request);
    /* Each answer lets its receiver test one password: a stolen connection must not test many. */
    enum st_err err =
        auth_throttle_count(&throttle, AUTH_LIMIT_PASSWORD, st_view(request->account.acct, ST_ACCT_LEN), &retry_s);
    if (err != ST_OK) {
        auth_refuse_throttled(request, err, retry_s);
        return;
    }
    err = opaque_server_register(&response, &core->config.keys, ask->request, auth_text_view(&request->account.name));
    if (err == ST_EMALFORMED) {
        auth_refuse(request, ST_CODE_MALFORMED, "The password request is no valid element. Update your client.");
        return;
    }
    if (err != ST_OK) {
        auth_fail(request, err);
        return;
    }
    const struct st_msg_set_password_r answer = { .response = st_view(&response, sizeof response) };
    auth_answer(request, ST_SET_PASSWORD_R, &answer);
}

static enum st_err write_record(struct auth_request *request, struct st_view record)
{
    const struct auth_store *store = &request->core->store;
    struct auth_account account;
    enum st_err err = auth_store_begin(store);
    if (err != ST_OK)
        return err;
    err = auth_store_account_by_id(store, request->hop->acct, true, &account);
    if (err == ST_OK) {
        memcpy(account.record, record.p, sizeof account.record);
        err = auth_store_account_update(store, &account);
    }
    return auth_end(request->core, err);
}

void auth_set_password_finish(struct auth_request *request, const void *msg)
{
    const struct st_msg_set_password_finish *ask = msg;
    if (opaque_server_check_record(ask->record) != ST_OK) {
        auth_refuse(request, ST_CODE_MALFORMED, "The password record is not valid. Update your client.");
        return;
    }
    enum st_err err = write_record(request, ask->record);
    if (err != ST_OK) {
        auth_fail(request, err);
        return;
    }
    const struct st_msg_set_password_done answer = { 0 };
    auth_answer(request, ST_SET_PASSWORD_DONE, &answer);
}

/* ---- logging out ---- */

/* Forgets the key of a device. A pending one is nothing without it, and goes. */
static enum st_err log_out(const struct auth_store *store, struct auth_device *device)
{
    if (device->state == AUTH_DEVICE_PENDING)
        return auth_store_device_delete(store, device->acct, device->dev);
    device->has_tk = false;
    memset(device->tk, 0, sizeof device->tk);
    return auth_store_device_update(store, device);
}

static enum st_err log_out_all(const struct auth_core *core, const uint8_t *acct, uint64_t *count_r)
{
    struct auth_device devices[AUTH_DEVICE_ROWS_MAX];
    size_t count;
    *count_r = 0;
    enum st_err err = auth_store_begin(&core->store);
    if (err != ST_OK)
        return err;
    err = auth_store_device_all(&core->store, acct, devices, &count);
    for (size_t i = 0; i < count && err == ST_OK; i++) {
        if (!devices[i].has_tk)
            continue;
        err = log_out(&core->store, &devices[i]);
        (*count_r)++;
    }
    return auth_end(core, err);
}

void auth_logout(struct auth_request *request, const void *msg)
{
    const struct st_msg_logout *ask = msg;
    struct auth_core *core = request->core;
    uint64_t count = 1;
    enum st_err err;
    if (ask->everywhere != 0 && request->device.state != AUTH_DEVICE_ACTIVE) {
        /* Whoever has only the password must not end the sessions of the others. */
        auth_refuse(request, ST_CODE_NOT_ALLOWED, "A device that is not linked yet logs out itself only. Link it.");
        return;
    }
    if (ask->everywhere != 0)
        err = log_out_all(core, request->hop->acct, &count);
    else
        err = log_out(&core->store, &request->device);
    if (err != ST_OK) {
        auth_fail(request, err);
        return;
    }
    const struct st_msg_logout_r answer = { .devices = count };
    auth_answer(request, ST_LOGOUT_R, &answer);
    /* Behind the answer: a gateway handles both in this order. */
    auth_revoke(core, request->hop->acct, ask->everywhere != 0 ? 0 : request->hop->dev, NULL);
}
