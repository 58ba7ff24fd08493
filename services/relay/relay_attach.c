#include "services/relay/relay_internal.h"

/* One attach on its way through the store. */
struct attaching {
    const struct relay_item *item;
    struct st_int_attach msg;
    struct mailbox_presence presence;
    bool failed; /* the store failed: answer unavailable */
    bool exists;
    bool had_old;
    struct mailbox_presence old;
    uint64_t length;
    uint8_t epoch[ST_EPOCH_LEN];
    bool had_generation;
    uint8_t generation[ST_GENERATION_LEN];
};

uint64_t relay_attach_number(struct relay_core *core)
{
    uint8_t bytes[8];
    st_env_random(&core->deps.env, bytes, sizeof bytes);
    uint64_t number = st_get_u64(bytes) & (ST_UINT_MAX - 1);
    return number == 0 ? 1 : number;
}

static void fail_all(struct attaching *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        list[i].failed = true;
}

/* Opens mailboxes where the gateway knows a newer device list than the store, or the store has no such mailbox. */
static enum st_err open_boxes(struct relay_core *core, struct attaching *list, const struct mailbox_look *looks,
                              size_t count)
{
    struct mailbox_boxes *boxes = core->gathered.requests;
    size_t box_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (looks[i].exists && looks[i].seq >= list[i].msg.list_seq)
            continue;
        struct st_records devs = list[i].msg.devs;
        struct st_view dev;
        uint32_t *numbers = relay_arena_take(&core->arena, ST_DEVICES_MAX * sizeof *numbers);
        if (numbers == NULL)
            return ST_ENOMEM;
        struct mailbox_boxes box = { .seq = list[i].msg.list_seq, .devs = numbers };
        memcpy(box.acct, looks[i].key.acct, ST_ACCT_LEN);
        while (st_bytes_list_next(&devs, &dev))
            numbers[box.dev_count++] = st_get_u32(dev.p);
        boxes[box_count++] = box;
    }
    return box_count == 0 ? ST_OK : mailbox_boxes_set(&core->deps.mailbox, boxes, box_count);
}

static void see_boxes(struct relay_core *core, struct attaching *list, size_t count)
{
    struct mailbox_look *looks = relay_arena_take(&core->arena, count * sizeof *looks);
    enum st_err err = looks == NULL ? ST_ENOMEM : ST_OK;
    for (size_t i = 0; err == ST_OK && i < count; i++) {
        memset(&looks[i], 0, sizeof looks[i]);
        looks[i].key = list[i].item->who;
    }
    if (err == ST_OK)
        err = mailbox_look(&core->deps.mailbox, looks, count);
    if (err == ST_OK)
        err = open_boxes(core, list, looks, count);
    if (err != ST_OK) {
        relay_send_log_store(core, "boxes", err);
        fail_all(list, count);
    }
}

/* Sets the presences; the answers say who was there before, and which mailboxes exist. */
static void set_presences(struct relay_core *core, struct attaching *list, size_t count)
{
    struct mailbox_presence_set *sets = core->gathered.requests;
    for (size_t i = 0; i < count; i++) {
        struct attaching *one = &list[i];
        one->presence.relay = core->options.name;
        one->presence.gateway = one->item->from;
        one->presence.sid = one->item->sid;
        one->presence.attach = relay_attach_number(core);
        memset(&sets[i], 0, sizeof sets[i]);
        sets[i].key = one->item->who;
        sets[i].presence = one->presence;
        sets[i].lease_ms = ST_PRESENCE_LEASE_MS;
    }
    enum st_err err = mailbox_presence_set(&core->deps.mailbox, sets, count);
    if (err != ST_OK) {
        relay_send_log_store(core, "presence_set", err);
        fail_all(list, count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        list[i].exists = sets[i].exists;
        list[i].had_old = sets[i].had_old;
        list[i].old = sets[i].old;
        list[i].length = sets[i].length;
        memcpy(list[i].epoch, sets[i].epoch, ST_EPOCH_LEN);
    }
}

static void exchange_generations(struct relay_core *core, struct attaching *list, size_t count)
{
    struct mailbox_generation *generations = core->gathered.generations;
    for (size_t i = 0; i < count; i++) {
        memset(&generations[i], 0, sizeof generations[i]);
        generations[i].key = list[i].item->who;
        generations[i].put = ST_HAS(&list[i].msg, 1) ? list[i].msg.generation.p : NULL;
    }
    enum st_err err = mailbox_generation(&core->deps.mailbox, generations, count);
    if (err != ST_OK) {
        relay_send_log_store(core, "generation", err);
        fail_all(list, count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        list[i].had_generation = generations[i].had_old;
        memcpy(list[i].generation, generations[i].old, ST_GENERATION_LEN);
    }
}

void relay_attach_drop_old(struct relay_core *core, const struct mailbox_presence *old,
                           const struct mailbox_presence *presence)
{
    if (old->sid == presence->sid && strcmp(old->gateway.name, presence->gateway.name) == 0)
        return; /* the same session attached twice */
    core->stats.replaced++;
    relay_send_drop(core, &old->gateway, old->sid, old->attach, ST_BYE_REPLACED);
}

static void answer(struct relay_core *core, struct attaching *one)
{
    struct relay_session *session;
    struct st_int_attach_r msg = { .epoch = st_view(one->epoch, ST_EPOCH_LEN), .pending = one->length };
    if (one->failed) {
        relay_send_unavailable(core, one->item);
        return;
    }
    if (one->had_old)
        relay_attach_drop_old(core, &one->old, &one->presence);
    if (one->exists) {
        enum st_err err = relay_session_open(core, &one->item->who, &one->presence, one->epoch, &session);
        if (err != ST_OK) {
            ST_LOG(core->deps.log, ST_LOG_ERROR, "session_refused", st_log_err("error", err));
            relay_session_clear_presence(core, &one->item->who, &one->presence);
            relay_send_unavailable(core, one->item);
            return;
        }
        core->stats.attached++;
        msg.attach = one->presence.attach;
    }
    if (one->had_generation) {
        msg.generation = st_view(one->generation, ST_GENERATION_LEN);
        ST_SET(&msg, 3);
    }
    relay_send_reply(core, one->item, ST_ATTACH_R, &msg);
}

void relay_attach_take(struct relay_core *core, const struct relay_item *item)
{
    relay_gather_add(core, item, RELAY_GATHER_MAX, relay_attach_finish);
}

void relay_attach_finish(struct relay_core *core)
{
    size_t count = 0;
    struct attaching *list = relay_arena_take(&core->arena, core->gathered.count * sizeof *list);
    for (size_t i = 0; i < core->gathered.count; i++) {
        const struct relay_item *item = core->gathered.items[i];
        if (list == NULL) {
            relay_send_unavailable(core, item);
            continue;
        }
        memset(&list[count], 0, sizeof list[count]);
        list[count].item = item;
        if (relay_send_read(core, item, &list[count].msg))
            count++;
    }
    core->gathered.count = 0;
    if (count == 0)
        return;
    see_boxes(core, list, count);
    if (!list[0].failed)
        set_presences(core, list, count);
    if (!list[0].failed)
        exchange_generations(core, list, count);
    for (size_t i = 0; i < count; i++)
        answer(core, &list[i]);
}

/* ---- detach ---- */

void relay_attach_take_detach(struct relay_core *core, const struct relay_item *item)
{
    struct st_int_detach msg;
    if (!relay_send_read(core, item, &msg))
        return;
    struct relay_session *session = relay_session_get(core, &item->who);
    /* A later attach of the same device stays. */
    if (session != NULL && session->attach == msg.attach && session->sid == item->sid)
        relay_session_close(core, session, true);
}
