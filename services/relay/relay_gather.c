#include <stdlib.h>

#include "services/relay/relay_internal.h"

/* The largest request that is gathered RELAY_GATHER_MAX times. */
union largest {
    struct mailbox_look look;
    struct mailbox_boxes boxes;
    struct mailbox_presence_set set;
    struct mailbox_presence_keep keep;
    struct mailbox_presence_clear clear;
};

enum st_err relay_gather_init(struct relay_core *core)
{
    struct relay_gathered *gathered = &core->gathered;
    gathered->requests = calloc(RELAY_GATHER_MAX, sizeof(union largest));
    gathered->removes = calloc(RELAY_BATCH_MAX, sizeof *gathered->removes);
    gathered->generations = calloc(RELAY_BATCH_MAX, sizeof *gathered->generations);
    if (gathered->requests == NULL || gathered->removes == NULL || gathered->generations == NULL)
        return ST_ENOMEM;
    return ST_OK;
}

void relay_gather_deinit(struct relay_core *core)
{
    free(core->gathered.requests);
    free(core->gathered.removes);
    free(core->gathered.generations);
}

void relay_gather_add(struct relay_core *core, const struct relay_item *item, size_t max,
                      void (*finish)(struct relay_core *core))
{
    if (core->gathered.count == max)
        finish(core);
    core->gathered.items[core->gathered.count++] = item;
}
