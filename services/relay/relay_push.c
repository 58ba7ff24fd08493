#include "services/relay/relay_internal.h"

/* ---- the frame that is being filled ---- */

/* What was in the frame did not leave: it is not in flight, and will be read again. */
static void take_back(struct relay_core *core)
{
    struct relay_session *session = core->pusher.session;
    relay_inflight_drop_last(&session->inflight, core->pusher.count);
    memcpy(session->cursor, core->pusher.cursor_before, MAILBOX_ENTRY_LEN);
    session->behind = true;
}

static void begin_frame(struct relay_core *core, struct relay_session *session)
{
    core->pusher.session = session;
    core->pusher.count = 0;
    st_buf_clear(&core->pusher.items);
    memcpy(core->pusher.cursor_before, session->cursor, MAILBOX_ENTRY_LEN);
}

bool relay_push_end(struct relay_core *core)
{
    struct relay_session *session = core->pusher.session;
    if (session == NULL || core->pusher.count == 0) {
        core->pusher.session = NULL;
        return true;
    }
    struct st_msg_push msg = { .items = { .count = core->pusher.count, .raw = st_buf_view(&core->pusher.items) } };
    struct st_hop hop = relay_send_hop(&session->key, session->sid);
    enum st_err err = relay_send(core, &session->gateway, &hop, ST_PUSH, 0, &msg);
    if (err == ST_OK) {
        core->stats.pushed += core->pusher.count;
        relay_session_arm(core, session, relay_inflight_oldest_ms(&session->inflight) + ST_PUSH_AGAIN_MS);
    } else {
        take_back(core);
        if (err == ST_ENOTFOUND)
            relay_session_close(core, session, true);
        else
            relay_session_block(core, session);
    }
    core->pusher.session = NULL;
    return err == ST_OK;
}

/* Appends the entry to the frame. ST_ELIMIT: it does not fit; ST_EMALFORMED: it is nothing that may be sent. */
static enum st_err encode(struct relay_core *core, const struct mailbox_entry *entry)
{
    struct st_msg_push_item item = { .token = st_view(entry->token, ST_TOKEN_LEN),
                                     .from = st_view(entry->from.acct, ST_ACCT_LEN),
                                     .from_dev = entry->from.dev,
                                     .id = st_view(entry->msg_id, ST_MSG_ID_LEN),
                                     .at_ms = entry->at_ms < 0 ? 0 : (uint64_t)entry->at_ms,
                                     .body = entry->body };
    struct st_buf *items = &core->pusher.items;
    size_t before = items->len;
    enum st_err err = core->pusher.count == ST_PUSH_ITEMS_MAX ? ST_ELIMIT : ST_OK;
    if (err == ST_OK)
        err = st_schema_write(&st_schema_push_item, &item, items);
    if (err != ST_OK) {
        items->len = before;
        items->err = ST_OK;
    }
    return err;
}

/* Encodes the entry into this frame, or into a new one if this one is full. */
static enum st_err encode_somewhere(struct relay_core *core, struct relay_session *session,
                                    const struct mailbox_entry *entry)
{
    enum st_err err = encode(core, entry);
    if (err != ST_ELIMIT || core->pusher.count == 0)
        return err;
    if (!relay_push_end(core))
        return ST_EUNAVAILABLE;
    begin_frame(core, session);
    return encode(core, entry);
}

bool relay_push_add(struct relay_core *core, struct relay_session *session, const struct mailbox_entry *entry)
{
    const uint8_t *id = entry->token + ST_EPOCH_LEN;
    if (session->gone || session->blocked_until_ms > relay_mono_ms(core) ||
        !relay_inflight_has_credit(&session->inflight, entry->body.len)) {
        session->behind = true;
        return false;
    }
    if (core->pusher.session == NULL)
        begin_frame(core, session);
    enum st_err err = encode_somewhere(core, session, entry);
    if (err == ST_EMALFORMED) {
        /* A damaged entry must not bar the way for those behind it. It stays where it is until it expires. */
        st_log_event(core->deps.log, ST_LOG_ERROR, "entry_damaged");
        memcpy(session->cursor, id, MAILBOX_ENTRY_LEN);
        return true;
    }
    if (err == ST_OK)
        err = relay_inflight_add(&session->inflight, id, entry->body.len, relay_mono_ms(core));
    if (err != ST_OK && core->pusher.session != NULL) {
        /* The frame may hold one entry more than is in flight: it must not leave. */
        take_back(core);
        core->pusher.session = NULL;
        relay_session_block(core, session);
    }
    if (err != ST_OK)
        return false;
    core->pusher.count++;
    memcpy(session->cursor, id, MAILBOX_ENTRY_LEN);
    return true;
}

/* ---- reading ---- */

/* What the sink of one read works with. */
struct reading {
    struct relay_core *core;
    struct relay_session *sessions[RELAY_READ_BATCH];
    struct mailbox_read reads[RELAY_READ_BATCH];
    bool starved[RELAY_READ_BATCH]; /* the read was ended for want of credit, or because the gateway took no more */
    size_t count;
};

static bool take_entry(void *sink_ctx, size_t index, const struct mailbox_entry *entry)
{
    struct reading *reading = sink_ctx;
    struct relay_core *core = reading->core;
    struct relay_session *session = reading->sessions[index];
    if (core->pusher.session != NULL && core->pusher.session != session)
        relay_push_end(core);
    /* Ids of another epoch say nothing about cursor and in-flight set. */
    if (session->gone || memcmp(session->epoch, reading->reads[index].epoch, ST_EPOCH_LEN) != 0)
        return false;
    if (relay_inflight_has(&session->inflight, entry->token + ST_EPOCH_LEN)) {
        memcpy(session->cursor, entry->token + ST_EPOCH_LEN, MAILBOX_ENTRY_LEN);
        return true;
    }
    if (relay_push_add(core, session, entry))
        return true;
    reading->starved[index] = true;
    return false;
}

/* What a read has told about its session. */
static void settle(struct reading *reading, size_t index)
{
    struct relay_core *core = reading->core;
    struct relay_session *session = reading->sessions[index];
    const struct mailbox_read *read = &reading->reads[index];
    if (session->gone)
        return;
    if (!read->exists) {
        relay_send_drop(core, &session->gateway, session->sid, session->attach, ST_BYE_REVOKED);
        relay_session_close(core, session, false);
        return;
    }
    if (memcmp(session->epoch, read->epoch, ST_EPOCH_LEN) != 0) {
        relay_session_see_epoch(core, session, read->epoch);
        return;
    }
    if (read->more)
        session->behind = true;
    if (!reading->starved[index])
        relay_session_want(core, session);
}

static void run(struct reading *reading)
{
    struct relay_core *core = reading->core;
    for (size_t i = 0; i < reading->count; i++) {
        struct mailbox_read *read = &reading->reads[i];
        memset(read, 0, sizeof *read);
        read->key = reading->sessions[i]->key;
        memcpy(read->after, reading->sessions[i]->cursor, MAILBOX_ENTRY_LEN);
        read->entry_max = RELAY_READ_ENTRIES;
        reading->starved[i] = false;
        reading->sessions[i]->behind = false; /* unless the read finds otherwise */
    }
    enum st_err err = mailbox_read(&core->deps.mailbox, reading->reads, reading->count, take_entry, reading);
    relay_push_end(core);
    if (err != ST_OK)
        relay_send_log_store(core, "read", err);
    for (size_t i = 0; i < reading->count; i++) {
        if (err == ST_OK)
            settle(reading, i);
        else if (!reading->sessions[i]->gone)
            relay_session_block(core, reading->sessions[i]);
    }
}

void relay_push_reads(struct relay_core *core)
{
    struct reading reading = { .core = core };
    struct relay_session *session;
    for (size_t done = 0; done < RELAY_READS_PER_RUN; done += reading.count) {
        reading.count = 0;
        while (reading.count < RELAY_READ_BATCH && (session = relay_session_dequeue(core)) != NULL)
            reading.sessions[reading.count++] = session;
        if (reading.count == 0)
            return;
        run(&reading);
    }
}
