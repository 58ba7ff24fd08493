#include "services/auth/auth_internal.h"

#include "lib/devlist/st_prekey.h"

void auth_link_offer(struct auth_request *request, const void *msg)
{
    const struct st_msg_link_offer *ask = msg;
    struct auth_core *core = request->core;
    struct st_device device = { .dev_id = request->hop->dev };
    struct auth_offer offer = { .dev = request->hop->dev, .expires_ms = request->now_ms + AUTH_OFFER_MS };
    uint64_t retry_s = 0;
    struct auth_throttle throttle = auth_throttle_of(request);
    enum st_err err =
        auth_throttle_count(&throttle, AUTH_LIMIT_OFFER, st_view(request->hop->acct, ST_ACCT_LEN), &retry_s);
    if (err != ST_OK) {
        auth_refuse_throttled(request, err, retry_s);
        return;
    }
    memcpy(device.dsk, ask->dsk.p, sizeof device.dsk);
    memcpy(device.dik, ask->dik.p, sizeof device.dik);
    if (!st_prekey_usable(device.dik) ||
        st_devlist_accept_check(ask->accept.p, request->account.ak, &device) != ST_OK) {
        auth_refuse(request, ST_CODE_LIST_REJECTED, "The device's keys do not verify. Begin linking again.");
        return;
    }
    memcpy(offer.acct, request->hop->acct, sizeof offer.acct);
    memcpy(offer.dsk, ask->dsk.p, sizeof offer.dsk);
    memcpy(offer.dik, ask->dik.p, sizeof offer.dik);
    memcpy(offer.accept, ask->accept.p, sizeof offer.accept);
    memcpy(offer.tag, ask->tag.p, sizeof offer.tag);
    auth_set_text(&offer.name, ask->name);
    err = auth_store_offer_put(&core->store, &offer);
    if (err != ST_OK) {
        auth_fail(request, err);
        return;
    }
    const struct st_msg_link_offer_r answer = { .dev = request->hop->dev };
    auth_answer(request, ST_LINK_OFFER_R, &answer);
}

void auth_link_get(struct auth_request *request, const void *msg)
{
    (void)msg; /* empty */
    struct auth_offer offers[ST_DEVICES_MAX];
    struct st_msg_link_entry entries[ST_DEVICES_MAX];
    size_t count;
    enum st_err err = auth_store_offer_all(&request->core->store, request->hop->acct, request->now_ms, offers, &count);
    if (err != ST_OK) {
        auth_fail(request, err);
        return;
    }
    for (size_t i = 0; i < count; i++)
        entries[i] = (struct st_msg_link_entry) {
            .dev = offers[i].dev,
            .dsk = st_view(offers[i].dsk, sizeof offers[i].dsk),
            .dik = st_view(offers[i].dik, sizeof offers[i].dik),
            .accept = st_view(offers[i].accept, sizeof offers[i].accept),
            .tag = st_view(offers[i].tag, sizeof offers[i].tag),
            .name = auth_text_view(&offers[i].name),
        };
    const struct st_msg_link_get_r answer = { .offers = { .count = count, .items = entries } };
    auth_answer(request, ST_LINK_GET_R, &answer);
}
