#include "services/relay/mailbox_mem.h"

#include <stdlib.h>

#include "services/relay/mailbox_mem_data.h"
#include "services/relay/mailbox_mem_extra.h"
#include "services/relay/presence_table.h"

enum { PRESENCES_MAX = 1 << 20 };

/* ---- the hooks ---- */

/* Before a call: counts it, and says whether it fails before anything happens. */
static enum st_err enter(struct mailbox_mem *mem)
{
    mem->calls++;
    if (mem->fail_in == 0)
        return ST_OK;
    if (mem->fail_in > 1) {
        mem->fail_in--;
        return ST_OK;
    }
    if (mem->fail_after) {
        mem->fail_now = true;
        return ST_OK;
    }
    if (mem->fail_more > 0)
        mem->fail_more--;
    else
        mem->fail_in = 0;
    return mem->fail_err;
}

/* After a call that went well: whether its answer is lost. */
static enum st_err leave(struct mailbox_mem *mem)
{
    if (!mem->fail_now)
        return ST_OK;
    mem->fail_now = false;
    mem->fail_after = false;
    if (mem->fail_more > 0)
        mem->fail_more--;
    else
        mem->fail_in = 0;
    return mem->fail_err;
}

void mailbox_mem_fail(struct mailbox_mem *mem, uint64_t n, enum st_err err, bool after, uint64_t more)
{
    mem->fail_in = n;
    mem->fail_err = err;
    mem->fail_after = after;
    mem->fail_more = more;
    mem->fail_now = false;
}

uint64_t mailbox_mem_calls(const struct mailbox_mem *mem)
{
    return mem->calls;
}

void mailbox_mem_new_epoch(struct mailbox_mem *mem)
{
    uint8_t epoch[ST_EPOCH_LEN];
    st_env_random(&mem->env, epoch, sizeof epoch);
    for (size_t part = 0; part < MAILBOX_MEM_PARTS; part++)
        memcpy(mem->epochs[part], epoch, sizeof epoch);
    mem->changes++;
}

void mailbox_mem_new_epoch_of(struct mailbox_mem *mem, const uint8_t acct[static ST_ACCT_LEN])
{
    st_env_random(&mem->env, mem->epochs[acct[0] % MAILBOX_MEM_PARTS], ST_EPOCH_LEN);
    mem->changes++;
}

size_t mailbox_mem_lose(struct mailbox_mem *mem, size_t count)
{
    size_t undone = 0;
    while (undone < count && mem_data_undo(&mem->data))
        undone++;
    mailbox_mem_new_epoch(mem);
    return undone;
}

void mailbox_mem_between(struct mailbox_mem *mem, void (*hook)(void *hook_ctx, const struct mailbox_key *to),
                         void *hook_ctx)
{
    mem->between = hook;
    mem->between_ctx = hook_ctx;
}

void mailbox_mem_drop_presences(struct mailbox_mem *mem)
{
    presence_table_clear(mem->presences);
}

void mailbox_mem_skew(struct mailbox_mem *mem, int64_t skew_ms)
{
    mem->skew_ms = skew_ms;
}

/* ---- epochs ---- */

static enum st_err mem_epochs(void *ctx, const uint8_t *accts, size_t count, uint8_t *epochs_r)
{
    struct mailbox_mem *mem = ctx;
    for (size_t i = 0; i < count; i++)
        memcpy(epochs_r + i * ST_EPOCH_LEN, mem_epoch(mem, accts + i * ST_ACCT_LEN), ST_EPOCH_LEN);
    return ST_OK;
}

static enum st_err mem_changes(void *ctx, uint64_t *changes_r)
{
    const struct mailbox_mem *mem = ctx;
    *changes_r = mem->changes;
    return ST_OK;
}

/* ---- append, read, remove ---- */

static void put_token(uint8_t token_r[static ST_TOKEN_LEN], const uint8_t epoch[static ST_EPOCH_LEN], uint64_t id)
{
    memcpy(token_r, epoch, ST_EPOCH_LEN);
    memset(token_r + ST_EPOCH_LEN, 0, 8);
    st_put_u64(token_r + ST_EPOCH_LEN + 8, id);
}

/* The number in an entry id; 0 for one that is not ours. */
static uint64_t id_number(const uint8_t *entry_id)
{
    return st_get_u64(entry_id) == 0 ? st_get_u64(entry_id + 8) : 0;
}

static bool is_there(const struct mem_box *box, const struct mailbox_append *item, const uint8_t *epoch)
{
    if (item->token == NULL || memcmp(item->token, epoch, ST_EPOCH_LEN) != 0)
        return false;
    const struct mem_entry *entry = mem_box_entry(box, id_number(item->token + ST_EPOCH_LEN));
    return entry != NULL && memcmp(entry->msg_id, item->msg_id, ST_MSG_ID_LEN) == 0 &&
           mailbox_key_equal(&entry->from, &item->from);
}

static void append_one(struct mailbox_mem *mem, const struct mailbox_limits *limits, struct mailbox_append *item)
{
    uint64_t id = 0;
    uint8_t epoch[ST_EPOCH_LEN]; /* as it was before, whatever the hook does */
    memcpy(epoch, mem_epoch(mem, item->to.acct), ST_EPOCH_LEN);
    struct mem_box *box = mem_data_box(&mem->data, &item->to);
    item->fate = MAILBOX_ABSENT;
    if (box == NULL)
        return;
    if (is_there(box, item, epoch)) {
        item->fate = MAILBOX_THERE;
        memcpy(item->token_r, item->token, ST_TOKEN_LEN);
        return;
    }
    item->fate = MAILBOX_FULL;
    if (box->count >= limits->entries_max || box->bytes >= limits->bytes_max)
        return;
    item->fate = MAILBOX_UNAVAILABLE;
    if (mem_data_append(&mem->data, box, item, &id) != ST_OK)
        return;
    item->fate = MAILBOX_STORED;
    put_token(item->token_r, epoch, id);
    item->length = box->count;
    if (mem->between != NULL)
        mem->between(mem->between_ctx, &item->to);
    const struct mailbox_presence *presence = presence_table_get(mem->presences, &item->to);
    if (presence != NULL) {
        item->present = true;
        item->presence = *presence;
    }
}

static enum st_err mem_append(void *ctx, const struct mailbox_limits *limits, struct mailbox_append *items,
                              size_t count)
{
    struct mailbox_mem *mem = ctx;
    enum st_err err = enter(mem);
    if (err != ST_OK)
        return err;
    for (size_t i = 0; i < count; i++) {
        items[i].fate = MAILBOX_UNAVAILABLE;
        items[i].length = 0;
        items[i].present = false;
        append_one(mem, limits, &items[i]);
    }
    return leave(mem);
}

static void read_one(struct mailbox_mem *mem, struct mailbox_read *item, size_t index, mailbox_sink_fn sink,
                     void *sink_ctx)
{
    memcpy(item->epoch, mem_epoch(mem, item->key.acct), ST_EPOCH_LEN);
    const struct mem_box *box = mem_data_box(&mem->data, &item->key);
    item->exists = box != NULL;
    item->more = false;
    if (box == NULL)
        return;
    size_t handed = 0;
    for (size_t i = mem_box_after(box, id_number(item->after)); i < box->count; i++) {
        const struct mem_entry *from = box->slots[box->start + i];
        uint8_t token[ST_TOKEN_LEN];
        put_token(token, item->epoch, from->id);
        struct mailbox_entry entry = {
            .token = token,
            .from = from->from,
            .msg_id = from->msg_id,
            .at_ms = from->at_ms,
            .body = st_view(from->body, from->body_len),
        };
        if (handed++ == item->entry_max || !sink(sink_ctx, index, &entry)) {
            item->more = true;
            return;
        }
    }
}

static enum st_err mem_read(void *ctx, struct mailbox_read *items, size_t count, mailbox_sink_fn sink, void *sink_ctx)
{
    struct mailbox_mem *mem = ctx;
    enum st_err err = enter(mem);
    if (err != ST_OK)
        return err;
    for (size_t i = 0; i < count; i++)
        read_one(mem, &items[i], i, sink, sink_ctx);
    return leave(mem);
}

static enum st_err mem_remove(void *ctx, struct mailbox_remove *items, size_t count)
{
    struct mailbox_mem *mem = ctx;
    enum st_err err = enter(mem);
    if (err != ST_OK)
        return err;
    for (size_t i = 0; i < count; i++) {
        struct mailbox_remove *item = &items[i];
        struct mem_box *box = mem_data_box(&mem->data, &item->key);
        memcpy(item->epoch, mem_epoch(mem, item->key.acct), ST_EPOCH_LEN);
        item->removed = 0;
        for (size_t k = 0; box != NULL && k < item->token_count; k++) {
            const uint8_t *token = item->tokens + k * ST_TOKEN_LEN;
            uint64_t id = id_number(token + ST_EPOCH_LEN);
            if (memcmp(token, item->epoch, ST_EPOCH_LEN) != 0 || mem_box_entry(box, id) == NULL)
                continue;
            mem_data_remove(&mem->data, box, mem_box_after(box, id) - 1);
            item->removed++;
        }
    }
    return leave(mem);
}

/* ---- mailboxes and presence: mailbox_mem_boxes.c ---- */

static enum st_err mem_look(void *ctx, struct mailbox_look *items, size_t count)
{
    enum st_err err = enter(ctx);
    if (err == ST_OK)
        err = mem_boxes_look(ctx, items, count);
    return err != ST_OK ? err : leave(ctx);
}

static enum st_err mem_boxes_set(void *ctx, struct mailbox_boxes *items, size_t count)
{
    enum st_err err = enter(ctx);
    if (err == ST_OK)
        err = mem_boxes_boxes_set(ctx, items, count);
    return err != ST_OK ? err : leave(ctx);
}

static enum st_err mem_purge(void *ctx, struct mailbox_purge *items, size_t count)
{
    enum st_err err = enter(ctx);
    if (err == ST_OK)
        err = mem_boxes_purge(ctx, items, count);
    return err != ST_OK ? err : leave(ctx);
}

static enum st_err mem_presence_set(void *ctx, struct mailbox_presence_set *items, size_t count)
{
    enum st_err err = enter(ctx);
    if (err == ST_OK)
        err = mem_boxes_presence_set(ctx, items, count);
    return err != ST_OK ? err : leave(ctx);
}

static enum st_err mem_presence_get(void *ctx, struct mailbox_presence_get *items, size_t count)
{
    enum st_err err = enter(ctx);
    if (err == ST_OK)
        err = mem_boxes_presence_get(ctx, items, count);
    return err != ST_OK ? err : leave(ctx);
}

static enum st_err mem_presence_keep(void *ctx, struct mailbox_presence_keep *items, size_t count)
{
    enum st_err err = enter(ctx);
    if (err == ST_OK)
        err = mem_boxes_presence_keep(ctx, items, count);
    return err != ST_OK ? err : leave(ctx);
}

static enum st_err mem_presence_clear(void *ctx, struct mailbox_presence_clear *items, size_t count)
{
    enum st_err err = enter(ctx);
    if (err == ST_OK)
        err = mem_boxes_presence_clear(ctx, items, count);
    return err != ST_OK ? err : leave(ctx);
}

static enum st_err mem_generation(void *ctx, struct mailbox_generation *items, size_t count)
{
    enum st_err err = enter(ctx);
    if (err == ST_OK)
        err = mem_boxes_generation(ctx, items, count);
    return err != ST_OK ? err : leave(ctx);
}

/* ---- the rest: mailbox_mem_extra.c ---- */

static enum st_err mem_exposed_put(void *ctx, struct mailbox_exposed_put *items, size_t count)
{
    enum st_err err = enter(ctx);
    if (err == ST_OK)
        err = mem_extra_exposed_put(ctx, items, count);
    return err != ST_OK ? err : leave(ctx);
}

static enum st_err mem_exposed_get(void *ctx, struct mailbox_exposed_get *items, size_t count)
{
    enum st_err err = enter(ctx);
    if (err != ST_OK)
        return err;
    mem_extra_exposed_get(ctx, items, count);
    return leave(ctx);
}

static enum st_err mem_blob_add(void *ctx, struct mailbox_blob_add *items, size_t count)
{
    enum st_err err = enter(ctx);
    if (err == ST_OK)
        err = mem_extra_blob_add(ctx, items, count);
    return err != ST_OK ? err : leave(ctx);
}

static enum st_err mem_blob_get(void *ctx, struct mailbox_blob_get *items, size_t count)
{
    enum st_err err = enter(ctx);
    if (err != ST_OK)
        return err;
    mem_extra_blob_get(ctx, items, count);
    return leave(ctx);
}

static enum st_err mem_blob_list(void *ctx, struct mailbox_blob_list *item)
{
    enum st_err err = enter(ctx);
    if (err != ST_OK)
        return err;
    mem_extra_blob_list(ctx, item);
    return leave(ctx);
}

static enum st_err mem_blob_drop(void *ctx, struct mailbox_blob_drop *items, size_t count)
{
    enum st_err err = enter(ctx);
    if (err != ST_OK)
        return err;
    mem_extra_blob_drop(ctx, items, count);
    return leave(ctx);
}

static enum st_err mem_sweep(void *ctx, struct mailbox_sweep *step)
{
    enum st_err err = enter(ctx);
    if (err != ST_OK)
        return err;
    mem_extra_sweep(ctx, step);
    return leave(ctx);
}

static enum st_err mem_time_ms(void *ctx, int64_t *wall_ms_r)
{
    struct mailbox_mem *mem = ctx;
    *wall_ms_r = st_env_wall_ms(&mem->env) + mem->skew_ms;
    return ST_OK;
}

static void mem_close(void *ctx)
{
    struct mailbox_mem *mem = ctx;
    mem->open_count--;
}

static const struct mailbox_ops mem_ops = {
    .name = "mem",
    .epochs = mem_epochs,
    .changes = mem_changes,
    .append = mem_append,
    .read = mem_read,
    .remove = mem_remove,
    .look = mem_look,
    .boxes_set = mem_boxes_set,
    .purge = mem_purge,
    .presence_set = mem_presence_set,
    .presence_get = mem_presence_get,
    .presence_keep = mem_presence_keep,
    .presence_clear = mem_presence_clear,
    .generation = mem_generation,
    .exposed_put = mem_exposed_put,
    .exposed_get = mem_exposed_get,
    .blob_add = mem_blob_add,
    .blob_get = mem_blob_get,
    .blob_list = mem_blob_list,
    .blob_drop = mem_blob_drop,
    .sweep = mem_sweep,
    .time_ms = mem_time_ms,
    .close = mem_close,
};

/* ---- birth and death ---- */

enum st_err mailbox_mem_new(struct mailbox_mem **mem_r, const struct st_env *env)
{
    *mem_r = NULL;
    struct mailbox_mem *mem = calloc(1, sizeof *mem);
    if (mem == NULL)
        return ST_ENOMEM;
    mem->env = *env;
    mailbox_mem_new_epoch(mem);
    enum st_err err = mem_data_init(&mem->data, env);
    if (err == ST_OK)
        err = presence_table_new(&mem->presences, PRESENCES_MAX, env);
    if (err != ST_OK) {
        mailbox_mem_free(&mem);
        return err;
    }
    *mem_r = mem;
    return ST_OK;
}

void mailbox_mem_free(struct mailbox_mem **mem)
{
    if (*mem == NULL)
        return;
    presence_table_free(&(*mem)->presences);
    mem_data_deinit(&(*mem)->data);
    free(*mem);
    *mem = NULL;
}

void mailbox_mem_open(struct mailbox_mem *mem, struct mailbox *box_r)
{
    box_r->ops = &mem_ops;
    box_r->ctx = mem;
    mem->open_count++;
}
