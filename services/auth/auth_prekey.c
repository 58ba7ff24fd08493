#include "services/auth/auth_internal.h"

#include "lib/devlist/st_prekey.h"

enum { DAY_MS = 24 * 60 * 60 * 1000 };

enum st_err auth_check_spk(const struct st_msg_spk *msg, const struct st_device *device,
                           const uint8_t acct[static ST_ACCT_LEN], int64_t now_ms)
{
    struct st_spk spk = { .spk_id = (uint32_t)msg->id, .created = msg->created_s };
    uint64_t now_s = (uint64_t)(now_ms / 1000);
    memcpy(spk.pub, msg->pub.p, sizeof spk.pub);
    memcpy(spk.sig, msg->sig.p, sizeof spk.sig);
    if (spk.created > now_s + ST_SPK_AHEAD_MAX_S || spk.created + ST_SPK_AGE_MAX_S < now_s)
        return ST_EREFUSED;
    if (!st_prekey_usable(spk.pub))
        return ST_EREFUSED;
    return st_prekey_check(&spk, device->dsk, acct, device->dev_id);
}

/* ---- confirm_chat: the receiver's half, given in advance ---- */

static const struct auth_refusal bad_spk = {
    ST_CODE_LIST_REJECTED, "The signed prekey does not verify. Check the clock of this device, then try again."
};
static const struct auth_refusal bad_order = { ST_CODE_MALFORMED,
                                               "One-time prekeys must have rising numbers. Update your client." };
static const struct auth_refusal too_many = {
    ST_CODE_TOO_LARGE, "The server keeps 200 one-time prekeys of a device. Upload more when some are used."
};

/* An upload. */
struct upload {
    struct auth_request *request;
    const struct st_msg_confirm_chat *ask;
    struct auth_device device;          /* as it will be */
    uint64_t opk_left;                  /* result */
    const struct auth_refusal *refusal; /* result of ST_EREFUSED */
};

static enum st_err refuse(struct upload *upload, const struct auth_refusal *refusal)
{
    upload->refusal = refusal;
    return ST_EREFUSED;
}

/* A newer signed prekey replaces the published one; a repeat, or an older one that comes late, changes nothing. */
static enum st_err take_spk(struct upload *upload)
{
    struct st_records spks = upload->ask->spk;
    struct st_msg_spk spk;
    struct auth_device *device = &upload->device;
    struct st_device keys = { .dev_id = device->dev };
    memcpy(keys.dsk, device->dsk, sizeof keys.dsk);
    if (!ST_HAS(upload->ask, 1))
        return ST_OK;
    if (!st_records_next(&st_schema_spk, &spks, &spk) ||
        auth_check_spk(&spk, &keys, device->acct, upload->request->now_ms) != ST_OK)
        return refuse(upload, &bad_spk);
    if (device->spk_id != 0 && spk.created_s < device->spk_created_s)
        return ST_OK;
    device->spk_id = (uint32_t)spk.id;
    memcpy(device->spk, spk.pub.p, sizeof device->spk);
    memcpy(device->spk_sig, spk.sig.p, sizeof device->spk_sig);
    device->spk_created_s = spk.created_s;
    return ST_OK;
}

/* Only numbers above all earlier ones: a repeated upload must not bring back keys that were given away. */
static enum st_err take_opks(struct upload *upload)
{
    const struct auth_store *store = &upload->request->core->store;
    struct auth_device *device = &upload->device;
    struct st_records opks = upload->ask->opks;
    struct st_msg_opk opk;
    uint64_t last = 0;
    enum st_err err = auth_store_opk_count(store, device->acct, device->dev, &upload->opk_left);
    while (err == ST_OK && ST_HAS(upload->ask, 2) && st_records_next(&st_schema_opk, &opks, &opk)) {
        struct auth_opk row = { .id = (uint32_t)opk.id };
        memcpy(row.pub, opk.pub.p, sizeof row.pub);
        if (opk.id <= last)
            return refuse(upload, &bad_order);
        last = opk.id;
        if (row.id <= device->opk_hi)
            continue;
        if (upload->opk_left >= ST_OPK_STORED_MAX)
            return refuse(upload, &too_many);
        err = auth_store_opk_put(store, device->acct, device->dev, &row);
        device->opk_hi = row.id;
        upload->opk_left++;
    }
    return err;
}

static enum st_err take_upload(struct upload *upload)
{
    const struct auth_core *core = upload->request->core;
    struct auth_account account;
    enum st_err err = auth_store_begin(&core->store);
    if (err != ST_OK)
        return err;
    /* The lock makes uploads of one account come one after the other. */
    err = auth_store_account_by_id(&core->store, upload->request->hop->acct, true, &account);
    if (err == ST_OK)
        err = auth_store_device_get(&core->store, account.acct, upload->request->hop->dev, &upload->device);
    if (err == ST_OK)
        err = take_spk(upload);
    if (err == ST_OK)
        err = take_opks(upload);
    if (err == ST_OK)
        err = auth_store_device_update(&core->store, &upload->device);
    return auth_end(core, err);
}

void auth_confirm_chat(struct auth_request *request, const void *msg)
{
    struct upload upload = { .request = request, .ask = msg };
    enum st_err err = take_upload(&upload);
    if (err != ST_OK) {
        auth_refuse_with(request, err, upload.refusal);
        return;
    }
    const struct st_msg_confirm_chat_r answer = { .opk_left = upload.opk_left, .spk_id = upload.device.spk_id };
    auth_answer(request, ST_CONFIRM_CHAT_R, &answer);
}

/* ---- start_chat: a bundle for each device of somebody ---- */

/* A hand-out. */
struct handout {
    struct auth_request *request;
    const struct st_msg_start_chat *ask;
    struct auth_account target;
    struct auth_list wire;
    struct st_devlist list;
    struct st_msg_bundle bundles[ST_DEVICES_MAX];
    struct auth_device devices[ST_DEVICES_MAX]; /* what the bundles point to */
    struct auth_opk opks[ST_DEVICES_MAX];
    uint64_t left[ST_DEVICES_MAX]; /* one-time prekeys left, where one was taken now */
    bool taken[ST_DEVICES_MAX];
    size_t count;
};

static struct auth_grant grant_key(const struct handout *handout, uint32_t dev)
{
    struct auth_grant grant = { .dev = dev, .day = (uint32_t)(handout->request->now_ms / DAY_MS) };
    memcpy(grant.target, handout->target.acct, sizeof grant.target);
    memcpy(grant.requester, handout->request->hop->acct, sizeof grant.requester);
    return grant;
}

/* Is there a hand-out for this device that counts? The one of today; or yesterday's, if this is its repeat across
 * midnight. ST_ENOTFOUND: none. */
static enum st_err find_grant(const struct handout *handout, uint32_t dev, struct auth_grant *grant)
{
    const struct auth_store *store = &handout->request->core->store;
    *grant = grant_key(handout, dev);
    enum st_err err = auth_store_grant_get(store, grant);
    if (err != ST_ENOTFOUND)
        return err;
    grant->day--;
    err = auth_store_grant_get(store, grant);
    if (err == ST_OK && memcmp(grant->nonce, handout->ask->nonce.p, sizeof grant->nonce) != 0)
        err = ST_ENOTFOUND;
    return err;
}

/* Takes a one-time prekey if the device has one and has not given too many in this hour. */
static enum st_err take_opk(struct handout *handout, uint32_t dev, struct auth_opk *opk)
{
    const struct auth_store *store = &handout->request->core->store;
    uint8_t subject[ST_ACCT_LEN + 4];
    uint64_t retry_s;
    memset(opk, 0, sizeof *opk);
    memcpy(subject, handout->target.acct, ST_ACCT_LEN);
    st_put_u32(subject + ST_ACCT_LEN, dev);
    struct auth_throttle throttle = auth_throttle_of(handout->request);
    enum st_err err = auth_throttle_count(&throttle, AUTH_LIMIT_OPK, st_view(subject, sizeof subject), &retry_s);
    if (err == ST_OK)
        err = auth_store_opk_take(store, handout->target.acct, dev, opk);
    return err == ST_ELIMIT || err == ST_ENOTFOUND ? ST_OK : err;
}

/* The one-time prekey that this requester gets of this device: the same one for the same nonce; none for another nonce
 * on the same day; a new one otherwise. */
static enum st_err grant_opk(struct handout *handout, uint32_t dev, size_t at)
{
    const struct auth_store *store = &handout->request->core->store;
    struct auth_grant grant;
    memset(&handout->opks[at], 0, sizeof handout->opks[at]);
    enum st_err err = find_grant(handout, dev, &grant);
    if (err == ST_OK) {
        if (memcmp(grant.nonce, handout->ask->nonce.p, sizeof grant.nonce) == 0)
            handout->opks[at] = grant.opk;
        return ST_OK;
    }
    if (err != ST_ENOTFOUND)
        return err;
    grant = grant_key(handout, dev);
    memcpy(grant.nonce, handout->ask->nonce.p, sizeof grant.nonce);
    err = take_opk(handout, dev, &grant.opk);
    if (err == ST_OK)
        err = auth_store_grant_insert(store, &grant);
    handout->opks[at] = grant.opk;
    handout->taken[at] = grant.opk.id != 0;
    if (err == ST_OK && handout->taken[at])
        err = auth_store_opk_count(store, handout->target.acct, dev, &handout->left[at]);
    return err;
}

static enum st_err add_bundle(struct handout *handout, uint32_t dev)
{
    size_t at = handout->count;
    struct auth_device *device = &handout->devices[at];
    struct st_msg_bundle *bundle = &handout->bundles[at];
    enum st_err err = auth_store_device_get(&handout->request->core->store, handout->target.acct, dev, device);
    if (err == ST_ENOTFOUND || (err == ST_OK && device->spk_id == 0))
        return ST_OK; /* it has published nothing yet */
    if (err == ST_OK)
        err = grant_opk(handout, dev, at);
    if (err != ST_OK)
        return err;
    *bundle = (struct st_msg_bundle) {
        .dev = dev,
        .spk_id = device->spk_id,
        .spk_created_s = device->spk_created_s,
        .spk = st_view(device->spk, sizeof device->spk),
        .spk_sig = st_view(device->spk_sig, sizeof device->spk_sig),
    };
    if (handout->opks[at].id != 0) {
        bundle->opk_id = handout->opks[at].id;
        bundle->opk = st_view(handout->opks[at].pub, sizeof handout->opks[at].pub);
        ST_SET(bundle, 6);
        ST_SET(bundle, 7);
    }
    handout->count++;
    return ST_OK;
}

/* All in one transaction, so that a prekey is either with its requester or still here. ST_ENOTFOUND: no such account;
 * ST_ELIMIT: too many new people today. */
static enum st_err hand_out(struct handout *handout)
{
    struct auth_core *core = handout->request->core;
    const struct st_msg_start_chat *ask = handout->ask;
    bool known;
    uint64_t others;
    enum st_err err = auth_store_account_by_id(&core->store, ask->acct.p, false, &handout->target);
    if (err == ST_OK)
        err = auth_newest_list(core, &handout->target, &handout->wire, &handout->list);
    if (err != ST_OK)
        return err;
    struct auth_grant grant = grant_key(handout, 0);
    err = auth_store_grant_targets(&core->store, &grant, &known, &others);
    bool self = memcmp(ask->acct.p, handout->request->hop->acct, ST_ACCT_LEN) == 0;
    if (err == ST_OK && !known && !self && !core->config.limits.off && others >= core->config.limits.targets_per_day)
        err = ST_ELIMIT;
    for (size_t i = 0; i < handout->list.count && err == ST_OK; i++) {
        uint32_t dev = handout->list.devices[i].dev_id;
        bool wanted = !ST_HAS(ask, 3) || ask->dev == dev;
        if (wanted && !(self && dev == handout->request->hop->dev)) /* nobody needs a bundle of itself */
            err = add_bundle(handout, dev);
    }
    return err;
}

static void answer_bundles(struct handout *handout)
{
    struct auth_core *core = handout->request->core;
    const struct auth_account *target = &handout->target;
    const struct st_msg_chat_confirmed answer = {
        .acct = st_view(target->acct, sizeof target->acct),
        .ak = st_view(target->ak, sizeof target->ak),
        .list = st_view(handout->wire.wire, handout->wire.len),
        .bundles = { .count = handout->count, .items = handout->bundles },
    };
    auth_answer_with_boxes(handout->request, ST_CHAT_CONFIRMED, &answer, &handout->list);
    for (size_t i = 0; i < handout->count; i++) {
        core->stats.opks_given += handout->opks[i].id != 0;
        core->stats.no_opk += handout->opks[i].id == 0;
        if (!handout->taken[i])
            continue;
        /* May be lost; the number also comes with tk_check. */
        struct st_int_notify notify = {
            .acct = answer.acct, .dev = handout->bundles[i].dev, .kind = 1, .number = handout->left[i]
        };
        ST_SET(&notify, 4);
        auth_tell(core, handout->request->from, ST_NOTIFY, &notify);
    }
}

void auth_start_chat(struct auth_request *request, const void *msg)
{
    struct auth_core *core = request->core;
    struct handout handout = { .request = request, .ask = msg };
    uint64_t retry_s = 0;
    struct auth_throttle throttle = auth_throttle_of(request);
    enum st_err err =
        auth_throttle_count(&throttle, AUTH_LIMIT_BUNDLE, st_view(request->hop->acct, ST_ACCT_LEN), &retry_s);
    if (err != ST_OK) {
        auth_refuse_throttled(request, err, retry_s);
        return;
    }
    err = auth_store_begin(&core->store);
    if (err == ST_OK)
        err = auth_end(core, hand_out(&handout));
    if (err == ST_ENOTFOUND) {
        auth_refuse(request, ST_CODE_NOT_FOUND, "There is no such account. Look the name up again.");
    } else if (err == ST_ELIMIT) {
        core->stats.throttled++;
        auth_refuse_for(request, ST_CODE_RATE_LIMITED,
                        "You have begun to write to many new people today. Go on tomorrow.",
                        (uint64_t)(DAY_MS - request->now_ms % DAY_MS + 999) / 1000);
    } else if (err != ST_OK) {
        auth_fail(request, err);
    } else {
        answer_bundles(&handout);
    }
}
