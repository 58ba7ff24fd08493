#include <stdlib.h>

#include "services/relay/relay_internal.h"

/* A device that asks for exposed keys, and how often it may still. */
struct relay_asker {
    struct mailbox_key key;
    struct st_bucket bucket;
};

enum st_err relay_exposed_init(struct relay_core *core)
{
    uint8_t seed[ST_MAP_SEED_BYTES];
    st_env_random(&core->deps.env, seed, sizeof seed);
    return st_map_new(&core->askers, sizeof(struct mailbox_key), RELAY_ASKERS_MAX, seed);
}

void relay_exposed_deinit(struct relay_core *core)
{
    size_t cursor = 0;
    void *value;
    while (core->askers != NULL && st_map_next(core->askers, &cursor, NULL, &value))
        free(value);
    st_map_free(&core->askers);
}

void relay_exposed_take_put(struct relay_core *core, const struct relay_item *item)
{
    struct st_msg_expose_key msg;
    struct mailbox_exposed_put puts[ST_EXPOSE_MAX];
    struct st_msg_exposed wire;
    struct st_msg_expose_key_r answer = { .stored = 0 };
    size_t count = 0;
    if (!relay_send_read(core, item, &msg))
        return;
    while (st_records_next(&st_schema_exposed, &msg.keys, &wire)) {
        struct mailbox_exposed_put put = {
            .key = item->who, .hash = wire.hash.p, .mac_key = wire.key.p, .at_ms = relay_wall_ms(core)
        };
        puts[count++] = put;
    }
    enum st_err err = mailbox_exposed_put(&core->deps.mailbox, puts, count);
    if (err != ST_OK) {
        relay_send_log_store(core, "exposed_put", err);
        relay_send_unavailable(core, item);
        return;
    }
    for (size_t i = 0; i < count; i++)
        answer.stored += puts[i].stored;
    relay_send_reply(core, item, ST_EXPOSE_KEY_R, &answer);
}

static void forget_full_buckets(struct relay_core *core, const struct st_rate *rate)
{
    size_t cursor = 0;
    void *value;
    while (st_map_next(core->askers, &cursor, NULL, &value)) {
        struct relay_asker *asker = value;
        if (!st_bucket_is_full(&asker->bucket, rate, relay_mono_ms(core)))
            continue;
        st_map_remove(core->askers, &asker->key);
        free(asker);
    }
}

/* The device's bucket; NULL if too many devices ask at once. */
static struct relay_asker *asker_of(struct relay_core *core, const struct mailbox_key *key, const struct st_rate *rate)
{
    struct relay_asker *asker = st_map_get(core->askers, key);
    if (asker != NULL)
        return asker;
    if (st_map_count(core->askers) == RELAY_ASKERS_MAX)
        forget_full_buckets(core, rate);
    asker = malloc(sizeof *asker);
    if (asker == NULL)
        return NULL;
    asker->key = *key;
    st_bucket_init(&asker->bucket, rate, relay_mono_ms(core));
    if (st_map_put(core->askers, key, asker) != ST_OK) {
        free(asker);
        return NULL;
    }
    return asker;
}

/* May this device ask once more? If not, it is told when. */
static bool may_ask(struct relay_core *core, const struct relay_item *item)
{
    uint32_t per_hour = (uint32_t)core->options.get_exposed_per_hour;
    const struct st_rate rate = { .tokens = per_hour, .per_ms = 3600 * 1000, .burst = per_hour };
    if (per_hour == 0)
        return true;
    struct relay_asker *asker = asker_of(core, &item->who, &rate);
    int64_t now_ms = relay_mono_ms(core);
    if (asker != NULL && st_bucket_take(&asker->bucket, &rate, 1, now_ms))
        return true;
    int64_t wait_ms = asker == NULL ? INT64_C(60000) : st_bucket_wait_ms(&asker->bucket, &rate, 1, now_ms);
    core->stats.refused++;
    relay_send_rate_limited(core, item, (uint64_t)(wait_ms + 999) / 1000);
    return false;
}

void relay_exposed_take_get(struct relay_core *core, const struct relay_item *item)
{
    struct st_msg_get_exposed msg;
    if (!relay_send_read(core, item, &msg) || !may_ask(core, item))
        return;
    struct mailbox_exposed_get get = { .key = mailbox_key(msg.acct.p, (uint32_t)msg.dev), .hash = msg.hash.p };
    enum st_err err = mailbox_exposed_get(&core->deps.mailbox, &get, 1);
    if (err != ST_OK) {
        relay_send_log_store(core, "exposed_get", err);
        relay_send_unavailable(core, item);
        return;
    }
    if (!get.found) {
        relay_send_error(core, item, ST_CODE_NOT_FOUND, "no such key");
        return;
    }
    struct st_msg_get_exposed_r answer = { .key = st_view(get.mac_key, ST_KEY_LEN) };
    relay_send_reply(core, item, ST_GET_EXPOSED_R, &answer);
}
