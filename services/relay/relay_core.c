#include "services/relay/relay_core.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/st_hex.h"
#include "services/relay/relay_internal.h"

/* The one table of what a relay takes, and from whom. */
static const struct relay_row rows[] = {
    { ST_MESSAGE, ST_HOP_DEVICE, RELAY_MESSAGES, relay_accept_take, relay_accept_finish },
    { ST_ACK, ST_HOP_DEVICE, RELAY_ACKS, relay_ack_take, relay_ack_finish },
    { ST_FETCH, ST_HOP_DEVICE, RELAY_CONTROL, relay_ack_take_fetch, NULL },
    { ST_EPOCHS, ST_HOP_DEVICE, RELAY_CONTROL, relay_ask_take_epochs, NULL },
    { ST_EXPOSE_KEY, ST_HOP_DEVICE, RELAY_CONTROL, relay_exposed_take_put, NULL },
    { ST_GET_EXPOSED, ST_HOP_DEVICE, RELAY_CONTROL, relay_exposed_take_get, NULL },
    { ST_PUT_BLOB, ST_HOP_DEVICE, RELAY_CONTROL, relay_blobs_take_begin, NULL },
    { ST_PUT_CHUNK, ST_HOP_DEVICE, RELAY_CONTROL, relay_blobs_take_chunk, NULL },
    { ST_GET_BLOB, ST_HOP_DEVICE, RELAY_CONTROL, relay_blobs_take_get, NULL },
    { ST_SVC_PING, ST_HOP_SERVICE, RELAY_CONTROL, relay_ask_take_ping, NULL },
    { ST_BOXES_SET, ST_HOP_SERVICE, RELAY_CONTROL, relay_boxes_take, relay_boxes_finish },
    { ST_PURGE, ST_HOP_SERVICE, RELAY_CONTROL, relay_boxes_take_purge, NULL },
    { ST_ATTACH, ST_HOP_DEVICE, RELAY_CONTROL, relay_attach_take, relay_attach_finish },
    { ST_DETACH, ST_HOP_DEVICE, RELAY_CONTROL, relay_attach_take_detach, NULL },
    { ST_ALIVE, ST_HOP_SERVICE, RELAY_CONTROL, relay_alive_take, NULL },
    { ST_WAKE, ST_HOP_SERVICE, RELAY_CONTROL, relay_ack_take_wake, NULL },
    { ST_NOTIFY, ST_HOP_SERVICE, RELAY_CONTROL, relay_ask_take_notify, NULL },
};

static const struct relay_row *row_of(uint8_t type)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].type == type)
            return &rows[i];
    }
    return NULL;
}

/* ---- birth and death ---- */

void relay_options_default(struct relay_options *options_r)
{
    memset(options_r, 0, sizeof *options_r);
    options_r->limits.entries_max = ST_MAILBOX_ENTRIES_MAX;
    options_r->limits.bytes_max = ST_MAILBOX_BYTES_MAX;
    options_r->blob_bytes_max = UINT64_C(1024) * 1024 * 1024;
    options_r->retention_ms = (int64_t)ST_RETENTION_DAYS * 24 * 3600 * 1000;
    options_r->sessions_max = 65536;
    options_r->get_exposed_per_hour = 60;
    options_r->window_copies = 16384;
}

static void make_name(struct relay_core *core)
{
    uint8_t bytes[8];
    char hex[2 * sizeof bytes + 1];
    st_env_random(&core->deps.env, bytes, sizeof bytes);
    st_hex_encode(hex, bytes, sizeof bytes);
    snprintf(core->options.name.name, sizeof core->options.name.name, "relay-%s", hex);
}

static enum st_err init_sessions(struct relay_core *core)
{
    uint8_t seed[ST_MAP_SEED_BYTES];
    st_env_random(&core->deps.env, seed, sizeof seed);
    st_heap_init(&core->timers, core->options.sessions_max);
    return st_map_new(&core->sessions, sizeof(struct mailbox_key), core->options.sessions_max, seed);
}

static enum st_err init(struct relay_core *core)
{
    uint8_t boot[8];
    relay_arena_init(&core->arena);
    st_buf_init(&core->frame, ST_FRAME_MAX);
    st_buf_init(&core->pusher.items, ST_PUSH_FRAME_MAX - RELAY_PUSH_OVERHEAD);
    st_buf_init(&core->chunk, ST_BLOB_CHUNK_MAX);
    st_env_random(&core->deps.env, boot, sizeof boot);
    core->boot = st_get_u64(boot) & (ST_UINT_MAX - 1);
    if (core->options.name.name[0] == '\0')
        make_name(core);
    core->items = calloc(RELAY_BATCH_MAX, sizeof *core->items);
    if (core->items == NULL)
        return ST_ENOMEM;
    enum st_err err = init_sessions(core);
    if (err == ST_OK)
        err = relay_accept_init(core);
    if (err == ST_OK)
        err = relay_gather_init(core);
    if (err == ST_OK)
        err = relay_exposed_init(core);
    relay_sweep_init(core);
    /* A store that cannot be asked yet is asked again within a second; then its answer counts as a change. */
    if (mailbox_changes(&core->deps.mailbox, &core->epoch_changes) != ST_OK)
        core->epoch_changes = 0;
    return err;
}

enum st_err relay_core_new(struct relay_core **core_r, const struct relay_options *options,
                           const struct relay_deps *deps)
{
    *core_r = NULL;
    if (options->sessions_max == 0 || options->window_copies == 0 || options->window_copies > RELAY_WINDOW_MAX ||
        options->retention_ms <= 0 || options->get_exposed_per_hour > UINT32_MAX ||
        memchr(options->name.name, '\0', sizeof options->name.name) == NULL)
        return ST_ELIMIT;
    struct relay_core *core = calloc(1, sizeof *core);
    if (core == NULL)
        return ST_ENOMEM;
    core->options = *options;
    core->deps = *deps;
    enum st_err err = init(core);
    if (err != ST_OK) {
        relay_core_free(&core);
        return err;
    }
    *core_r = core;
    return ST_OK;
}

void relay_core_free(struct relay_core **core)
{
    if (*core == NULL)
        return;
    relay_session_free_all(*core);
    relay_accept_deinit(*core);
    relay_gather_deinit(*core);
    relay_exposed_deinit(*core);
    relay_arena_deinit(&(*core)->arena);
    st_buf_free(&(*core)->frame);
    st_buf_free(&(*core)->pusher.items);
    st_buf_free(&(*core)->chunk);
    free((*core)->items);
    free(*core);
    *core = NULL;
}

/* ---- taking frames ---- */

static const char *sentence_of(enum st_code code)
{
    switch (code) {
    case ST_CODE_UNKNOWN_TYPE:
        return "no such message type";
    case ST_CODE_WRONG_VERSION:
        return "this protocol version is not spoken here";
    case ST_CODE_NOT_ALLOWED:
        return "this message is not allowed here";
    case ST_CODE_TOO_LARGE:
        return "the frame is too large";
    default:
        return "the frame breaks the protocol";
    }
}

/* Reads the header and finds the row; 0, or why the frame is refused. */
static enum st_code open_frame(struct relay_item *item, struct st_view frame)
{
    enum st_err err = st_frame_open(frame, ST_FRAME_MAX, &item->frame);
    if (err == ST_EREFUSED)
        return ST_CODE_WRONG_VERSION;
    if (err == ST_ELIMIT)
        return ST_CODE_TOO_LARGE;
    if (err != ST_OK)
        return ST_CODE_MALFORMED;
    const struct relay_row *row = row_of(item->frame.type);
    if (row == NULL)
        return st_message_type(item->frame.type) == NULL ? ST_CODE_UNKNOWN_TYPE : ST_CODE_NOT_ALLOWED;
    if (row->kind != item->kind)
        return ST_CODE_NOT_ALLOWED;
    item->row = row;
    return 0;
}

/* Reads the hop; false if it is not one that a gateway of ours would write. */
static bool open_hop(struct relay_item *item, struct st_view bytes)
{
    struct st_hop hop;
    if (st_hop_read(bytes, &hop) != ST_OK || hop.kind == ST_HOP_ENROL || hop.sid > ST_UINT_MAX)
        return false;
    item->kind = hop.kind;
    item->who = mailbox_key(hop.acct, hop.dev);
    item->sid = hop.sid;
    return hop.kind != ST_HOP_DEVICE || hop.dev != 0;
}

void relay_core_input(struct relay_core *core, const struct service_peer *from, struct st_view hop,
                      struct st_view frame)
{
    if (relay_core_wants_flush(core))
        relay_core_flush(core);
    struct relay_item *item = &core->items[core->item_count];
    memset(item, 0, sizeof *item);
    core->stats.frames++;
    if (memchr(from->name, '\0', sizeof from->name) == NULL || !open_hop(item, hop)) {
        core->stats.refused++;
        st_log_event(core->deps.log, ST_LOG_WARN, "hop_refused");
        return;
    }
    item->from = *from;
    item->refusal = open_frame(item, frame);
    if (item->row != NULL) {
        /* The body is borrowed for this call; the batch needs it until the flush. */
        uint8_t *copy = relay_arena_take(&core->arena, item->frame.body.len);
        if (copy == NULL) {
            relay_send_unavailable(core, item);
            return;
        }
        if (item->frame.body.len > 0)
            memcpy(copy, item->frame.body.p, item->frame.body.len);
        item->frame.body.p = copy;
    }
    core->item_count++;
}

bool relay_core_wants_flush(const struct relay_core *core)
{
    return core->item_count >= RELAY_BATCH_MAX || core->arena.used >= RELAY_BATCH_BYTES;
}

/* ---- carrying out ---- */

static void refuse_all(struct relay_core *core)
{
    for (size_t i = 0; i < core->item_count; i++) {
        const struct relay_item *item = &core->items[i];
        if (item->row != NULL)
            continue;
        core->stats.refused++;
        relay_send_error(core, item, item->refusal, sentence_of(item->refusal));
    }
}

static void run_phase(struct relay_core *core, enum relay_phase phase)
{
    const struct relay_row *last = NULL;
    for (size_t i = 0; i < core->item_count; i++) {
        const struct relay_item *item = &core->items[i];
        if (item->row == NULL || item->row->phase != phase)
            continue;
        if (last != NULL && last != item->row && last->finish != NULL)
            last->finish(core);
        item->row->take(core, item);
        last = item->row;
    }
    if (last != NULL && last->finish != NULL)
        last->finish(core);
}

void relay_core_flush(struct relay_core *core)
{
    refuse_all(core);
    for (int phase = 0; phase < RELAY_PHASES; phase++)
        run_phase(core, (enum relay_phase)phase);
    core->item_count = 0;
    relay_push_reads(core);
    relay_session_reap(core);
    relay_arena_clear(&core->arena);
}

void relay_core_tick(struct relay_core *core)
{
    if (relay_mono_ms(core) >= core->epoch_look_ms)
        relay_session_look_epochs(core);
    relay_session_tick(core);
    relay_push_reads(core);
    relay_sweep_tick(core);
    relay_session_reap(core);
}

int64_t relay_core_next_ms(const struct relay_core *core)
{
    if (core->queue.count > 0 || core->sweeping.phase != RELAY_SWEEP_IDLE)
        return relay_mono_ms(core);
    int64_t next_ms = core->epoch_look_ms < core->sweeping.next_ms ? core->epoch_look_ms : core->sweeping.next_ms;
    const struct st_heap_node *first = st_heap_first(&core->timers);
    return first != NULL && first->at_ms < next_ms ? first->at_ms : next_ms;
}

void relay_core_drain(struct relay_core *core)
{
    core->draining = true;
}

void relay_core_stats(const struct relay_core *core, struct relay_stats *stats_r)
{
    size_t cursor = 0;
    void *value;
    *stats_r = core->stats;
    stats_r->sessions = st_map_count(core->sessions);
    stats_r->waiting_reads = core->queue.count;
    stats_r->in_flight = 0;
    while (st_map_next(core->sessions, &cursor, NULL, &value)) {
        const struct relay_session *session = value;
        stats_r->in_flight += session->inflight.count;
    }
}
