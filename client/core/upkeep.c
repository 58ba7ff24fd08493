#include "client/core/core.h"

enum { EVERY_MS = 3600 * 1000, EVENTS_KEPT = 100000 };
#define EVENTS_KEPT_MS (INT64_C(30) * 86400 * 1000)

static enum st_err erase_old(struct client *client)
{
    uint64_t gone;
    enum st_err err = prekeys_expire(client);
    if (err == ST_OK)
        err = store_wire_prune(client->store, STORE_WIRE_KEEP_BYTES);
    if (err == ST_OK)
        err = store_event_prune(client->store, core_wall(client) - EVENTS_KEPT_MS, EVENTS_KEPT, &gone);
    return err;
}

void upkeep_tick(struct client *client)
{
    int64_t now = core_mono(client);
    if (!client->self.loaded || client->upkeep_at_ms > now)
        return;
    client->upkeep_at_ms = now + EVERY_MS;
    enum st_err err = tx_begin(client);
    if (err == ST_OK)
        err = tx_end(client, erase_old(client));
    if (err != ST_OK)
        core_warn(client, "what is old could not be erased");
}
