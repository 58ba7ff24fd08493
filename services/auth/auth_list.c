#include "services/auth/auth_internal.h"

enum st_err auth_newest_list(const struct auth_core *core, const struct auth_account *account, struct auth_list *wire_r,
                             struct st_devlist *list_r)
{
    enum st_err err = auth_store_list_get(&core->store, account->acct, account->list_seq, wire_r);
    if (err == ST_ENOTFOUND)
        return ST_EFOREIGN;
    if (err != ST_OK)
        return err;
    if (st_devlist_parse(st_view(wire_r->wire, wire_r->len), list_r) != ST_OK)
        return ST_EFOREIGN;
    return ST_OK;
}

/* ---- is_user ---- */

void auth_is_user(struct auth_request *request, const void *msg)
{
    const struct st_msg_is_user *ask = msg;
    struct auth_core *core = request->core;
    struct auth_account account;
    struct auth_list wire;
    struct st_devlist list;
    uint64_t retry_s = 0;
    struct auth_throttle throttle = auth_throttle_of(request);
    enum st_err err =
        auth_throttle_count(&throttle, AUTH_LIMIT_LOOKUP, st_view(request->hop->acct, ST_ACCT_LEN), &retry_s);
    if (err != ST_OK) {
        auth_refuse_throttled(request, err, retry_s);
        return;
    }
    err = auth_store_account_by_name(&core->store, ask->name, &account);
    bool hidden = err == ST_OK && (account.flags & AUTH_ACCOUNT_HIDDEN) != 0 &&
                  memcmp(account.acct, request->hop->acct, sizeof account.acct) != 0;
    if (err == ST_ENOTFOUND || hidden) {
        auth_refuse(request, ST_CODE_NOT_FOUND, "No such user, or not discoverable. Check the spelling.");
        return;
    }
    if (err == ST_OK)
        err = auth_newest_list(core, &account, &wire, &list);
    if (err != ST_OK) {
        auth_fail(request, err);
        return;
    }
    const struct st_msg_is_user_r answer = {
        .acct = st_view(account.acct, sizeof account.acct),
        .ak = st_view(account.ak, sizeof account.ak),
        .list = st_view(wire.wire, wire.len),
    };
    auth_answer(request, ST_IS_USER_R, &answer);
}

/* ---- get_list ---- */

static enum st_err read_lists(const struct auth_core *core, const struct auth_account *account, uint64_t from,
                              struct auth_list wires[static ST_LISTS_MAX], size_t *count_r)
{
    enum st_err err = ST_OK;
    *count_r = 0;
    for (uint64_t seq = from; seq <= account->list_seq && *count_r < ST_LISTS_MAX && err == ST_OK; seq++) {
        err = auth_store_list_get(&core->store, account->acct, seq, &wires[*count_r]);
        *count_r += err == ST_OK;
    }
    return err == ST_ENOTFOUND ? ST_EFOREIGN : err;
}

static void answer_lists(struct auth_request *request, const struct auth_account *account, uint64_t from)
{
    struct auth_list wires[ST_LISTS_MAX];
    struct st_msg_list lists[ST_LISTS_MAX];
    struct auth_list newest;
    struct st_devlist list;
    size_t count;
    enum st_err err = auth_newest_list(request->core, account, &newest, &list);
    if (err == ST_OK)
        err = read_lists(request->core, account, from == 0 ? account->list_seq : from, wires, &count);
    if (err != ST_OK) {
        auth_fail(request, err);
        return;
    }
    for (size_t i = 0; i < count; i++)
        lists[i] = (struct st_msg_list) { .list = st_view(wires[i].wire, wires[i].len) };
    const struct st_msg_list_r answer = {
        .acct = st_view(account->acct, sizeof account->acct),
        .ak = st_view(account->ak, sizeof account->ak),
        .lists = { .count = count, .items = lists },
        .name = auth_text_view(&account->name),
    };
    auth_answer_with_boxes(request, ST_LIST_R, &answer, &list);
}

void auth_get_list(struct auth_request *request, const void *msg)
{
    const struct st_msg_get_list *ask = msg;
    struct auth_account account;
    uint64_t retry_s = 0;
    bool own = memcmp(ask->acct.p, request->hop->acct, ST_ACCT_LEN) == 0;
    if (!own && request->device.state != AUTH_DEVICE_ACTIVE) {
        auth_refuse(request, ST_CODE_NOT_ALLOWED,
                    "A device that is not linked yet sees its own account only. Link it.");
        return;
    }
    struct auth_throttle throttle = auth_throttle_of(request);
    enum st_err err =
        auth_throttle_count(&throttle, AUTH_LIMIT_LIST, st_view(request->hop->acct, ST_ACCT_LEN), &retry_s);
    if (err != ST_OK) {
        auth_refuse_throttled(request, err, retry_s);
        return;
    }
    err = auth_store_account_by_id(&request->core->store, ask->acct.p, false, &account);
    if (err == ST_ENOTFOUND)
        auth_refuse(request, ST_CODE_NOT_FOUND, "There is no such account. Look the name up again.");
    else if (err != ST_OK)
        auth_fail(request, err);
    else
        answer_lists(request, &account, ask->from_seq);
}

/* ---- put_list ---- */

static const struct auth_refusal bad_list = {
    ST_CODE_LIST_REJECTED, "The device list does not verify. Check the clock of this device; fetch the list; sign anew."
};
static const struct auth_refusal bad_device = {
    ST_CODE_LIST_REJECTED, "The list names a device whose number was used before. Let it log in again for a new one."
};
static const struct auth_refusal lost_race = {
    ST_CODE_CONFLICT, "Another device changed the list first. Fetch it, apply the change to it, sign again."
};

/* A chain of lists on its way in. */
struct change {
    struct auth_request *request;
    struct auth_account account; /* as it will be */
    struct st_devlist stored;    /* the newest list, as it will be */
    struct auth_offer offers[ST_DEVICES_MAX];
    size_t offer_count;
    uint32_t removed[ST_LISTS_MAX * ST_DEVICES_MAX + ST_DEVICES_MAX]; /* whose sessions end */
    size_t removed_count;
    const struct auth_refusal *refusal; /* result of ST_EREFUSED */
};

static enum st_err refuse(struct change *change, const struct auth_refusal *refusal)
{
    change->refusal = refusal;
    return ST_EREFUSED;
}

static void end_session(struct change *change, uint32_t dev)
{
    change->removed[change->removed_count++] = dev;
}

static bool was_offered(const struct change *change, const struct st_device *device, struct auth_text *name_r)
{
    for (size_t i = 0; i < change->offer_count; i++) {
        const struct auth_offer *offer = &change->offers[i];
        if (offer->dev != device->dev_id || memcmp(offer->dsk, device->dsk, sizeof offer->dsk) != 0 ||
            memcmp(offer->dik, device->dik, sizeof offer->dik) != 0)
            continue;
        *name_r = offer->name;
        return true;
    }
    return false;
}

/* A device that the list adds. Usually it is pending and has offered these very keys: then its connection becomes that
 * of the device. Otherwise the account key's word stands (after a restore auth may not know the device), but without
 * any connection: the device logs in again, with its signature. */
static enum st_err add_device(struct change *change, const struct st_device *added)
{
    const struct auth_store *store = &change->request->core->store;
    struct auth_device row;
    enum st_err err = auth_store_device_get(store, change->account.acct, added->dev_id, &row);
    if (err != ST_OK && err != ST_ENOTFOUND)
        return err;
    bool there = err == ST_OK;
    if (there ? row.state != AUTH_DEVICE_PENDING : added->dev_id < change->account.next_dev)
        return refuse(change, &bad_device);
    memcpy(row.acct, change->account.acct, sizeof row.acct);
    row.dev = added->dev_id;
    row.state = AUTH_DEVICE_ACTIVE;
    memcpy(row.dsk, added->dsk, sizeof row.dsk);
    memcpy(row.dik, added->dik, sizeof row.dik);
    row.last_seen_ms = change->request->now_ms;
    if (!was_offered(change, added, &row.name)) {
        if (row.has_tk)
            end_session(change, row.dev);
        row.has_tk = false;
        memset(row.tk, 0, sizeof row.tk);
    }
    if (added->dev_id >= change->account.next_dev)
        change->account.next_dev = (uint64_t)added->dev_id + 1;
    if (!there)
        return auth_store_device_insert(store, &row);
    err = auth_store_device_update(store, &row);
    return err != ST_OK ? err : auth_store_offer_delete(store, row.acct, row.dev);
}

static enum st_err remove_device(struct change *change, uint32_t dev)
{
    enum st_err err = auth_store_device_delete(&change->request->core->store, change->account.acct, dev);
    end_session(change, dev);
    return err == ST_ENOTFOUND ? ST_OK : err;
}

/* Makes the rows of devices those of the next list. */
static enum st_err apply_devices(struct change *change, const struct st_devlist *next)
{
    enum st_err err = ST_OK;
    for (size_t i = 0; i < change->stored.count && err == ST_OK; i++) {
        uint32_t dev = change->stored.devices[i].dev_id;
        if (st_devlist_find(next, dev) == NULL)
            err = remove_device(change, dev);
    }
    for (size_t i = 0; i < next->count && err == ST_OK; i++)
        if (st_devlist_find(&change->stored, next->devices[i].dev_id) == NULL)
            err = add_device(change, &next->devices[i]);
    return err;
}

/* Is this list in the store already, byte for byte? Then it is a repeat; another one with its number is a lost race. */
static enum st_err check_known(struct change *change, uint64_t seq, struct st_view wire)
{
    struct auth_list known;
    enum st_err err = auth_store_list_get(&change->request->core->store, change->account.acct, seq, &known);
    if (err == ST_ENOTFOUND || (err == ST_OK && !st_view_equal(st_view(known.wire, known.len), wire)))
        return refuse(change, &lost_race);
    return err;
}

static enum st_err take_list(struct change *change, struct st_view wire, bool newest)
{
    struct st_devlist next;
    struct auth_list row = { .len = wire.len };
    uint64_t now_s = (uint64_t)(change->request->now_ms / 1000);
    if (st_devlist_parse(wire, &next) != ST_OK || wire.len > sizeof row.wire ||
        memcmp(next.acct_id, change->account.acct, sizeof next.acct_id) != 0)
        return refuse(change, &bad_list);
    if (next.seq <= change->account.list_seq)
        return check_known(change, next.seq, wire);
    enum st_err verdict = st_devlist_continues(&change->stored, &next, change->account.ak, now_s, newest);
    if (verdict != ST_OK)
        return refuse(change, verdict == ST_ECONFLICT ? &lost_race : &bad_list);
    enum st_err err = apply_devices(change, &next);
    if (err != ST_OK)
        return err;
    row.seq = next.seq;
    memcpy(row.wire, wire.p, wire.len);
    change->stored = next;
    change->account.list_seq = next.seq;
    err = auth_store_list_put(&change->request->core->store, change->account.acct, &row);
    return err == ST_EEXISTS ? refuse(change, &lost_race) : err;
}

static enum st_err take_chain(struct change *change, struct st_records lists)
{
    struct auth_core *core = change->request->core;
    const struct auth_store *store = &core->store;
    struct auth_list wire;
    struct st_msg_list item;
    enum st_err err = auth_store_account_by_id(store, change->request->hop->acct, true, &change->account);
    if (err == ST_OK)
        err = auth_newest_list(core, &change->account, &wire, &change->stored);
    if (err == ST_OK)
        err = auth_store_offer_all(store, change->account.acct, change->request->now_ms, change->offers,
                                   &change->offer_count);
    while (err == ST_OK && st_records_next(&st_schema_list, &lists, &item))
        err = take_list(change, item.list, lists.count == 0);
    if (err == ST_OK)
        err = auth_store_account_update(store, &change->account);
    return err == ST_ECONFLICT ? refuse(change, &lost_race) : err;
}

void auth_put_list(struct auth_request *request, const void *msg)
{
    const struct st_msg_put_list *ask = msg;
    struct auth_core *core = request->core;
    struct change change = { .request = request };
    uint64_t retry_s = 0;
    struct auth_throttle throttle = auth_throttle_of(request);
    enum st_err err =
        auth_throttle_count(&throttle, AUTH_LIMIT_LIST_CHANGE, st_view(request->hop->acct, ST_ACCT_LEN), &retry_s);
    if (err != ST_OK) {
        auth_refuse_throttled(request, err, retry_s);
        return;
    }
    err = auth_store_begin(&core->store);
    if (err == ST_OK)
        err = auth_end(core, take_chain(&change, ask->lists));
    if (err != ST_OK) {
        core->stats.lists_refused += err == ST_EREFUSED;
        auth_refuse_with(request, err, change.refusal);
        return;
    }
    core->stats.lists_taken++;
    const struct st_msg_put_list_r answer = { .seq = change.account.list_seq };
    auth_answer_with_boxes(request, ST_PUT_LIST_R, &answer, &change.stored);
    for (size_t i = 0; i < change.removed_count; i++)
        auth_revoke(core, change.account.acct, change.removed[i], NULL);
}
