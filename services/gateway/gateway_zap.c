#include "services/gateway/gateway_zap.h"

#include <stdlib.h>

#include "services/gateway/gateway_enrols.h"
#include "services/gateway/gateway_keys.h"
#include "services/gateway/gateway_z85.h"

static void reply(struct gateway_core *core, struct st_view rid, struct st_view request_id, const uint8_t *tk)
{
    char user_id[GATEWAY_Z85_CHARS + 1] = "";
    if (tk != NULL)
        gateway_z85_encode(user_id, tk);
    *(tk != NULL ? &core->stats.admitted : &core->stats.refused) += 1;
    core->out.zap(core->out.ctx, rid, request_id, tk != NULL ? 200 : 400, user_id);
}

static void stay_silent(struct gateway_core *core)
{
    core->stats.silent++;
}

/* May one more connection of this key be let in? Those that were let in and have not spoken yet count, until the time
 * in which they must speak has passed. */
static int64_t *free_place(struct gateway_core *core, struct gateway_key *key)
{
    int64_t *place = NULL;
    unsigned taken = key->session != NULL ? 1 : 0;
    for (size_t i = 0; i < GATEWAY_CONNECTIONS_PER_TK; i++) {
        if (gateway_now(core) - key->admitted_ms[i] < GATEWAY_SPEAK_MS)
            taken++;
        else
            place = &key->admitted_ms[i];
    }
    return taken < GATEWAY_CONNECTIONS_PER_TK ? place : NULL;
}

void gateway_zap_spoken(struct gateway_core *core, struct gateway_key *key)
{
    int64_t *oldest = NULL;
    for (size_t i = 0; i < GATEWAY_CONNECTIONS_PER_TK; i++)
        if (gateway_now(core) - key->admitted_ms[i] < GATEWAY_SPEAK_MS &&
            (oldest == NULL || key->admitted_ms[i] < *oldest))
            oldest = &key->admitted_ms[i];
    if (oldest != NULL)
        *oldest = GATEWAY_NEVER;
}

/* Answers one handshake of a key whose state is known. */
static void decide(struct gateway_core *core, struct gateway_key *key, struct st_view rid, struct st_view request_id)
{
    if (key->state == ST_TK_NONE) {
        reply(core, rid, request_id, NULL);
        return;
    }
    int64_t *place = free_place(core, key);
    if (place == NULL) {
        stay_silent(core);
        return;
    }
    *place = gateway_now(core);
    reply(core, rid, request_id, key->tk);
}

static void wait_free(struct gateway_core *core, struct gateway_wait *wait)
{
    struct gateway_wait **at = &wait->key->waits;
    while (*at != wait)
        at = &(*at)->next;
    *at = wait->next;
    gateway_timer_stop(core, &wait->timer);
    core->waiting--;
    free(wait);
}

static void wait_due(struct gateway_core *core, struct gateway_timer *timer)
{
    struct gateway_wait *wait = gateway_timer_owner(timer, struct gateway_wait, timer);
    struct gateway_key *key = wait->key;
    stay_silent(core);
    wait_free(core, wait);
    gateway_keys_drop_if_unknown(core, key);
}

static enum st_err wait_add(struct gateway_core *core, struct gateway_key *key, const struct gateway_zap *request)
{
    if (core->waiting >= GATEWAY_ZAP_WAITING_MAX)
        return ST_ELIMIT;
    struct gateway_wait *wait = calloc(1, sizeof *wait);
    if (wait == NULL)
        return ST_ENOMEM;
    *wait = (struct gateway_wait) { .key = key, .next = key->waits };
    wait->rid_len = request->rid.len;
    wait->request_id_len = request->request_id.len;
    memcpy(wait->rid, request->rid.p, request->rid.len);
    memcpy(wait->request_id, request->request_id.p, request->request_id.len);
    enum st_err err = gateway_timer_start(core, &wait->timer, gateway_now(core) + GATEWAY_ZAP_WAIT_MS, wait_due);
    if (err != ST_OK) {
        free(wait);
        return err;
    }
    key->waits = wait;
    core->waiting++;
    return ST_OK;
}

void gateway_zap_decided(struct gateway_core *core, struct gateway_key *key)
{
    while (key->waits != NULL) {
        struct gateway_wait *wait = key->waits;
        decide(core, key, st_view(wait->rid, wait->rid_len), st_view(wait->request_id, wait->request_id_len));
        wait_free(core, wait);
    }
}

void gateway_zap_forget(struct gateway_core *core, struct gateway_key *key)
{
    while (key->waits != NULL)
        wait_free(core, key->waits);
}

static void device_request(struct gateway_core *core, const struct gateway_zap *request)
{
    int64_t now = gateway_now(core);
    struct gateway_key *key = gateway_keys_make(core, request->credential.p);
    if (key == NULL || now < key->banned_until_ms ||
        (key->state != ST_TK_NONE && !core->limits.off &&
         !st_bucket_take(&key->handshakes, &core->limits.handshakes, 1, now))) {
        stay_silent(core);
        return;
    }
    key->used_ms = now;
    if (gateway_keys_is_fresh(core, key)) {
        decide(core, key, request->rid, request->request_id);
        return;
    }
    if (wait_add(core, key, request) == ST_OK) {
        gateway_keys_ask(core, key);
        return;
    }
    stay_silent(core);
    gateway_keys_drop_if_unknown(core, key);
}

static void enrol_request(struct gateway_core *core, const struct gateway_zap *request)
{
    if (gateway_enrols_admit(core, request->credential.p))
        reply(core, request->rid, request->request_id, request->credential.p);
    else
        stay_silent(core);
}

static bool is_text(struct st_view view, const char *text)
{
    return st_view_equal(view, st_view_text(text));
}

static bool is_zero(struct st_view view)
{
    uint8_t any = 0;
    for (size_t i = 0; i < view.len; i++)
        any |= view.p[i];
    return any == 0;
}

void gateway_zap_request(struct gateway_core *core, const struct gateway_zap *request)
{
    if (request->rid.len == 0 || request->rid.len > GATEWAY_RID_MAX || request->request_id.len > GATEWAY_RID_MAX) {
        stay_silent(core); /* libzmq makes 5 bytes and "1" */
        return;
    }
    bool device = is_text(request->domain, "device");
    bool sound = is_text(request->version, "1.0") && is_text(request->mechanism, "CURVE") &&
                 request->credential.len == ST_KEY_LEN && !is_zero(request->credential) &&
                 (device || is_text(request->domain, "enrol"));
    if (!sound)
        reply(core, request->rid, request->request_id, NULL);
    else if (core->draining)
        stay_silent(core);
    else if (device)
        device_request(core, request);
    else
        enrol_request(core, request);
}
