#include "services/auth/store_mem_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void mem_table_init(struct mem_table *table, size_t row_len, size_t key_len)
{
    memset(table, 0, sizeof *table);
    table->row_len = row_len;
    table->key_len = key_len;
}

void mem_table_deinit(struct mem_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        for (size_t j = 0; j < table->chunks[i]->count; j++)
            free(table->chunks[i]->rows[j]);
        free(table->chunks[i]);
    }
    free(table->chunks);
    mem_table_init(table, table->row_len, table->key_len);
}

static uint8_t *copy_bytes(const void *p, size_t len)
{
    uint8_t *copy = malloc(len);
    if (copy != NULL)
        memcpy(copy, p, len);
    return copy;
}

/* ---- finding ---- */

struct mem_place mem_table_seek(const struct mem_table *table, const void *key, size_t len)
{
    /* The chunk: the last one whose first row stands before the key, or the first chunk. */
    size_t low = 0;
    size_t high = table->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (memcmp(table->chunks[mid]->rows[0], key, len) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    struct mem_place place = { low > 0 ? low - 1 : 0, 0 };
    if (table->count == 0)
        return place;
    const struct mem_chunk *chunk = table->chunks[place.chunk];
    low = 0;
    high = chunk->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (memcmp(chunk->rows[mid], key, len) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    place.index = low; /* may be behind the chunk's last row */
    return place;
}

static uint8_t *row_at(const struct mem_table *table, struct mem_place *place)
{
    if (place->chunk < table->count && place->index >= table->chunks[place->chunk]->count) {
        place->chunk++;
        place->index = 0;
    }
    return place->chunk < table->count ? table->chunks[place->chunk]->rows[place->index] : NULL;
}

const void *mem_table_next(const struct mem_table *table, struct mem_place *place, const void *key, size_t len)
{
    const uint8_t *row = row_at(table, place);
    if (row == NULL || memcmp(row, key, len) != 0)
        return NULL;
    place->index++;
    return row;
}

const void *mem_table_get(const struct mem_table *table, const void *key)
{
    struct mem_place place = mem_table_seek(table, key, table->key_len);
    return mem_table_next(table, &place, key, table->key_len);
}

/* ---- changing, without the log ---- */

static enum st_err add_chunk(struct mem_table *table, size_t at)
{
    if (table->count == table->cap) {
        size_t cap = table->cap == 0 ? 8 : 2 * table->cap;
        struct mem_chunk **chunks = realloc(table->chunks, cap * sizeof *chunks);
        if (chunks == NULL)
            return ST_ENOMEM;
        table->chunks = chunks;
        table->cap = cap;
    }
    struct mem_chunk *chunk = calloc(1, sizeof *chunk);
    if (chunk == NULL)
        return ST_ENOMEM;
    memmove(&table->chunks[at + 1], &table->chunks[at], (table->count - at) * sizeof table->chunks[0]);
    table->chunks[at] = chunk;
    table->count++;
    return ST_OK;
}

/* Makes room for one more row at the place, which may move. */
static enum st_err make_room(struct mem_table *table, struct mem_place *place)
{
    if (table->count == 0)
        return add_chunk(table, 0);
    struct mem_chunk *chunk = table->chunks[place->chunk];
    if (chunk->count < MEM_CHUNK_ROWS)
        return ST_OK;
    enum st_err err = add_chunk(table, place->chunk + 1);
    if (err != ST_OK)
        return err;
    struct mem_chunk *second = table->chunks[place->chunk + 1];
    size_t half = MEM_CHUNK_ROWS / 2;
    second->count = chunk->count - half;
    memcpy(second->rows, &chunk->rows[half], second->count * sizeof chunk->rows[0]);
    chunk->count = half;
    if (place->index > half) {
        place->chunk++;
        place->index -= half;
    }
    return ST_OK;
}

/* Takes the row over. */
static void put_row(struct mem_table *table, struct mem_place place, uint8_t *row)
{
    struct mem_chunk *chunk = table->chunks[place.chunk];
    memmove(&chunk->rows[place.index + 1], &chunk->rows[place.index],
            (chunk->count - place.index) * sizeof chunk->rows[0]);
    chunk->rows[place.index] = row;
    chunk->count++;
    table->row_count++;
}

/* Takes the row out and gives it to the caller. An empty chunk goes too. */
static uint8_t *take_row(struct mem_table *table, struct mem_place place)
{
    struct mem_chunk *chunk = table->chunks[place.chunk];
    uint8_t *row = chunk->rows[place.index];
    chunk->count--;
    memmove(&chunk->rows[place.index], &chunk->rows[place.index + 1],
            (chunk->count - place.index) * sizeof chunk->rows[0]);
    table->row_count--;
    if (chunk->count == 0) {
        free(chunk);
        table->count--;
        memmove(&table->chunks[place.chunk], &table->chunks[place.chunk + 1],
                (table->count - place.chunk) * sizeof table->chunks[0]);
    }
    return row;
}

static struct mem_place place_of(const struct mem_table *table, const void *key, bool *there_r)
{
    struct mem_place place = mem_table_seek(table, key, table->key_len);
    struct mem_place row = place;
    const uint8_t *found = row_at(table, &row);
    *there_r = found != NULL && memcmp(found, key, table->key_len) == 0;
    return *there_r ? row : place;
}

/* ---- changing ---- */

/* Room for one more entry in the log; the entry is filled in when the change has been made. */
static struct mem_change *log_room(struct mem_undo *undo)
{
    if (undo->count == undo->cap) {
        size_t cap = undo->cap == 0 ? 64 : 2 * undo->cap;
        struct mem_change *changes = realloc(undo->changes, cap * sizeof *changes);
        if (changes == NULL)
            return NULL;
        undo->changes = changes;
        undo->cap = cap;
    }
    return &undo->changes[undo->count];
}

enum st_err mem_table_insert(struct mem_table *table, struct mem_undo *undo, const void *row)
{
    bool there;
    struct mem_place place = place_of(table, row, &there);
    if (there)
        return ST_EEXISTS;
    struct mem_change *change = log_room(undo);
    uint8_t *copy = copy_bytes(row, table->row_len);
    uint8_t *key = copy_bytes(row, table->key_len);
    if (change == NULL || copy == NULL || key == NULL || make_room(table, &place) != ST_OK) {
        free(copy);
        free(key);
        return ST_ENOMEM;
    }
    put_row(table, place, copy);
    *change = (struct mem_change) { table, MEM_INSERTED, key };
    undo->count++;
    return ST_OK;
}

enum st_err mem_table_update(struct mem_table *table, struct mem_undo *undo, const void *row)
{
    bool there;
    struct mem_place place = place_of(table, row, &there);
    if (!there)
        return ST_ENOTFOUND;
    struct mem_change *change = log_room(undo);
    uint8_t *copy = copy_bytes(row, table->row_len);
    if (change == NULL || copy == NULL) {
        free(copy);
        return ST_ENOMEM;
    }
    uint8_t **slot = &table->chunks[place.chunk]->rows[place.index];
    *change = (struct mem_change) { table, MEM_CHANGED, *slot };
    *slot = copy;
    undo->count++;
    return ST_OK;
}

enum st_err mem_table_delete(struct mem_table *table, struct mem_undo *undo, const void *key)
{
    bool there;
    struct mem_place place = place_of(table, key, &there);
    if (!there)
        return ST_ENOTFOUND;
    struct mem_change *change = log_room(undo);
    if (change == NULL)
        return ST_ENOMEM;
    *change = (struct mem_change) { table, MEM_DELETED, take_row(table, place) };
    undo->count++;
    return ST_OK;
}

enum st_err mem_table_delete_all(struct mem_table *table, struct mem_undo *undo, const void *key, size_t len)
{
    enum st_err err = ST_OK;
    while (err == ST_OK) {
        struct mem_place place = mem_table_seek(table, key, len);
        const void *row = mem_table_next(table, &place, key, len);
        if (row == NULL)
            break;
        err = mem_table_delete(table, undo, row);
    }
    return err;
}

/* ---- taking back ---- */

static void undo_one(struct mem_change *change)
{
    struct mem_table *table = change->table;
    bool there;
    struct mem_place place = place_of(table, change->row, &there);
    assert(there == (change->kind != MEM_DELETED));
    switch (change->kind) {
    case MEM_INSERTED:
        free(take_row(table, place));
        free(change->row);
        break;
    case MEM_CHANGED:
        free(table->chunks[place.chunk]->rows[place.index]);
        table->chunks[place.chunk]->rows[place.index] = change->row;
        break;
    case MEM_DELETED:
        /* Memory that was given back a moment ago: without it the data would be lost, and there is nobody to tell. */
        if (make_room(table, &place) != ST_OK)
            abort();
        put_row(table, place, change->row);
        break;
    }
}

void mem_undo_to(struct mem_undo *undo, size_t count)
{
    while (undo->count > count)
        undo_one(&undo->changes[--undo->count]);
}

void mem_undo_forget(struct mem_undo *undo)
{
    for (size_t i = 0; i < undo->count; i++)
        free(undo->changes[i].row);
    undo->count = 0;
}

void mem_undo_deinit(struct mem_undo *undo)
{
    mem_undo_forget(undo);
    free(undo->changes);
    memset(undo, 0, sizeof *undo);
}

enum st_err mem_table_copy(struct mem_table *to, const struct mem_table *from)
{
    mem_table_init(to, from->row_len, from->key_len);
    for (size_t i = 0; i < from->count; i++) {
        const struct mem_chunk *source = from->chunks[i];
        enum st_err err = add_chunk(to, i);
        if (err != ST_OK)
            return err;
        struct mem_chunk *chunk = to->chunks[i];
        for (; chunk->count < source->count; chunk->count++) {
            chunk->rows[chunk->count] = copy_bytes(source->rows[chunk->count], from->row_len);
            if (chunk->rows[chunk->count] == NULL)
                return ST_ENOMEM;
        }
        to->row_count += chunk->count;
    }
    return ST_OK;
}
