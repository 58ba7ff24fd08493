/* Tables of the memory backend: rows of one fixed length, kept in the order of their key, which is their first bytes.
 * Every change is written to an undo log, so that any run of changes over all tables can be taken back. Private to
 * store_mem*.c. */
#ifndef AUTH_STORE_MEM_TABLE_H
#define AUTH_STORE_MEM_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/st_err.h"

enum { MEM_CHUNK_ROWS = 128 };

/* A run of neighbouring rows, at least one. */
struct mem_chunk {
    size_t count;
    uint8_t *rows[MEM_CHUNK_ROWS];
};

struct mem_table {
    size_t row_len; /* bytes */
    size_t key_len; /* the first bytes of a row, compared as bytes */
    struct mem_chunk **chunks;
    size_t count, cap; /* of chunks */
    size_t row_count;
};

/* A place in a table: that of a row, or behind the last one. Valid until the table changes. */
struct mem_place {
    size_t chunk;
    size_t index;
};

/* One change that can be taken back. `row` is the row as it was before (changed, deleted) or its key (inserted). */
struct mem_change {
    struct mem_table *table;
    enum { MEM_INSERTED, MEM_CHANGED, MEM_DELETED } kind;
    uint8_t *row;
};

struct mem_undo {
    struct mem_change *changes;
    size_t count, cap;
};

void mem_table_init(struct mem_table *table, size_t row_len, size_t key_len);
void mem_table_deinit(struct mem_table *table);

/* Makes `to`, which is empty, a copy of `from`. ST_ENOMEM: it may be half a copy, to be deinitialised. */
enum st_err mem_table_copy(struct mem_table *to, const struct mem_table *from) ST_MUST_CHECK;

/* The row with this key, borrowed and not to be changed, or NULL. */
const void *mem_table_get(const struct mem_table *table, const void *key);

/* The first row whose key is at or behind `key` (of `len` bytes: the beginning of a key will do). */
struct mem_place mem_table_seek(const struct mem_table *table, const void *key, size_t len);

/* The row at a place, moving the place on, or NULL at the end of the table or when the row's key no longer begins with
 * the `len` bytes of `key`. */
const void *mem_table_next(const struct mem_table *table, struct mem_place *place, const void *key, size_t len);

/* Changes; `row` is copied. ST_EEXISTS, ST_ENOTFOUND, ST_ENOMEM: then nothing was changed. */
enum st_err mem_table_insert(struct mem_table *table, struct mem_undo *undo, const void *row) ST_MUST_CHECK;
enum st_err mem_table_update(struct mem_table *table, struct mem_undo *undo, const void *row) ST_MUST_CHECK;
enum st_err mem_table_delete(struct mem_table *table, struct mem_undo *undo, const void *key) ST_MUST_CHECK;

/* Deletes every row whose key begins with the `len` bytes of `key`. */
enum st_err mem_table_delete_all(struct mem_table *table, struct mem_undo *undo, const void *key,
                                 size_t len) ST_MUST_CHECK;

/* Takes the changes back, the last one first, until `count` are left. Cannot fail. */
void mem_undo_to(struct mem_undo *undo, size_t count);

/* Forgets the changes: they stay. */
void mem_undo_forget(struct mem_undo *undo);

void mem_undo_deinit(struct mem_undo *undo);

#endif
