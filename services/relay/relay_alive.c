#include "services/relay/relay_internal.h"

/* One session of an `alive`, on its way through the store. */
struct living {
    struct st_int_alive_item said;
    struct mailbox_key key;
    bool attach_anew;
    uint64_t attach;
    uint64_t pending;
    bool replaced;
};

/* Is the presence held by this very session, whatever its attach number? */
static bool is_same_session(const struct relay_item *item, const struct living *one,
                            const struct mailbox_presence *presence)
{
    return presence->sid == one->said.sid && strcmp(presence->gateway.name, item->from.name) == 0;
}

/* What the store says about one session: it lives on, is replaced, has no mailbox, or must be attached anew. */
static void judge(struct relay_core *core, const struct relay_item *item, struct living *one,
                  const struct mailbox_presence_keep *keep)
{
    struct relay_session *session = relay_session_get(core, &one->key);
    one->pending = keep->length;
    if (!keep->exists) {
        if (session != NULL)
            relay_session_close(core, session, false);
        return;
    }
    if (keep->present && !is_same_session(item, one, &keep->presence)) {
        one->replaced = true;
        one->attach = one->said.attach;
        if (session != NULL && session->sid == one->said.sid)
            relay_session_close(core, session, false);
        return;
    }
    if (!keep->kept || session == NULL || !relay_session_is(core, session, &keep->presence)) {
        one->attach_anew = true;
        return;
    }
    one->attach = session->attach;
    session->seen_ms = relay_mono_ms(core);
    relay_session_see_epoch(core, session, keep->epoch);
    if (keep->length > session->inflight.count && !session->behind)
        relay_session_rewind(core, session);
}

static enum st_err keep_presences(struct relay_core *core, const struct relay_item *item, struct living *list,
                                  size_t count)
{
    struct mailbox_presence_keep *keeps = core->gathered.requests;
    for (size_t i = 0; i < count; i++) {
        memset(&keeps[i], 0, sizeof keeps[i]);
        keeps[i].key = list[i].key;
        keeps[i].attach = list[i].said.attach;
        keeps[i].lease_ms = ST_PRESENCE_LEASE_MS;
    }
    enum st_err err = mailbox_presence_keep(&core->deps.mailbox, keeps, count);
    for (size_t i = 0; err == ST_OK && i < count; i++)
        judge(core, item, &list[i], &keeps[i]);
    return err;
}

static enum st_err keep_generations(struct relay_core *core, const struct living *list, size_t count)
{
    struct mailbox_generation *generations = core->gathered.generations;
    size_t put_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (!ST_HAS(&list[i].said, 5) || list[i].replaced)
            continue;
        memset(&generations[put_count], 0, sizeof generations[put_count]);
        generations[put_count].key = list[i].key;
        generations[put_count++].put = list[i].said.generation.p;
    }
    return put_count == 0 ? ST_OK : mailbox_generation(&core->deps.mailbox, generations, put_count);
}

/* The presence is set: from here on the session is attached. */
static void open_anew(struct relay_core *core, const struct mailbox_presence_set *set, struct living *one)
{
    struct relay_session *session;
    if (!set->exists)
        return;
    if (set->had_old)
        relay_attach_drop_old(core, &set->old, &set->presence);
    one->pending = set->length;
    enum st_err err = relay_session_open(core, &set->key, &set->presence, set->epoch, &session);
    if (err != ST_OK) {
        /* No room: the device keeps its connection and gets what waits when a later alive finds room. */
        ST_LOG(core->deps.log, ST_LOG_ERROR, "session_refused", st_log_err("error", err));
        relay_session_clear_presence(core, &set->key, &set->presence);
        one->attach = one->said.attach;
        return;
    }
    one->attach = set->presence.attach;
    core->stats.attached++;
}

/* A session whose presence has ended, or that this relay does not know: it attaches now. */
static enum st_err attach_anew(struct relay_core *core, const struct relay_item *item, struct living *list,
                               size_t count)
{
    struct mailbox_presence_set *sets = core->gathered.requests;
    struct living *ones[RELAY_GATHER_MAX];
    size_t set_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (!list[i].attach_anew)
            continue;
        struct mailbox_presence_set *set = &sets[set_count];
        memset(set, 0, sizeof *set);
        set->key = list[i].key;
        set->presence.relay = core->options.name;
        set->presence.gateway = item->from;
        set->presence.sid = list[i].said.sid;
        set->presence.attach = relay_attach_number(core);
        set->lease_ms = ST_PRESENCE_LEASE_MS;
        ones[set_count++] = &list[i];
    }
    enum st_err err = set_count == 0 ? ST_OK : mailbox_presence_set(&core->deps.mailbox, sets, set_count);
    for (size_t i = 0; err == ST_OK && i < set_count; i++)
        open_anew(core, &sets[i], ones[i]);
    return err;
}

static void answer(struct relay_core *core, const struct relay_item *item, const struct living *list, size_t count)
{
    struct st_int_alive_r_item items[ST_ALIVE_MAX];
    for (size_t i = 0; i < count; i++) {
        struct st_int_alive_r_item one = {
            .sid = list[i].said.sid, .attach = list[i].attach, .pending = list[i].pending, .replaced = list[i].replaced
        };
        items[i] = one;
    }
    struct st_int_alive_r msg = { .items = { .count = count, .items = items } };
    relay_send_reply(core, item, ST_ALIVE_R, &msg);
}

void relay_alive_take(struct relay_core *core, const struct relay_item *item)
{
    struct st_int_alive msg;
    if (!relay_send_read(core, item, &msg))
        return;
    size_t count = 0;
    struct living *list = relay_arena_take(&core->arena, msg.items.count * sizeof *list);
    enum st_err err = list == NULL ? ST_ENOMEM : ST_OK;
    struct st_int_alive_item said;
    while (err == ST_OK && st_records_next(&st_schema_alive_item, &msg.items, &said)) {
        memset(&list[count], 0, sizeof list[count]);
        list[count].said = said;
        list[count++].key = mailbox_key(said.acct.p, (uint32_t)said.dev);
    }
    if (err == ST_OK)
        err = keep_presences(core, item, list, count);
    if (err == ST_OK)
        err = attach_anew(core, item, list, count);
    if (err == ST_OK)
        err = keep_generations(core, list, count);
    if (err != ST_OK) {
        relay_send_log_store(core, "alive", err);
        relay_send_unavailable(core, item);
        return;
    }
    answer(core, item, list, count);
}
