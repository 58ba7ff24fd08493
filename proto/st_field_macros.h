/* Short forms for rows of a schema table. Included only by the files that hold such tables.
 * FIELD(key, struct, member, KIND, min, max) is required; OPTION is optional; RECORDS, BYTES_LIST are lists.
 * The name of a field on paper is the name of its member. */
#ifndef ST_FIELD_MACROS_H
#define ST_FIELD_MACROS_H

#include <stddef.h>

#include "proto/st_schema.h"

#define ROW(k, opt, S, member_, kind_, item, lo, hi, of_)                                                              \
    {                                                                                                                  \
        .key = (k), .optional = (opt), .kind = ST_KIND_##kind_, .offset = (uint16_t)offsetof(struct S, member_),       \
        .item_len = (item), .min = (lo), .max = (hi), .of = (of_), .name = #member_                                    \
    }
#define FIELD(k, S, member, kind, lo, hi)            ROW(k, false, S, member, kind, 0, lo, hi, NULL)
#define OPTION(k, S, member, kind, lo, hi)           ROW(k, true, S, member, kind, 0, lo, hi, NULL)
#define RECORDS(k, S, member, lo, hi, of)            ROW(k, false, S, member, RECORDS, 0, lo, hi, of)
#define OPTION_RECORDS(k, S, member, lo, hi, of)     ROW(k, true, S, member, RECORDS, 0, lo, hi, of)
#define BYTES_LIST(k, S, member, len, lo, hi)        ROW(k, false, S, member, BYTES_LIST, len, lo, hi, NULL)
#define OPTION_BYTES_LIST(k, S, member, len, lo, hi) ROW(k, true, S, member, BYTES_LIST, len, lo, hi, NULL)

/* The rows of a schema, and the schema: SCHEMA(name on paper, variable, struct). */
#define SCHEMA(paper, variable, S)                                                                                     \
    {                                                                                                                  \
        .name = (paper), .fields = (variable), .field_count = sizeof(variable) / sizeof((variable)[0]),                \
        .struct_size = sizeof(struct S)                                                                                \
    }
#define SCHEMA_EMPTY(paper, S)                                                                                         \
    {                                                                                                                  \
        .name = (paper), .fields = NULL, .field_count = 0, .struct_size = sizeof(struct S)                             \
    }

#endif
