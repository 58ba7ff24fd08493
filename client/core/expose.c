#include "client/core/core.h"

#include <stdlib.h>

#include <sodium.h>

/* Used MAC keys are published by the receiver, in batches at random times, never before their message is durable and
 * a minute old (CRYPTO 12 and 13). When the next batch goes is kept in the store, so that restarts do not show. */

struct expose {
    bool running;
    int64_t next_ms; /* monotonic */
    size_t count;    /* of the running batch */
    uint8_t hashes[STORE_EXPOSE_BATCH][STORE_HASH_BYTES];
};

enum { LOOK_AGAIN_MS = 10000 };

enum st_err expose_new(struct client *client)
{
    client->expose = calloc(1, sizeof *client->expose);
    return client->expose == NULL ? ST_ENOMEM : ST_OK;
}

void expose_free(struct client *client)
{
    free(client->expose);
    client->expose = NULL;
}

static void look_again(struct client *client, int64_t wait_ms)
{
    client->expose->next_ms = core_mono(client) + (wait_ms > 0 ? wait_ms : 1);
}

/* When the batch after this moment goes: now and a random part of the spread. */
static int64_t draw_time(struct client *client)
{
    uint32_t random;
    st_env_random(client->env, &random, sizeof random);
    return core_wall(client) + (int64_t)((uint64_t)random * (uint64_t)client->config.expose_spread_ms >> 32);
}

static void on_exposed(struct client *client, void *ctx, const struct st_frame *reply,
                       const struct client_result *failure)
{
    (void)ctx;
    struct expose *expose = client->expose;
    expose->running = false;
    if (failure != NULL || reply->type != ST_EXPOSE_KEY_R) {
        look_again(client, LOOK_AGAIN_MS);
        return;
    }
    enum st_err err = tx_begin(client);
    for (size_t i = 0; i < expose->count && err == ST_OK; i++)
        err = store_expose_confirmed(client->store, expose->hashes[i]);
    if (err == ST_OK)
        err = store_meta_put_u64(client->store, STORE_META_EXPOSE_NEXT_MS, 0);
    if (store_in_transaction(client->store))
        err = tx_end(client, err);
    if (err != ST_OK)
        core_warn(client, "the exposure of keys could not be noted");
    look_again(client, err == ST_OK ? 0 : LOOK_AGAIN_MS);
}

/* Sends one batch of what is due. */
static void send_batch(struct client *client)
{
    struct expose *expose = client->expose;
    struct store_exposure *due = sodium_malloc(STORE_EXPOSE_BATCH * sizeof *due);
    if (due == NULL) {
        look_again(client, LOOK_AGAIN_MS);
        return;
    }
    struct st_msg_exposed keys[STORE_EXPOSE_BATCH];
    memset(keys, 0, sizeof keys);
    enum st_err err = store_expose_due(client->store, core_wall(client), due, &expose->count);
    for (size_t i = 0; i < expose->count && err == ST_OK; i++) {
        memcpy(expose->hashes[i], due[i].hash, STORE_HASH_BYTES);
        keys[i].hash = st_view(due[i].hash, STORE_HASH_BYTES);
        keys[i].key = st_view(due[i].mac_key, sizeof due[i].mac_key);
    }
    struct st_msg_expose_key msg = { .keys = { .count = expose->count, .items = keys } };
    if (err == ST_OK && expose->count > 0)
        err = link_request(client, CLIENT_DEVICE, ST_EXPOSE_KEY, &msg, on_exposed, NULL);
    expose->running = err == ST_OK && expose->count > 0;
    if (!expose->running)
        look_again(client, LOOK_AGAIN_MS);
    sodium_free(due);
}

/* Is a device list or a reset in dispute? Then nothing is exposed. */
static enum st_err note_conflict(void *ctx, const struct store_contact *contact)
{
    bool *conflict = ctx;
    if (contact->trust == STORE_CHANGED)
        *conflict = true;
    return ST_OK;
}

void expose_tick(struct client *client)
{
    struct expose *expose = client->expose;
    if (expose->running || !client_is_online(client) || expose->next_ms > core_mono(client))
        return;
    int64_t first_due;
    uint64_t planned = 0;
    bool conflict = false;
    if (store_expose_next(client->store, &first_due) != ST_OK) {
        look_again(client, LOOK_AGAIN_MS);
        return;
    }
    enum st_err err = store_meta_get_u64(client->store, STORE_META_EXPOSE_NEXT_MS, &planned);
    if (err == ST_OK)
        err = store_contact_each(client->store, note_conflict, &conflict);
    int64_t now = core_wall(client);
    if (err != ST_OK || conflict) {
        look_again(client, LOOK_AGAIN_MS);
        return;
    }
    if (first_due > now) {
        look_again(client, first_due - now < LOOK_AGAIN_MS ? first_due - now : LOOK_AGAIN_MS);
        return;
    }
    bool set_back = (int64_t)planned > now + client->config.expose_spread_ms; /* the clock, since it was drawn */
    if (planned == 0 || set_back) {
        planned = (uint64_t)draw_time(client);
        err = tx_begin(client);
        if (err == ST_OK)
            err = tx_end(client, store_meta_put_u64(client->store, STORE_META_EXPOSE_NEXT_MS, planned));
    }
    if (err == ST_OK && (int64_t)planned <= now)
        send_batch(client);
    else
        look_again(client, (int64_t)planned - now < LOOK_AGAIN_MS ? (int64_t)planned - now : LOOK_AGAIN_MS);
}

int64_t expose_next_ms(const struct client *client)
{
    const struct expose *expose = client->expose;
    if (expose->running || !client_is_online(client))
        return TIMER_NEVER;
    return expose->next_ms > 0 ? expose->next_ms : core_mono(client);
}
