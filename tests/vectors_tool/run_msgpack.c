/* MessagePack. The hostile cases are for our own validator. The public suite is for msgpack-c, which writes our frames:
 * it must read every form of every value; and what our validator takes of it, msgpack-c must read as well. */
#include <msgpack.h>

#include "proto/st_msgpack.h"
#include "tests/vectors_tool/runners.h"
#include "tests/vectors_tool/vector.h"

void run_msgpack_hostile(struct vector_run *run, const cJSON *root)
{
    const cJSON *entry;
    cJSON_ArrayForEach(entry, root)
    {
        const char *name = vector_text(run, entry, "name");
        vector_case(run, "%s", name == NULL ? "?" : name);
        struct st_view input = vector_hex(run, entry, "hex");
        bool taken = st_msgpack_validate(input) == ST_OK;
        vector_expect(run, taken == vector_text_is(entry, "verdict", "parse"), "verdict of the validator");
    }
}

static bool same_value(struct vector_run *run, const msgpack_object *got, const cJSON *want);

static bool same_number(const msgpack_object *got, double want)
{
    switch (got->type) {
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        return (double)got->via.u64 == want;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        return (double)got->via.i64 == want;
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        return got->via.f64 == want;
    default:
        return false;
    }
}

static bool same_map(struct vector_run *run, const msgpack_object *got, const cJSON *want)
{
    if (got->type != MSGPACK_OBJECT_MAP || got->via.map.size != (uint32_t)cJSON_GetArraySize(want))
        return false;
    for (uint32_t i = 0; i < got->via.map.size; i++) {
        const msgpack_object *key = &got->via.map.ptr[i].key;
        const cJSON *member = cJSON_GetArrayItem(want, (int)i);
        if (key->type != MSGPACK_OBJECT_STR || strlen(member->string) != key->via.str.size ||
            memcmp(member->string, key->via.str.ptr, key->via.str.size) != 0)
            return false;
        if (!same_value(run, &got->via.map.ptr[i].val, member))
            return false;
    }
    return true;
}

static bool same_value(struct vector_run *run, const msgpack_object *got, const cJSON *want)
{
    if (cJSON_IsNull(want))
        return got->type == MSGPACK_OBJECT_NIL;
    if (cJSON_IsBool(want))
        return got->type == MSGPACK_OBJECT_BOOLEAN && got->via.boolean == (bool)cJSON_IsTrue(want);
    if (cJSON_IsNumber(want))
        return same_number(got, want->valuedouble);
    if (cJSON_IsString(want))
        return got->type == MSGPACK_OBJECT_STR && got->via.str.size == strlen(want->valuestring) &&
               memcmp(got->via.str.ptr, want->valuestring, got->via.str.size) == 0;
    if (cJSON_IsObject(want))
        return same_map(run, got, want);
    if (!cJSON_IsArray(want) || got->type != MSGPACK_OBJECT_ARRAY ||
        got->via.array.size != (uint32_t)cJSON_GetArraySize(want))
        return false;
    for (uint32_t i = 0; i < got->via.array.size; i++) {
        if (!same_value(run, &got->via.array.ptr[i], cJSON_GetArrayItem(want, (int)i)))
            return false;
    }
    return true;
}

/* "c4-01-ff" → bytes. */
static struct st_view dashed_hex(struct vector_run *run, const char *text)
{
    size_t len = strlen(text);
    char *hex = (char *)vector_alloc(run, len + 1);
    size_t at = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] != '-')
            hex[at++] = text[i];
    }
    return vector_unhex(run, hex);
}

/* A member of the entry says the value's kind. Binary and ext are compared by their bytes. */
static bool same_entry(struct vector_run *run, const msgpack_object *got, const cJSON *entry)
{
    if (vector_has(entry, "binary")) {
        struct st_view want = dashed_hex(run, vector_text(run, entry, "binary"));
        return got->type == MSGPACK_OBJECT_BIN && st_view_equal(want, st_view(got->via.bin.ptr, got->via.bin.size));
    }
    if (vector_has(entry, "timestamp"))
        return got->type == MSGPACK_OBJECT_EXT && got->via.ext.type == -1;
    if (vector_has(entry, "ext")) {
        const cJSON *ext = vector_get(run, entry, "ext");
        struct st_view want = dashed_hex(run, cJSON_GetArrayItem(ext, 1)->valuestring);
        return got->type == MSGPACK_OBJECT_EXT && got->via.ext.type == cJSON_GetArrayItem(ext, 0)->valueint &&
               st_view_equal(want, st_view(got->via.ext.ptr, got->via.ext.size));
    }
    static const char *const kinds[] = { "nil", "bool", "number", "bignum", "string", "array", "map" };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const cJSON *want = cJSON_GetObjectItemCaseSensitive(entry, kinds[i]);
        if (want == NULL)
            continue;
        if (i == 3) /* a number that a double cannot hold, as text; it loses the same digits on both sides */
            return same_number(got, strtod(want->valuestring, NULL));
        return same_value(run, got, want);
    }
    return false;
}

static void run_form(struct vector_run *run, const cJSON *entry, const char *form)
{
    struct st_view input = dashed_hex(run, form);
    msgpack_unpacked unpacked;
    msgpack_unpacked_init(&unpacked);
    size_t offset = 0;
    msgpack_unpack_return result = msgpack_unpack_next(&unpacked, (const char *)input.p, input.len, &offset);
    bool read = result == MSGPACK_UNPACK_SUCCESS && offset == input.len;
    vector_expect(run, read, form);
    if (read)
        vector_expect(run, same_entry(run, &unpacked.data, entry), form);
    msgpack_unpacked_destroy(&unpacked);
}

void run_msgpack_suite(struct vector_run *run, const cJSON *root)
{
    const cJSON *group;
    cJSON_ArrayForEach(group, root)
    {
        const cJSON *entry;
        unsigned index = 0;
        cJSON_ArrayForEach(entry, group)
        {
            vector_case(run, "%s %u", group->string, index++);
            unsigned taken = 0; /* forms that our validator takes: at most one is the shortest */
            const cJSON *form;
            cJSON_ArrayForEach(form, vector_get(run, entry, "msgpack"))
            {
                run_form(run, entry, form->valuestring);
                if (st_msgpack_validate(dashed_hex(run, form->valuestring)) == ST_OK)
                    taken++;
            }
            vector_expect(run, taken <= 1, "one canonical form at most");
        }
    }
}
