/* Typed reading and writing of MessagePack maps from one table.
 *
 * A schema lists the fields of a map: key, name, kind, limits, and where the field lies in a C struct. From it come
 * the reader, the writer, the limits and the tables of docs/PROTOCOL.md, so none of them can disagree.
 * The C struct begins with `uint32_t has`: bit k is set when the field with key k is present (keys are 1 to 31).
 *
 * Reading allocates nothing and borrows from the input. What reads without an error is canonical: writing it again
 * gives the same bytes. Writing goes through msgpack-c. */
#ifndef ST_SCHEMA_H
#define ST_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/st_bytes.h"
#include "lib/st_err.h"
#include "proto/st_msgpack.h"

enum st_kind {
    ST_KIND_UINT,      /* uint64_t; min and max bound the value */
    ST_KIND_BYTES,     /* struct st_view of bin; min and max bound the length in bytes */
    ST_KIND_TEXT,      /* struct st_view of str without control characters; length bounds in bytes */
    ST_KIND_PROSE,     /* as TEXT, newline and tab allowed */
    ST_KIND_RECORDS,   /* struct st_records: array of maps of schema `of`; min and max bound the count */
    ST_KIND_BYTES_LIST /* struct st_records: array of bin, all `item_len` bytes long; min and max bound the count */
};

struct st_schema;

struct st_field {
    uint8_t key; /* 1 to 31, rising inside a schema */
    bool optional;
    enum st_kind kind;
    uint16_t offset; /* of the member in the C struct */
    uint16_t item_len;
    uint64_t min, max;
    const struct st_schema *of;
    const char *name;
};

struct st_schema {
    const char *name;
    const struct st_field *fields;
    size_t field_count;
    size_t struct_size; /* bytes of the C struct */
};

/* A list inside a message. To write: `count` and `items`, an array of the element's C struct (RECORDS), or the joined
 * items (BYTES_LIST). After reading: `count` and `raw`, to be walked with st_records_next or st_bytes_list_next.
 * A list that was read can be written again as it is. */
struct st_records {
    size_t count;
    const void *items;
    struct st_view raw;
};

/* Does the struct that `msg` points to hold the field with this key? */
#define ST_HAS(msg, key) (((msg)->has >> (key)) & 1u)
/* Marks an optional field as present before writing. Required fields need no mark. */
#define ST_SET(msg, key) ((msg)->has |= UINT32_C(1) << (key))

/* Reads exactly one map. Fills the C struct `out_r` (of schema->struct_size bytes, zeroed first). ST_EMALFORMED for an
 * unknown, missing, repeated or unordered key, a value of the wrong kind or outside its limits, bytes left over. */
enum st_err st_schema_read(const struct st_schema *schema, struct st_view input, void *out_r) ST_MUST_CHECK;

/* Appends the map to `out`. ST_EMALFORMED if a field breaks its own limits (nothing is sent that a peer would refuse),
 * ST_ELIMIT or ST_ENOMEM from the buffer. */
enum st_err st_schema_write(const struct st_schema *schema, const void *msg, struct st_buf *out) ST_MUST_CHECK;

/* Walks a list that was read: fills `element_r` and advances, or returns false at the end. The list was checked when
 * the message was read, so walking it cannot fail. */
bool st_records_next(const struct st_schema *schema, struct st_records *list, void *element_r);
bool st_bytes_list_next(struct st_records *list, struct st_view *item_r);

#endif
