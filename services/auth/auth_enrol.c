#include "services/auth/auth_internal.h"

#include "lib/devlist/st_prekey.h"
#include "lib/st_name.h"
#include "services/auth/auth_invite.h"

static const char bad_name[] = "A login name has 3 to 32 of a-z 0-9 _ . and -. Choose another one.";
static const char taken[] = "This name is taken, now or by an account that was removed. Choose another one.";

void auth_endpoints(struct auth_request *request, const void *msg)
{
    (void)msg; /* empty */
    struct auth_core *core = request->core;
    const struct st_msg_endpoints_r answer = {
        .endpoints = { .count = core->config.endpoint_count, .items = core->endpoints },
        .server_id = st_view(core->config.server_id, sizeof core->config.server_id),
        .registration = core->config.registration,
    };
    auth_answer(request, ST_ENDPOINTS_R, &answer);
}

/* ---- may this person make an account? ---- */

struct enrolment {
    struct st_view name;
    bool has_invite;
    struct st_view invite;
    uint8_t invite_hash[ST_HASH_LEN]; /* result, if one is needed */
};

/* Refuses and returns false, unless the invite is good for this name. */
static bool check_invite(struct auth_request *request, struct enrolment *enrolment)
{
    struct st_invite invite;
    struct auth_invite_row row;
    if (!enrolment->has_invite) {
        auth_refuse(request, ST_CODE_INVITE_REQUIRED,
                    "This server needs an invite code. Ask its operator, or somebody who is here already.");
        return false;
    }
    if (st_invite_parse(&invite, enrolment->invite) != ST_OK) {
        auth_refuse(request, ST_CODE_INVITE_UNKNOWN, "This is not an invite code. Look for a typing mistake.");
        return false;
    }
    auth_invite_hash(enrolment->invite_hash, &request->core->secrets, &invite);
    enum st_err err = auth_store_invite_get(&request->core->store, enrolment->invite_hash, &row);
    if (err != ST_OK && err != ST_ENOTFOUND) {
        auth_fail(request, err);
        return false;
    }
    if (err == ST_ENOTFOUND || (row.name.len > 0 && !st_view_equal(auth_text_view(&row.name), enrolment->name))) {
        auth_refuse(request, ST_CODE_INVITE_UNKNOWN,
                    "This server has no such invite for this name. Ask for a new one.");
        return false;
    }
    if (row.expires_ms <= request->now_ms) {
        auth_refuse(request, ST_CODE_INVITE_EXPIRED, "This invite has expired. Ask for a new one.");
        return false;
    }
    if (row.uses_left == 0) {
        auth_refuse(request, ST_CODE_INVITE_USED, "This invite is used up. Ask for a new one.");
        return false;
    }
    return true;
}

/* Address, name, registration mode, invite: in this order, so that without an invite nobody learns which names there
 * are. Refuses and returns false if one of them forbids it. */
static bool may_enrol(struct auth_request *request, struct enrolment *enrolment)
{
    uint64_t retry_s;
    static const uint8_t nowhere[ST_ADDR_LEN];
    const uint8_t *addr = request->hop->addr;
    if (memcmp(addr, nowhere, sizeof nowhere) != 0) {
        struct auth_throttle throttle = auth_throttle_of(request);
        enum st_err err = auth_throttle_count(&throttle, AUTH_LIMIT_ADDRESS, st_view(addr, ST_ADDR_LEN), &retry_s);
        if (err != ST_OK) {
            auth_refuse_throttled(request, err, retry_s);
            return false;
        }
    }
    if (!st_name_is_login(enrolment->name)) {
        auth_refuse(request, ST_CODE_MALFORMED, bad_name);
        return false;
    }
    switch (request->core->config.registration) {
    case AUTH_REGISTRATION_OPEN:
        return true;
    case AUTH_REGISTRATION_INVITE:
        return check_invite(request, enrolment);
    case AUTH_REGISTRATION_CLOSED:
    case AUTH_REGISTRATION_APPROVE:
        break;
    }
    auth_refuse(request, ST_CODE_REGISTRATION_CLOSED, "This server takes no new accounts. Ask its operator.");
    return false;
}

/* ST_OK: free; ST_EEXISTS: somebody has it, or had it; else a store error. */
static enum st_err check_name(struct auth_request *request, struct st_view name)
{
    struct auth_account account;
    uint8_t hash[ST_HASH_LEN];
    const struct auth_store *store = &request->core->store;
    auth_secrets_hash(hash, &request->core->secrets, AUTH_PURPOSE_REMOVED_NAME, 0, name);
    enum st_err removed = auth_store_tombstone_get(store, hash);
    if (removed != ST_OK && removed != ST_ENOTFOUND)
        return removed;
    enum st_err there = auth_store_account_by_name(store, name, &account);
    if (there != ST_OK && there != ST_ENOTFOUND)
        return there;
    return removed == ST_OK || there == ST_OK ? ST_EEXISTS : ST_OK;
}

/* Is it the owner of the name who asks, with the transport key of its account: a registration whose last answer was
 * lost? ST_ENOTFOUND: no. */
static enum st_err is_owner(struct auth_request *request, struct st_view name)
{
    struct auth_account account;
    struct auth_device device;
    const struct auth_store *store = &request->core->store;
    enum st_err err = auth_store_device_by_tk(store, request->hop->tk, &device);
    if (err == ST_OK)
        err = auth_store_account_by_name(store, name, &account);
    if (err == ST_OK && memcmp(account.acct, device.acct, sizeof account.acct) != 0)
        err = ST_ENOTFOUND;
    return err;
}

void auth_add_user(struct auth_request *request, const void *msg)
{
    const struct st_msg_add_user *ask = msg;
    struct auth_core *core = request->core;
    struct st_opaque_response response;
    struct enrolment enrolment = { .name = ask->name, .has_invite = ST_HAS(ask, 3), .invite = ask->invite };
    enum st_err err = is_owner(request, ask->name);
    bool repeat = err == ST_OK; /* it may finish what it began, whatever became of invite and name */
    if (!repeat && err != ST_ENOTFOUND) {
        auth_fail(request, err);
        return;
    }
    if (!repeat && !may_enrol(request, &enrolment))
        return;
    if (!repeat)
        err = check_name(request, ask->name);
    if (err == ST_EEXISTS) {
        /* Answering would let a stranger test passwords of this name without a login. */
        auth_refuse(request, ST_CODE_NAME_TAKEN, taken);
        return;
    }
    uint64_t retry_s = 0;
    struct auth_throttle throttle = auth_throttle_of(request);
    if (err == ST_OK)
        err = auth_throttle_attempt(&throttle, AUTH_LIMIT_REGISTER, ask->name, &retry_s);
    if (err != ST_OK) {
        auth_refuse_throttled(request, err, retry_s);
        return;
    }
    err = opaque_server_register(&response, &core->config.keys, ask->request, ask->name);
    if (err == ST_EMALFORMED) {
        auth_refuse(request, ST_CODE_MALFORMED, "The registration request is no valid element. Update your client.");
        return;
    }
    if (err != ST_OK) {
        auth_fail(request, err);
        return;
    }
    const struct st_msg_add_user_r answer = {
        .response = st_view(&response, sizeof response),
        .server_id = st_view(core->config.server_id, sizeof core->config.server_id),
    };
    auth_answer(request, ST_ADD_USER_R, &answer);
}

/* ---- the second half ---- */

/* What a new account is made of, read and checked. */
struct newcomer {
    struct auth_account account;
    struct auth_device device;
    struct auth_list wire;
    struct st_devlist list;
};

static void answer_done(struct auth_request *request, const struct st_devlist *list)
{
    struct auth_core *core = request->core;
    const struct st_msg_add_user_done answer = {
        .acct = st_view(list->acct_id, sizeof list->acct_id),
        .dev = 1,
        .endpoints = { .count = core->config.endpoint_count, .items = core->endpoints },
    };
    auth_answer_with_boxes(request, ST_ADD_USER_DONE, &answer, list);
}

/* Is this the repeat of a request that was carried out? ST_OK: yes, and it has been answered; ST_ENOTFOUND: no. */
static enum st_err answer_repeat(struct auth_request *request, const struct st_msg_add_user_finish *ask)
{
    struct auth_account account;
    struct auth_device device;
    struct auth_list wire;
    struct st_devlist list;
    uint8_t acct[ST_ACCT_LEN];
    const struct auth_store *store = &request->core->store;
    st_devlist_acct_id(acct, ask->ak.p);
    /* The key first: nobody but its owner gets as far as the name. */
    enum st_err err = auth_store_device_by_tk(store, request->hop->tk, &device);
    if (err == ST_OK)
        err = auth_store_account_by_name(store, ask->name, &account);
    if (err != ST_OK)
        return err;
    if (memcmp(account.acct, acct, sizeof acct) != 0 || memcmp(device.acct, acct, sizeof acct) != 0 || device.dev != 1)
        return ST_ENOTFOUND;
    err = auth_newest_list(request->core, &account, &wire, &list);
    if (err == ST_OK)
        answer_done(request, &list);
    return err == ST_ENOTFOUND ? ST_EFOREIGN : err;
}

static void fill_account(struct newcomer *new, const struct auth_request *request,
                         const struct st_msg_add_user_finish *ask)
{
    struct auth_account *account = &new->account;
    memcpy(account->acct, new->list.acct_id, sizeof account->acct);
    auth_set_text(&account->name, ask->name);
    account->state = AUTH_ACCOUNT_ACTIVE;
    memcpy(account->ak, ask->ak.p, sizeof account->ak);
    memcpy(account->record, ask->record.p, sizeof account->record);
    account->list_seq = 1;
    account->next_dev = 2;
    account->created_ms = request->now_ms;
    account->last_seen_ms = request->now_ms;
    new->wire.seq = 1;
    new->wire.len = ask->list.len;
    memcpy(new->wire.wire, ask->list.p, ask->list.len);
}

static void fill_device(struct newcomer *new, const struct auth_request *request,
                        const struct st_msg_add_user_finish *ask, const struct st_msg_spk *spk)
{
    struct auth_device *device = &new->device;
    memcpy(device->acct, new->list.acct_id, sizeof device->acct);
    device->dev = 1;
    device->state = AUTH_DEVICE_ACTIVE;
    device->has_tk = true;
    memcpy(device->tk, request->hop->tk, sizeof device->tk);
    memcpy(device->dsk, new->list.devices[0].dsk, sizeof device->dsk);
    memcpy(device->dik, new->list.devices[0].dik, sizeof device->dik);
    auth_set_text(&device->name, ask->device_name);
    device->spk_id = (uint32_t)spk->id;
    memcpy(device->spk, spk->pub.p, sizeof device->spk);
    memcpy(device->spk_sig, spk->sig.p, sizeof device->spk_sig);
    device->spk_created_s = spk->created_s;
    device->last_seen_ms = request->now_ms;
}

/* Checks everything that was sent and fills the rows. Refuses and returns false if something is wrong. */
static bool read_newcomer(struct auth_request *request, const struct st_msg_add_user_finish *ask, struct newcomer *new)
{
    struct st_records spks = ask->spk;
    struct st_msg_spk spk;
    memset(new, 0, sizeof *new);
    if (opaque_server_check_record(ask->record) != ST_OK) {
        auth_refuse(request, ST_CODE_MALFORMED, "The password record is not valid. Update your client.");
        return false;
    }
    uint64_t now_s = (uint64_t)(request->now_ms / 1000);
    if (st_devlist_parse(ask->list, &new->list) != ST_OK ||
        st_devlist_continues(NULL, &new->list, ask->ak.p, now_s, true) != ST_OK || new->list.count != 1 ||
        new->list.devices[0].dev_id != 1) {
        auth_refuse(request, ST_CODE_LIST_REJECTED,
                    "The first device list does not verify. Check the clock of this device, then try again.");
        return false;
    }
    if (!st_records_next(&st_schema_spk, &spks, &spk) ||
        auth_check_spk(&spk, &new->list.devices[0], new->list.acct_id, request->now_ms) != ST_OK) {
        auth_refuse(request, ST_CODE_LIST_REJECTED,
                    "The signed prekey does not verify. Check the clock of this device, then try again.");
        return false;
    }
    fill_account(new, request, ask);
    fill_device(new, request, ask, &spk);
    return true;
}

/* Writes all of it, or nothing. ST_EEXISTS: name or account; ST_EREFUSED: the transport key is another device's;
 * ST_ECONFLICT: the invite was used up meanwhile. */
static enum st_err write_newcomer(struct auth_request *request, const struct newcomer *new,
                                  const struct enrolment *enrolment)
{
    const struct auth_store *store = &request->core->store;
    enum st_err err = auth_store_begin(store);
    if (err != ST_OK)
        return err;
    err = auth_store_account_insert(store, &new->account);
    if (err == ST_OK)
        err = auth_store_list_put(store, new->account.acct, &new->wire);
    if (err == ST_OK) {
        err = auth_store_device_insert(store, &new->device);
        err = err == ST_EEXISTS ? ST_EREFUSED : err;
    }
    if (err == ST_OK && request->core->config.registration == AUTH_REGISTRATION_INVITE) {
        err = auth_store_invite_use(store, enrolment->invite_hash);
        err = err == ST_ENOTFOUND ? ST_ECONFLICT : err;
    }
    return auth_end(request->core, err);
}

/* An account key that was removed, or that is here under another name. */
static enum st_err check_account_key(struct auth_request *request, const struct newcomer *new)
{
    struct auth_account account;
    uint8_t hash[ST_HASH_LEN];
    struct st_view acct = st_view(new->account.acct, sizeof new->account.acct);
    auth_secrets_hash(hash, &request->core->secrets, AUTH_PURPOSE_REMOVED_ACCOUNT, 0, acct);
    enum st_err err = auth_store_tombstone_get(&request->core->store, hash);
    if (err == ST_ENOTFOUND)
        err = auth_store_account_by_id(&request->core->store, acct.p, false, &account);
    if (err == ST_ENOTFOUND)
        return ST_OK;
    return err == ST_OK ? ST_EEXISTS : err;
}

static void refuse_newcomer(struct auth_request *request, enum st_err err)
{
    switch (err) {
    case ST_EEXISTS:
        auth_refuse(request, ST_CODE_NAME_TAKEN, taken);
        break;
    case ST_EREFUSED:
        auth_refuse(request, ST_CODE_NOT_ALLOWED,
                    "This connection key belongs to another device. Make a new one, then try again.");
        break;
    case ST_ECONFLICT:
        auth_refuse(request, ST_CODE_INVITE_USED, "This invite is used up. Ask for a new one.");
        break;
    default:
        auth_fail(request, err);
        break;
    }
}

void auth_add_user_finish(struct auth_request *request, const void *msg)
{
    const struct st_msg_add_user_finish *ask = msg;
    struct newcomer new;
    struct enrolment enrolment = { .name = ask->name, .has_invite = ST_HAS(ask, 7), .invite = ask->invite };
    enum st_err err = answer_repeat(request, ask);
    if (err == ST_OK)
        return;
    if (err != ST_ENOTFOUND) {
        auth_fail(request, err);
        return;
    }
    if (!may_enrol(request, &enrolment))
        return;
    err = check_name(request, ask->name);
    if (err != ST_OK) {
        refuse_newcomer(request, err);
        return;
    }
    if (!read_newcomer(request, ask, &new))
        return;
    err = check_account_key(request, &new);
    if (err == ST_EEXISTS) {
        auth_refuse(request, ST_CODE_NOT_ALLOWED,
                    "This account key was used here before. Make a new account key, then try again.");
        return;
    }
    if (err == ST_OK)
        err = write_newcomer(request, &new, &enrolment);
    if (err != ST_OK) {
        refuse_newcomer(request, err);
        return;
    }
    struct auth_throttle throttle = auth_throttle_of(request);
    err = auth_throttle_forget(&throttle, AUTH_LIMIT_REGISTER, ask->name);
    if (err != ST_OK) {
        auth_fail(request, err);
        return;
    }
    request->core->stats.registered++;
    ST_LOG(request->core->log, ST_LOG_INFO, "registered", st_log_id("acct", new.account.acct, ST_ACCT_LEN));
    answer_done(request, &new.list);
}
