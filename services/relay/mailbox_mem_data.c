#include "services/relay/mailbox_mem_data.h"

#include <stdlib.h>

#include "services/relay/mailbox_mem.h"

enum { BOXES_MAX = 1 << 20, ACCOUNTS_MAX = 1 << 20, FIRST_CHANGES = 64 };

enum st_err mem_data_init(struct mem_data *data, const struct st_env *env)
{
    memset(data, 0, sizeof *data);
    data->next_id = 1;
    data->change_cap = FIRST_CHANGES;
    data->changes = calloc(FIRST_CHANGES, sizeof *data->changes);
    if (data->changes == NULL)
        return ST_ENOMEM;
    uint8_t seed[ST_MAP_SEED_BYTES];
    st_env_random(env, seed, sizeof seed);
    enum st_err err = st_map_new(&data->boxes, sizeof(struct mailbox_key), BOXES_MAX, seed);
    if (err == ST_OK)
        err = st_map_new(&data->accounts, ST_ACCT_LEN, ACCOUNTS_MAX, seed);
    if (err != ST_OK)
        mem_data_deinit(data);
    return err;
}

static void free_box(struct mem_box *box)
{
    if (box == NULL)
        return;
    for (size_t i = 0; i < box->count; i++)
        free(box->slots[box->start + i]);
    free(box->slots);
    free(box->exposed);
    free(box);
}

static void forget_change(struct mem_change *change)
{
    free(change->entry);
    free_box(change->box);
    memset(change, 0, sizeof *change);
}

void mem_data_deinit(struct mem_data *data)
{
    for (size_t i = 0; data->changes != NULL && i < data->change_cap; i++)
        forget_change(&data->changes[i]);
    free(data->changes);
    size_t cursor = 0;
    void *value;
    while (data->boxes != NULL && st_map_next(data->boxes, &cursor, NULL, &value))
        free_box(value);
    cursor = 0;
    while (data->accounts != NULL && st_map_next(data->accounts, &cursor, NULL, &value)) {
        struct mem_account *account = value;
        free(account->blobs);
        free(account);
    }
    st_map_free(&data->boxes);
    st_map_free(&data->accounts);
    memset(data, 0, sizeof *data);
}

/* Makes the ring longer while it may still grow; it has not wrapped then. Without memory it stays as it is. */
static void lengthen_ring(struct mem_data *data)
{
    size_t cap = data->change_cap * 2;
    if (data->change_cap == MAILBOX_MEM_UNDO_MAX || data->change_first != 0)
        return;
    struct mem_change *changes = realloc(data->changes, cap * sizeof *changes);
    if (changes == NULL)
        return;
    memset(changes + data->change_cap, 0, data->change_cap * sizeof *changes);
    data->changes = changes;
    data->change_cap = cap;
}

/* A place for the next change; the oldest one is forgotten when the ring is full. */
static struct mem_change *note(struct mem_data *data, enum mem_change_kind kind, const struct mailbox_key *key)
{
    if (data->change_count == data->change_cap)
        lengthen_ring(data);
    if (data->change_count == data->change_cap) {
        forget_change(&data->changes[data->change_first]);
        data->change_first = (data->change_first + 1) % data->change_cap;
        data->change_count--;
    }
    struct mem_change *change = &data->changes[(data->change_first + data->change_count) % data->change_cap];
    data->change_count++;
    change->kind = kind;
    change->key = *key;
    return change;
}

struct mem_box *mem_data_box(const struct mem_data *data, const struct mailbox_key *key)
{
    return st_map_get(data->boxes, key);
}

struct mem_account *mem_data_account(struct mem_data *data, const uint8_t *acct)
{
    struct mem_account *account = st_map_get(data->accounts, acct);
    if (account != NULL)
        return account;
    account = calloc(1, sizeof *account);
    if (account == NULL)
        return NULL;
    memcpy(account->acct, acct, ST_ACCT_LEN);
    if (st_map_put(data->accounts, acct, account) != ST_OK) {
        free(account);
        return NULL;
    }
    return account;
}

size_t mem_box_after(const struct mem_box *box, uint64_t id)
{
    size_t low = 0, high = box->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (box->slots[box->start + mid]->id <= id)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

struct mem_entry *mem_box_entry(const struct mem_box *box, uint64_t id)
{
    size_t after = mem_box_after(box, id);
    if (after == 0 || box->slots[box->start + after - 1]->id != id)
        return NULL;
    return box->slots[box->start + after - 1];
}

/* Makes sure that one more slot fits behind the last entry. */
static enum st_err make_room(struct mem_box *box)
{
    if (box->start + box->count < box->cap)
        return ST_OK;
    if (box->start > box->count) {
        memmove(box->slots, box->slots + box->start, box->count * sizeof *box->slots);
        box->start = 0;
        return ST_OK;
    }
    size_t cap = box->cap == 0 ? 8 : box->cap * 2;
    struct mem_entry **slots = realloc(box->slots, cap * sizeof *slots);
    if (slots == NULL)
        return ST_ENOMEM;
    box->slots = slots;
    box->cap = cap;
    return ST_OK;
}

/* Puts the entry where its id belongs; there is room. */
static void insert(struct mem_box *box, struct mem_entry *entry)
{
    size_t at = mem_box_after(box, entry->id);
    struct mem_entry **slot = box->slots + box->start + at;
    memmove(slot + 1, slot, (box->count - at) * sizeof *slot);
    *slot = entry;
    box->count++;
    box->bytes += entry->body_len;
}

static struct mem_entry *take_out(struct mem_box *box, size_t index)
{
    struct mem_entry **slot = box->slots + box->start + index;
    struct mem_entry *entry = *slot;
    if (index == 0) {
        box->start++;
    } else {
        memmove(slot, slot + 1, (box->count - index - 1) * sizeof *slot);
    }
    box->count--;
    box->bytes -= entry->body_len;
    return entry;
}

enum st_err mem_data_append(struct mem_data *data, struct mem_box *box, const struct mailbox_append *item,
                            uint64_t *id_r)
{
    *id_r = 0;
    enum st_err err = make_room(box);
    if (err != ST_OK)
        return err;
    struct mem_entry *entry = malloc(sizeof *entry + item->body.len);
    if (entry == NULL)
        return ST_ENOMEM;
    entry->id = data->next_id++;
    entry->from = item->from;
    memcpy(entry->msg_id, item->msg_id, ST_MSG_ID_LEN);
    entry->at_ms = item->at_ms;
    entry->body_len = item->body.len;
    memcpy(entry->body, item->body.p, item->body.len);
    insert(box, entry);
    note(data, MEM_APPENDED, &box->key)->number = entry->id;
    *id_r = entry->id;
    return ST_OK;
}

void mem_data_remove(struct mem_data *data, struct mem_box *box, size_t index)
{
    struct mem_entry *entry = take_out(box, index);
    note(data, MEM_REMOVED, &box->key)->entry = entry;
}

static void forget_dev(struct mem_account *account, uint32_t dev)
{
    for (size_t i = 0; i < account->dev_count; i++) {
        if (account->devs[i] != dev)
            continue;
        account->devs[i] = account->devs[--account->dev_count];
        return;
    }
}

enum st_err mem_data_open_box(struct mem_data *data, struct mem_account *account, uint32_t dev)
{
    struct mailbox_key key = mailbox_key(account->acct, dev);
    if (mem_data_box(data, &key) != NULL)
        return ST_OK;
    if (account->dev_count == ST_DEVICES_MAX)
        return ST_ELIMIT;
    struct mem_box *box = calloc(1, sizeof *box);
    if (box == NULL)
        return ST_ENOMEM;
    box->key = key;
    enum st_err err = st_map_put(data->boxes, &key, box);
    if (err != ST_OK) {
        free(box);
        return err;
    }
    account->devs[account->dev_count++] = dev;
    note(data, MEM_OPENED, &key);
    return ST_OK;
}

void mem_data_close_box(struct mem_data *data, struct mem_account *account, uint32_t dev)
{
    struct mailbox_key key = mailbox_key(account->acct, dev);
    struct mem_box *box = st_map_remove(data->boxes, &key);
    if (box == NULL)
        return;
    forget_dev(account, dev);
    note(data, MEM_CLOSED, &key)->box = box;
}

void mem_data_set_seq(struct mem_data *data, struct mem_account *account, uint64_t seq)
{
    struct mailbox_key key = mailbox_key(account->acct, 0);
    note(data, MEM_SEQ, &key)->number = account->seq;
    account->seq = seq;
}

void mem_data_set_generation(struct mem_data *data, struct mem_box *box, const uint8_t *generation)
{
    struct mem_change *change = note(data, MEM_GENERATION, &box->key);
    change->had_generation = box->has_generation;
    memcpy(change->generation, box->generation, ST_GENERATION_LEN);
    box->has_generation = true;
    memcpy(box->generation, generation, ST_GENERATION_LEN);
}

/* ---- undo ---- */

static void undo_append(struct mem_data *data, struct mem_change *change)
{
    struct mem_box *box = mem_data_box(data, &change->key);
    if (box != NULL && mem_box_entry(box, change->number) != NULL)
        free(take_out(box, mem_box_after(box, change->number) - 1));
    data->next_id = change->number; /* the number is free again, as after a real loss */
}

static void undo_remove(struct mem_data *data, struct mem_change *change)
{
    struct mem_box *box = mem_data_box(data, &change->key);
    if (box == NULL || make_room(box) != ST_OK)
        return;
    insert(box, change->entry);
    change->entry = NULL;
}

static void undo_open(struct mem_data *data, struct mem_change *change)
{
    struct mem_account *account = st_map_get(data->accounts, change->key.acct);
    free_box(st_map_remove(data->boxes, &change->key));
    if (account != NULL)
        forget_dev(account, change->key.dev);
}

static void undo_close(struct mem_data *data, struct mem_change *change)
{
    struct mem_account *account = mem_data_account(data, change->key.acct);
    if (account == NULL || account->dev_count == ST_DEVICES_MAX ||
        st_map_put(data->boxes, &change->key, change->box) != ST_OK)
        return;
    account->devs[account->dev_count++] = change->key.dev;
    change->box = NULL;
}

static void undo_seq(struct mem_data *data, struct mem_change *change)
{
    struct mem_account *account = st_map_get(data->accounts, change->key.acct);
    if (account != NULL)
        account->seq = change->number;
}

static void undo_generation(struct mem_data *data, struct mem_change *change)
{
    struct mem_box *box = mem_data_box(data, &change->key);
    if (box == NULL)
        return;
    box->has_generation = change->had_generation;
    memcpy(box->generation, change->generation, ST_GENERATION_LEN);
}

bool mem_data_undo(struct mem_data *data)
{
    static void (*const undo[])(struct mem_data *, struct mem_change *) = {
        [MEM_APPENDED] = undo_append, [MEM_REMOVED] = undo_remove, [MEM_OPENED] = undo_open,
        [MEM_CLOSED] = undo_close,    [MEM_SEQ] = undo_seq,        [MEM_GENERATION] = undo_generation,
    };
    if (data->change_count == 0)
        return false;
    data->change_count--;
    struct mem_change *change = &data->changes[(data->change_first + data->change_count) % data->change_cap];
    undo[change->kind](data, change);
    forget_change(change);
    return true;
}
