/* What a runner of vectors needs: cases that pass or fail, and values read out of JSON.
 *
 * A runner says vector_case() at the start of each case and vector_expect() for each thing that must hold.
 * A case passes if all of its expectations held and every value that it asked for was there. What a value
 * points to belongs to the run and lives until the file is finished, so that runners free nothing. */
#ifndef VECTORS_TOOL_VECTOR_H
#define VECTORS_TOOL_VECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "lib/st_bytes.h"
#include "lib/st_err.h"

enum { VECTOR_CASE_NAME_MAX = 128, VECTOR_FILE_MAX = 64 << 20 /* bytes of one file */ };

struct vector_block; /* one value's memory */

struct vector_run {
    const char *file; /* its name, without the folder; borrowed */
    unsigned passed;  /* cases */
    unsigned failed;
    unsigned skipped;
    bool in_case;
    bool case_ok;
    char case_name[VECTOR_CASE_NAME_MAX];
    struct vector_block *blocks;
};

/* Begins a run over the file `name` (borrowed for as long as the run). */
void vector_run_init(struct vector_run *run, const char *name);

/* Ends the last case and frees all values. The counts stay readable. */
void vector_run_finish(struct vector_run *run);

/* Begins a case, and ends the one before. The name (printf style) is shown if the case fails. */
void vector_case(struct vector_run *run, const char *fmt, ...) ST_PRINTF(2, 3);

/* Something that must hold in this case; if not, `what` is printed and the case fails. Returns `ok`. */
bool vector_expect(struct vector_run *run, bool ok, const char *what);

/* The two must be the same bytes; if not, both are printed. */
bool vector_expect_bytes(struct vector_run *run, struct st_view got, struct st_view want, const char *what);

/* The call must have succeeded; if not, its error is printed. */
bool vector_expect_ok(struct vector_run *run, enum st_err err, const char *what);

/* `len` bytes of zeroed memory that belongs to the run. Never NULL: the program ends when there is none. */
uint8_t *vector_alloc(struct vector_run *run, size_t len);

/* Is there a member of that name? */
bool vector_has(const cJSON *object, const char *key);

/* A member that must be there; without it the case fails and the answer is NULL. */
const cJSON *vector_get(struct vector_run *run, const cJSON *object, const char *key);

/* A text member: hexadecimal as bytes, or as it stands. Empty, and the case fails, if it is missing or not that. */
struct st_view vector_hex(struct vector_run *run, const cJSON *object, const char *key);
const char *vector_text(struct vector_run *run, const cJSON *object, const char *key);

/* As vector_hex, but an absent member is an empty view and no failure. */
struct st_view vector_hex_or_empty(struct vector_run *run, const cJSON *object, const char *key);

/* As vector_hex for a value of exactly `len` bytes, copied to `out`; zeros if the case failed by it. */
bool vector_hex_into(struct vector_run *run, const cJSON *object, const char *key, uint8_t *out, size_t len);

/* A text that is hexadecimal, as bytes. */
struct st_view vector_unhex(struct vector_run *run, const char *hex);

/* A member that is a whole number from 0 to 2^53; 0, and the case fails, if it is missing or not that. */
uint64_t vector_number(struct vector_run *run, const cJSON *object, const char *key);

/* Compares a text member. False if it is absent or no text. */
bool vector_text_is(const cJSON *object, const char *key, const char *text);

#endif
