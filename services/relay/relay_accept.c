#include <stdlib.h>

#include "services/relay/relay_internal.h"

enum { SENDER_KEY = ST_ACCT_LEN + 4 + 8 + SERVICE_PEER_MAX + 1 };

#define NO_INDEX SIZE_MAX

enum st_err relay_accept_init(struct relay_core *core)
{
    struct relay_accepting *accepting = &core->accepting;
    const struct st_env *env = &core->deps.env;
    accepting->copies = calloc(RELAY_COPIES_MAX, sizeof *accepting->copies);
    accepting->appends = calloc(RELAY_COPIES_MAX, sizeof *accepting->appends);
    accepting->append_next = calloc(RELAY_COPIES_MAX, sizeof *accepting->append_next);
    accepting->chains = calloc(RELAY_COPIES_MAX, sizeof *accepting->chains);
    accepting->accts = calloc(RELAY_COPIES_MAX, ST_ACCT_LEN);
    accepting->epochs = calloc(RELAY_COPIES_MAX, ST_EPOCH_LEN);
    if (accepting->copies == NULL || accepting->appends == NULL || accepting->append_next == NULL ||
        accepting->chains == NULL || accepting->accts == NULL || accepting->epochs == NULL)
        return ST_ENOMEM;
    enum st_err err = relay_groups_new(&accepting->senders, SENDER_KEY, RELAY_COPIES_MAX, env);
    if (err == ST_OK)
        err = relay_groups_new(&accepting->recipients, sizeof(struct mailbox_key), RELAY_COPIES_MAX, env);
    if (err == ST_OK)
        err = relay_window_new(&accepting->window, core->options.window_copies, env);
    return err;
}

void relay_accept_deinit(struct relay_core *core)
{
    struct relay_accepting *accepting = &core->accepting;
    free(accepting->copies);
    free(accepting->appends);
    free(accepting->append_next);
    free(accepting->chains);
    free(accepting->accts);
    free(accepting->epochs);
    relay_groups_free(&accepting->senders);
    relay_groups_free(&accepting->recipients);
    relay_window_free(&accepting->window);
}

/* ---- gathering ---- */

/* Does one message name a device twice? */
static bool names_twice(struct st_records copies)
{
    uint64_t devs[ST_COPIES_MAX];
    size_t count = 0;
    struct st_msg_copy copy;
    while (st_records_next(&st_schema_copy, &copies, &copy)) {
        for (size_t i = 0; i < count; i++) {
            if (devs[i] == copy.dev)
                return true;
        }
        devs[count++] = copy.dev;
    }
    return false;
}

/* What the window knows of a copy: a repeat inside this batch, or a hint where its entry lies. A hint counts only if
 * neither the recipient's store nor the sender's has changed its epoch since. */
static void ask_window(struct relay_core *core, struct relay_copy *copy, struct mailbox_append *append)
{
    uint8_t key[RELAY_WINDOW_KEY];
    uint8_t accts[2 * ST_ACCT_LEN], epochs[2 * ST_EPOCH_LEN];
    int64_t now_ms = relay_mono_ms(core);
    relay_window_key(key, &append->from, copy->msg_id, &append->to);
    struct relay_window_slot *slot = relay_window_find(core->accepting.window, key, now_ms);
    if (slot == NULL) {
        slot = relay_window_put(core->accepting.window, key, now_ms);
        slot->pending = true;
        slot->copy = core->accepting.copy_count;
        return;
    }
    if (slot->pending) {
        copy->repeats = true;
        copy->append = core->accepting.copies[slot->copy].append;
        return;
    }
    memcpy(accts, append->to.acct, ST_ACCT_LEN);
    memcpy(accts + ST_ACCT_LEN, append->from.acct, ST_ACCT_LEN);
    if (mailbox_epochs(&core->deps.mailbox, accts, 2, epochs) != ST_OK ||
        memcmp(epochs, slot->token, ST_EPOCH_LEN) != 0 ||
        memcmp(epochs + ST_EPOCH_LEN, slot->sender_epoch, ST_EPOCH_LEN) != 0)
        return;
    uint8_t *token = relay_arena_take(&core->arena, ST_TOKEN_LEN);
    if (token == NULL)
        return;
    memcpy(token, slot->token, ST_TOKEN_LEN);
    append->token = token;
}

static void gather_copy(struct relay_core *core, const struct relay_item *item, const struct st_msg_message *msg,
                        const struct st_msg_copy *wire)
{
    struct relay_accepting *accepting = &core->accepting;
    struct relay_copy *copy = &accepting->copies[accepting->copy_count];
    struct mailbox_append *append = &accepting->appends[accepting->append_count];
    memset(copy, 0, sizeof *copy);
    memset(append, 0, sizeof *append);
    copy->item = item;
    copy->msg_id = msg->id.p;
    copy->to = mailbox_key(msg->to.p, (uint32_t)wire->dev);
    copy->append = accepting->append_count;
    append->to = copy->to;
    append->from = item->who;
    append->msg_id = msg->id.p;
    append->body = wire->body;
    append->at_ms = relay_wall_ms(core);
    if (ST_HAS(wire, 3))
        append->token = wire->token.p;
    else
        ask_window(core, copy, append);
    accepting->copy_count++;
    if (!copy->repeats)
        accepting->append_count++;
}

void relay_accept_take(struct relay_core *core, const struct relay_item *item)
{
    struct st_msg_message msg;
    struct st_msg_copy copy;
    if (!relay_send_read(core, item, &msg))
        return;
    if (names_twice(msg.copies)) {
        core->stats.refused++;
        relay_send_error(core, item, ST_CODE_MALFORMED, "the message names a device twice");
        return;
    }
    while (st_records_next(&st_schema_copy, &msg.copies, &copy))
        gather_copy(core, item, &msg, &copy);
    if (core->accepting.copy_count >= RELAY_BATCH_MAX)
        relay_accept_finish(core);
}

/* ---- answering ---- */

static const enum st_copy_status status_of[] = {
    [MAILBOX_UNAVAILABLE] = ST_COPY_UNAVAILABLE,
    [MAILBOX_STORED] = ST_COPY_STORED,
    [MAILBOX_THERE] = ST_COPY_STORED,
    [MAILBOX_FULL] = ST_COPY_MAILBOX_FULL,
    [MAILBOX_ABSENT] = ST_COPY_NO_SUCH_DEVICE,
};

static void fill_answer(const struct relay_core *core, const struct relay_copy *copy,
                        struct st_msg_accepted_item *answer)
{
    const struct mailbox_append *append = &core->accepting.appends[copy->append];
    memset(answer, 0, sizeof *answer);
    answer->id = st_view(copy->msg_id, ST_MSG_ID_LEN);
    answer->to = st_view(copy->to.acct, ST_ACCT_LEN);
    answer->dev = copy->to.dev;
    answer->status = status_of[append->fate];
    if (append->fate != MAILBOX_STORED && append->fate != MAILBOX_THERE)
        return;
    answer->epoch = st_view(append->token_r, ST_EPOCH_LEN);
    answer->token = st_view(append->token_r, ST_TOKEN_LEN);
    ST_SET(answer, 4);
    ST_SET(answer, 5);
}

/* One frame for all copies of one sender, or as many as they need. */
static void answer_sender(struct relay_core *core, size_t first)
{
    struct st_msg_accepted_item items[ST_ACCEPTED_MAX];
    const struct relay_copy *copies = core->accepting.copies;
    const struct relay_item *item = copies[first].item;
    struct st_hop hop = relay_send_hop(&item->who, item->sid);
    size_t at = first;
    while (at != NO_INDEX) {
        struct st_msg_accepted msg = { .items = { .items = items } };
        for (; at != NO_INDEX && msg.items.count < ST_ACCEPTED_MAX; at = copies[at].next)
            fill_answer(core, &copies[at], &items[msg.items.count++]);
        /* A sender that does not get it sends its copies again. */
        (void)relay_send(core, &item->from, &hop, ST_ACCEPTED, 0, &msg);
    }
}

static void answer_all(struct relay_core *core)
{
    struct relay_accepting *accepting = &core->accepting;
    relay_groups_clear(accepting->senders);
    for (size_t i = 0; i < accepting->copy_count; i++) {
        struct relay_copy *copy = &accepting->copies[i];
        uint8_t key[SENDER_KEY];
        bool is_new;
        memcpy(key, &copy->item->who, sizeof copy->item->who);
        st_put_u64(key + sizeof copy->item->who, copy->item->sid);
        memcpy(key + sizeof copy->item->who + 8, copy->item->from.name, SERVICE_PEER_MAX + 1);
        struct relay_chain *chain = &accepting->chains[relay_groups_add(accepting->senders, key, &is_new)];
        copy->next = NO_INDEX;
        if (is_new)
            chain->first = i;
        else
            accepting->copies[chain->last].next = i;
        chain->last = i;
    }
    for (size_t i = 0; i < relay_groups_count(accepting->senders); i++)
        answer_sender(core, accepting->chains[i].first);
}

/* ---- delivering ---- */

/* Pushes the new entries of one recipient from memory, as long as nothing else can stand before them. */
static void push_chain(struct relay_core *core, struct relay_session *session, size_t first)
{
    const struct mailbox_append *appends = core->accepting.appends;
    for (size_t i = first; i != NO_INDEX; i = core->accepting.append_next[i]) {
        const struct mailbox_append *append = &appends[i];
        relay_session_see_epoch(core, session, append->token_r);
        if (session->behind || session->inflight.count + 1 != append->length) {
            session->behind = true;
            break;
        }
        struct mailbox_entry entry = { .token = append->token_r,
                                       .from = append->from,
                                       .msg_id = append->msg_id,
                                       .at_ms = append->at_ms,
                                       .body = append->body };
        if (!relay_push_add(core, session, &entry))
            break;
        core->stats.pushed_from_memory++;
    }
    relay_push_end(core);
    if (!session->gone)
        relay_session_want(core, session);
}

static void send_wake(struct relay_core *core, const struct mailbox_append *append)
{
    struct st_hop hop = { .kind = ST_HOP_SERVICE };
    struct st_int_wake msg = { .acct = st_view(append->to.acct, ST_ACCT_LEN), .dev = append->to.dev };
    core->stats.wakes_sent++;
    if (relay_send(core, &append->presence.gateway, &hop, ST_WAKE, 0, &msg) != ST_ENOTFOUND)
        return;
    core->stats.stale_presences++;
    relay_session_clear_presence(core, &append->to, &append->presence);
}

static void deliver(struct relay_core *core, const struct relay_chain *chain)
{
    /* The last presence read is the newest. */
    const struct mailbox_append *last = &core->accepting.appends[chain->last];
    struct relay_session *session = relay_session_get(core, &last->to);
    if (!last->present)
        return; /* nobody is attached: the next attach or alive reads the mailbox */
    bool ours = strcmp(last->presence.relay.name, core->options.name.name) == 0;
    if (session != NULL && relay_session_is(core, session, &last->presence))
        push_chain(core, session, chain->first);
    else if (session != NULL)
        relay_session_close(core, session, false); /* attached elsewhere by now */
    if (!ours)
        send_wake(core, last);
}

static void deliver_all(struct relay_core *core)
{
    struct relay_accepting *accepting = &core->accepting;
    relay_groups_clear(accepting->recipients);
    for (size_t i = 0; i < accepting->append_count; i++) {
        bool is_new;
        if (accepting->appends[i].fate != MAILBOX_STORED)
            continue;
        struct relay_chain *chain =
            &accepting->chains[relay_groups_add(accepting->recipients, &accepting->appends[i].to, &is_new)];
        accepting->append_next[i] = NO_INDEX;
        if (is_new)
            chain->first = i;
        else
            accepting->append_next[chain->last] = i;
        chain->last = i;
    }
    for (size_t i = 0; i < relay_groups_count(accepting->recipients); i++)
        deliver(core, &accepting->chains[i]);
}

/* ---- the batch ---- */

/* The epochs of the senders' own mailboxes, before the append. */
static enum st_err note_sender_epochs(struct relay_core *core)
{
    struct relay_accepting *accepting = &core->accepting;
    for (size_t i = 0; i < accepting->copy_count; i++)
        memcpy(accepting->accts + i * ST_ACCT_LEN, accepting->copies[i].item->who.acct, ST_ACCT_LEN);
    enum st_err err = mailbox_epochs(&core->deps.mailbox, accepting->accts, accepting->copy_count, accepting->epochs);
    for (size_t i = 0; err == ST_OK && i < accepting->copy_count; i++)
        memcpy(accepting->copies[i].sender_epoch, accepting->epochs + i * ST_EPOCH_LEN, ST_EPOCH_LEN);
    return err;
}

/* Tells the window what became of the copies that it did not know. */
static void tell_window(struct relay_core *core)
{
    struct relay_accepting *accepting = &core->accepting;
    int64_t now_ms = relay_mono_ms(core);
    for (size_t i = 0; i < accepting->copy_count; i++) {
        const struct relay_copy *copy = &accepting->copies[i];
        const struct mailbox_append *append = &accepting->appends[copy->append];
        uint8_t key[RELAY_WINDOW_KEY];
        if (copy->repeats)
            continue;
        relay_window_key(key, &append->from, copy->msg_id, &append->to);
        struct relay_window_slot *slot = relay_window_find(accepting->window, key, now_ms);
        bool stored = append->fate == MAILBOX_STORED || append->fate == MAILBOX_THERE;
        if (!stored) {
            if (slot != NULL)
                slot->used = false;
            continue;
        }
        if (slot == NULL)
            slot = relay_window_put(accepting->window, key, now_ms);
        slot->pending = false;
        slot->at_ms = now_ms;
        memcpy(slot->token, append->token_r, ST_TOKEN_LEN);
        memcpy(slot->sender_epoch, copy->sender_epoch, ST_EPOCH_LEN);
    }
}

static void count_fates(struct relay_core *core)
{
    uint64_t *const counters[] = {
        [MAILBOX_UNAVAILABLE] = &core->stats.unavailable,
        [MAILBOX_STORED] = &core->stats.stored,
        [MAILBOX_THERE] = &core->stats.there,
        [MAILBOX_FULL] = &core->stats.full,
        [MAILBOX_ABSENT] = &core->stats.absent,
    };
    for (size_t i = 0; i < core->accepting.append_count; i++)
        (*counters[core->accepting.appends[i].fate])++;
}

void relay_accept_finish(struct relay_core *core)
{
    struct relay_accepting *accepting = &core->accepting;
    if (accepting->copy_count == 0)
        return;
    relay_session_look_epochs(core);
    enum st_err err = note_sender_epochs(core);
    if (err == ST_OK)
        err = mailbox_append(&core->deps.mailbox, &core->options.limits, accepting->appends, accepting->append_count);
    if (err != ST_OK) {
        relay_send_log_store(core, "append", err);
        for (size_t i = 0; i < accepting->append_count; i++)
            accepting->appends[i].fate = MAILBOX_UNAVAILABLE;
    }
    core->stats.batches++;
    count_fates(core);
    tell_window(core);
    answer_all(core);
    deliver_all(core);
    accepting->copy_count = 0;
    accepting->append_count = 0;
}
