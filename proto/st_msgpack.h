/* A bounded, non-allocating reader of MessagePack in the canonical subset that the wire allows, and the validator
 * built on it. Every byte from a peer passes here before anything else looks at it.
 *
 * Taken: unsigned integers up to 2^53 in their shortest form, bin, str (strict UTF-8, no NUL, no C0/C1 controls, no
 * DEL; newline and tab only where prose is allowed), arrays, maps, each with the shortest length form.
 * Refused: nil, booleans, negative integers, floats, ext, timestamps, the reserved byte c1, longer forms than needed,
 * counts that the remaining bytes cannot hold (one byte an item, two a pair), bytes after the value. */
#ifndef ST_MSGPACK_H
#define ST_MSGPACK_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/st_bytes.h"
#include "lib/st_err.h"

enum {
    ST_NESTING_MAX = 8, /* arrays and maps inside each other */
    ST_ARRAY_ITEMS_MAX = 256,
    ST_MAP_PAIRS_MAX = 32
};
#define ST_UINT_MAX (UINT64_C(1) << 53)

enum st_token_kind { ST_TOKEN_UINT, ST_TOKEN_BYTES, ST_TOKEN_TEXT, ST_TOKEN_ARRAY, ST_TOKEN_MAP };

/* One head of a value, and for bytes and text the value itself. */
struct st_token {
    enum st_token_kind kind;
    uint64_t number;     /* ST_TOKEN_UINT: the value; ST_TOKEN_ARRAY, ST_TOKEN_MAP: the count */
    struct st_view data; /* ST_TOKEN_BYTES, ST_TOKEN_TEXT: borrowed from the input */
};

/* Takes the next token off the front of `*input`. ST_EMALFORMED for anything outside the subset. Text is not looked
 * into: st_text_check does that. */
enum st_err st_token_next(struct st_view *input, struct st_token *token_r) ST_MUST_CHECK;

/* Is `text` strict UTF-8 without NUL, C0, DEL and C1? With `prose`, newline and tab pass. */
enum st_err st_text_check(struct st_view text, bool prose) ST_MUST_CHECK;

/* Skips one whole value with everything inside it. */
enum st_err st_value_skip(struct st_view *input) ST_MUST_CHECK;

/* Is `input` exactly one value of the subset? Map keys must be unsigned integers or text, strictly rising by their
 * encoded bytes (so none comes twice). */
enum st_err st_msgpack_validate(struct st_view input) ST_MUST_CHECK;

#endif
