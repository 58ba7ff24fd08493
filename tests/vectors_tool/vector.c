#include "tests/vectors_tool/vector.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct vector_block {
    struct vector_block *next;
    uint8_t *p;
};

void vector_run_init(struct vector_run *run, const char *name)
{
    *run = (struct vector_run) { .file = name };
}

static void end_case(struct vector_run *run)
{
    if (!run->in_case)
        return;
    if (run->case_ok)
        run->passed++;
    else
        run->failed++;
    run->in_case = false;
}

void vector_run_finish(struct vector_run *run)
{
    end_case(run);
    while (run->blocks != NULL) {
        struct vector_block *next = run->blocks->next;
        free(run->blocks->p);
        free(run->blocks);
        run->blocks = next;
    }
}

void vector_case(struct vector_run *run, const char *fmt, ...)
{
    end_case(run);
    va_list args;
    va_start(args, fmt);
    vsnprintf(run->case_name, sizeof run->case_name, fmt, args);
    va_end(args);
    run->in_case = true;
    run->case_ok = true;
}

bool vector_expect(struct vector_run *run, bool ok, const char *what)
{
    if (ok)
        return true;
    if (!run->in_case)
        vector_case(run, "before the first case");
    run->case_ok = false;
    fprintf(stderr, "%s: %s: %s\n", run->file, run->case_name, what);
    return false;
}

static void print_bytes(const char *label, struct st_view bytes)
{
    fprintf(stderr, "  %s (%zu bytes) ", label, bytes.len);
    for (size_t i = 0; i < bytes.len && i < 256; i++)
        fprintf(stderr, "%02x", bytes.p[i]);
    fprintf(stderr, "%s\n", bytes.len > 256 ? "..." : "");
}

bool vector_expect_bytes(struct vector_run *run, struct st_view got, struct st_view want, const char *what)
{
    if (vector_expect(run, st_view_equal(got, want), what))
        return true;
    print_bytes("got ", got);
    print_bytes("want", want);
    return false;
}

bool vector_expect_ok(struct vector_run *run, enum st_err err, const char *what)
{
    if (vector_expect(run, err == ST_OK, what))
        return true;
    fprintf(stderr, "  error: %s\n", st_err_text(err));
    return false;
}

uint8_t *vector_alloc(struct vector_run *run, size_t len)
{
    struct vector_block *block = malloc(sizeof *block);
    uint8_t *p = calloc(1, len > 0 ? len : 1);
    if (block == NULL || p == NULL) {
        fputs("safetalk-vectors: out of memory\n", stderr);
        exit(2);
    }
    *block = (struct vector_block) { run->blocks, p };
    run->blocks = block;
    return p;
}

bool vector_has(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(object, key) != NULL;
}

const cJSON *vector_get(struct vector_run *run, const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    if (item == NULL)
        vector_expect(run, false, key);
    return item;
}

const char *vector_text(struct vector_run *run, const cJSON *object, const char *key)
{
    const cJSON *item = vector_get(run, object, key);
    if (item == NULL)
        return "";
    return vector_expect(run, cJSON_IsString(item), key) ? item->valuestring : "";
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

struct st_view vector_unhex(struct vector_run *run, const char *hex)
{
    size_t digits = strlen(hex);
    if (!vector_expect(run, digits % 2 == 0, "odd number of hexadecimal digits"))
        return st_view(NULL, 0);
    uint8_t *p = vector_alloc(run, digits / 2);
    for (size_t i = 0; i < digits / 2; i++) {
        int high = hex_digit(hex[2 * i]);
        int low = hex_digit(hex[2 * i + 1]);
        if (!vector_expect(run, high >= 0 && low >= 0, "not hexadecimal"))
            return st_view(NULL, 0);
        p[i] = (uint8_t)(high << 4 | low);
    }
    return st_view(p, digits / 2);
}

struct st_view vector_hex(struct vector_run *run, const cJSON *object, const char *key)
{
    return vector_unhex(run, vector_text(run, object, key));
}

struct st_view vector_hex_or_empty(struct vector_run *run, const cJSON *object, const char *key)
{
    return vector_has(object, key) ? vector_hex(run, object, key) : st_view_text("");
}

bool vector_hex_into(struct vector_run *run, const cJSON *object, const char *key, uint8_t *out, size_t len)
{
    memset(out, 0, len);
    struct st_view bytes = vector_hex(run, object, key);
    if (!vector_expect(run, bytes.len == len, key))
        return false;
    memcpy(out, bytes.p, len);
    return true;
}

uint64_t vector_number(struct vector_run *run, const cJSON *object, const char *key)
{
    const cJSON *item = vector_get(run, object, key);
    if (item == NULL || !vector_expect(run, cJSON_IsNumber(item), key))
        return 0;
    double value = item->valuedouble;
    if (!vector_expect(run, value >= 0 && value <= 9007199254740992.0, key))
        return 0;
    uint64_t whole = (uint64_t)value;
    return vector_expect(run, value - (double)whole <= 0, key) ? whole : 0;
}

bool vector_text_is(const cJSON *object, const char *key, const char *text)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsString(item) && strcmp(item->valuestring, text) == 0;
}
