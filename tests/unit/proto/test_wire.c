/* The wire against frames that a second implementation made from docs/PROTOCOL.md alone (tests/golden). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <sodium.h>

#include "proto/st_internal.h"
#include "proto/st_messages.h"

enum { LINE_MAX_BYTES = 2 * ST_FRAME_MAX + 128, STRUCT_ROOM = 1024 };

typedef void (*golden_fn)(const char *name, const char *label, struct st_view frame);

union any_message {
    uint32_t has;
    uint64_t align;
    uint8_t room[STRUCT_ROOM];
};

static unsigned each_golden(golden_fn fn)
{
    FILE *file = fopen("tests/golden/wire_golden.txt", "r");
    assert_non_null(file);
    char *line = malloc(LINE_MAX_BYTES);
    uint8_t *bytes = malloc(ST_FRAME_MAX);
    assert_non_null(line);
    assert_non_null(bytes);
    unsigned count = 0;
    while (fgets(line, LINE_MAX_BYTES, file) != NULL) {
        char *label = strchr(line, ' ');
        assert_non_null(label);
        *label++ = '\0';
        char *hex = strchr(label, ' ');
        assert_non_null(hex);
        *hex++ = '\0';
        size_t len;
        assert_int_equal(sodium_hex2bin(bytes, ST_FRAME_MAX, hex, strlen(hex) - 1, NULL, &len, NULL), 0);
        fn(line, label, st_view(bytes, len));
        count++;
    }
    free(bytes);
    free(line);
    fclose(file);
    return count;
}

/* Every element of every list is read and written by itself, so that writers of elements are held to the bytes too. */
static void check_elements(const struct st_schema *schema, const union any_message *msg)
{
    for (size_t i = 0; i < schema->field_count; i++) {
        const struct st_field *field = &schema->fields[i];
        if (field->kind != ST_KIND_RECORDS || !(msg->has >> field->key & 1u))
            continue;
        struct st_records list;
        memcpy(&list, msg->room + field->offset, sizeof list);
        union any_message element;
        struct st_view before = list.raw;
        while (st_records_next(field->of, &list, &element)) {
            struct st_buf out;
            st_buf_init(&out, ST_FRAME_MAX);
            assert_int_equal(st_schema_write(field->of, &element, &out), ST_OK);
            size_t len = (size_t)(list.raw.p - before.p);
            assert_int_equal(out.len, len);
            assert_memory_equal(out.p, before.p, len);
            check_elements(field->of, &element);
            st_buf_free(&out);
            before = list.raw;
        }
        assert_int_equal(list.raw.len, 0);
    }
}

static void check_round_trip(const char *name, const char *label, struct st_view bytes)
{
    (void)label;
    struct st_frame frame;
    union any_message msg;
    assert_int_equal(st_frame_open(bytes, ST_FRAME_MAX, &frame), ST_OK);
    const struct st_message_type *type = st_message_type(frame.type);
    assert_non_null(type);
    assert_string_equal(type->schema->name, name);
    assert_true(type->schema->struct_size <= sizeof msg);
    assert_int_equal(st_frame_read(&frame, &msg), ST_OK);
    struct st_buf out;
    st_buf_init(&out, ST_FRAME_MAX);
    assert_int_equal(st_frame_write((enum st_type)frame.type, frame.request, &msg, &out), ST_OK);
    assert_int_equal(out.len, bytes.len);
    assert_memory_equal(out.p, bytes.p, bytes.len);
    check_elements(type->schema, &msg);
    assert_int_equal(st_msgpack_validate(frame.body), ST_OK);
    st_buf_free(&out);
}

static void wire__round_trip__golden_frames(void **state)
{
    (void)state;
    size_t client, service;
    st_message_types(&client);
    st_service_message_types(&service);
    assert_int_equal(each_golden(check_round_trip), 3 * (client + service));
}

/* An exact-size copy lets a sanitizer see a read past the end. */
static enum st_err read_copy(struct st_view bytes)
{
    uint8_t *copy = malloc(bytes.len > 0 ? bytes.len : 1);
    assert_non_null(copy);
    memcpy(copy, bytes.p, bytes.len);
    struct st_frame frame;
    union any_message msg;
    enum st_err err = st_frame_open(st_view(copy, bytes.len), ST_FRAME_MAX, &frame);
    if (err == ST_OK)
        err = st_frame_read(&frame, &msg);
    free(copy);
    return err;
}

static void check_truncated(const char *name, const char *label, struct st_view bytes)
{
    (void)name;
    if (strcmp(label, "most") == 0)
        return;
    size_t step = bytes.len > 4096 ? bytes.len / 512 : 1;
    for (size_t len = 0; len < bytes.len; len += step)
        assert_int_not_equal(read_copy(st_view(bytes.p, len)), ST_OK);
}

static void wire__read__truncated_at_each_length(void **state)
{
    (void)state;
    each_golden(check_truncated);
}

static void check_extended(const char *name, const char *label, struct st_view bytes)
{
    (void)name;
    (void)label;
    uint8_t *longer = malloc(bytes.len + 1);
    assert_non_null(longer);
    memcpy(longer, bytes.p, bytes.len);
    longer[bytes.len] = 0;
    assert_int_not_equal(read_copy(st_view(longer, bytes.len + 1)), ST_OK);
    free(longer);
}

static void wire__read__byte_behind_the_map(void **state)
{
    (void)state;
    each_golden(check_extended);
}

/* What still reads after one byte was changed must be canonical: writing it gives the same bytes. */
static void check_changed(const char *name, const char *label, struct st_view bytes)
{
    (void)name;
    if (strcmp(label, "least") != 0)
        return;
    uint8_t *copy = malloc(bytes.len);
    assert_non_null(copy);
    memcpy(copy, bytes.p, bytes.len);
    size_t end = bytes.len < 600 ? bytes.len : 600;
    for (size_t i = 1; i < end; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            copy[i] ^= (uint8_t)(1u << bit);
            struct st_frame frame;
            union any_message msg;
            if (st_frame_open(st_view(copy, bytes.len), ST_FRAME_MAX, &frame) == ST_OK &&
                st_message_type(frame.type) != NULL && st_frame_read(&frame, &msg) == ST_OK) {
                struct st_buf out;
                st_buf_init(&out, ST_FRAME_MAX);
                assert_int_equal(st_frame_write((enum st_type)frame.type, frame.request, &msg, &out), ST_OK);
                assert_int_equal(out.len, bytes.len);
                assert_memory_equal(out.p, copy, bytes.len);
                st_buf_free(&out);
            }
            copy[i] ^= (uint8_t)(1u << bit);
        }
    }
    free(copy);
}

static void wire__read__every_bit_flipped(void **state)
{
    (void)state;
    each_golden(check_changed);
}

static void wire__open__header(void **state)
{
    (void)state;
    uint8_t bytes[16] = { 1, ST_FETCH, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0x80 };
    struct st_frame frame;
    assert_int_equal(st_frame_open(st_view(bytes, 13), ST_FRAME_MAX, &frame), ST_OK);
    assert_int_equal(frame.type, ST_FETCH);
    assert_int_equal(frame.request, 9);
    assert_int_equal(st_frame_open(st_view(bytes, 13), 12, &frame), ST_ELIMIT);
    assert_int_equal(st_frame_open(st_view(bytes, 11), ST_FRAME_MAX, &frame), ST_EMALFORMED);
    for (unsigned version = 0; version < 256; version++) {
        bytes[0] = (uint8_t)version;
        assert_int_equal(st_frame_open(st_view(bytes, 13), ST_FRAME_MAX, &frame), version == 1 ? ST_OK : ST_EREFUSED);
    }
    bytes[0] = 1;
    for (unsigned bit = 0; bit < 16; bit++) {
        st_put_u16(bytes + 2, (uint16_t)(1u << bit));
        assert_int_equal(st_frame_open(st_view(bytes, 13), ST_FRAME_MAX, &frame), ST_EMALFORMED);
    }
}

static void wire__read__unknown_types(void **state)
{
    (void)state;
    unsigned known = 0;
    for (unsigned type = 0; type < 256; type++) {
        struct st_frame frame = { .type = (uint8_t)type, .body = st_view("\x80", 1) };
        union any_message msg;
        const struct st_message_type *row = st_message_type((uint8_t)type);
        if (row != NULL) {
            assert_int_equal(row->type, type);
            known++;
        } else {
            assert_int_equal(st_frame_read(&frame, &msg), ST_EMALFORMED);
        }
    }
    size_t client, service;
    st_message_types(&client);
    st_service_message_types(&service);
    assert_int_equal(known, client + service);
}

static void wire__write__field_outside_its_limits(void **state)
{
    (void)state;
    struct st_buf out;
    st_buf_init(&out, ST_FRAME_MAX);
    struct st_msg_is_user name = { .name = st_view_text("ab") };
    assert_int_equal(st_frame_write(ST_IS_USER, 1, &name, &out), ST_EMALFORMED);
    st_buf_clear(&out);
    name.name = st_view_text("bad\nname");
    assert_int_equal(st_frame_write(ST_IS_USER, 1, &name, &out), ST_EMALFORMED);
    st_buf_clear(&out);
    struct st_msg_logout logout = { .everywhere = 2 };
    assert_int_equal(st_frame_write(ST_LOGOUT, 1, &logout, &out), ST_EMALFORMED);
    st_buf_free(&out);
}

static void wire__error__sentence_is_cut(void **state)
{
    (void)state;
    char sentence[400];
    memset(sentence, 'x', sizeof sentence - 1);
    sentence[sizeof sentence - 1] = '\0';
    struct st_buf out;
    st_buf_init(&out, ST_FRAME_MAX);
    assert_int_equal(st_error_write(7, ST_CODE_RATE_LIMITED, sentence, 3, &out), ST_OK);
    struct st_frame frame;
    struct st_msg_error msg;
    assert_int_equal(st_frame_open(st_buf_view(&out), ST_FRAME_MAX, &frame), ST_OK);
    assert_int_equal(st_frame_read(&frame, &msg), ST_OK);
    assert_int_equal(msg.code, ST_CODE_RATE_LIMITED);
    assert_int_equal(msg.sentence.len, ST_SENTENCE_MAX);
    assert_int_equal(msg.retry_after_s, 3);
    st_buf_free(&out);
}

static void hop__round_trip__kinds(void **state)
{
    (void)state;
    for (int kind = ST_HOP_SERVICE; kind <= ST_HOP_DEVICE; kind++) {
        struct st_hop hop = { .kind = (enum st_hop_kind)kind, .dev = 7, .sid = UINT64_C(0x0102030405060708) }, back;
        memset(hop.acct, 3, sizeof hop.acct);
        if (kind == ST_HOP_ENROL) {
            memset(hop.tk, 4, sizeof hop.tk);
            memset(hop.addr, 5, sizeof hop.addr);
        }
        uint8_t bytes[ST_HOP_ENROL_LEN];
        size_t len = st_hop_write(&hop, bytes);
        assert_int_equal(st_hop_read(st_view(bytes, len), &back), ST_OK);
        assert_memory_equal(&hop, &back, sizeof hop);
        for (size_t cut = 0; cut < len; cut++)
            assert_int_equal(st_hop_read(st_view(bytes, cut), &back), ST_EMALFORMED);
        bytes[0] = 2;
        assert_int_equal(st_hop_read(st_view(bytes, len), &back), ST_EMALFORMED);
        bytes[0] = 1;
        bytes[1] = 3;
        assert_int_equal(st_hop_read(st_view(bytes, len), &back), ST_EMALFORMED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wire__round_trip__golden_frames),
        cmocka_unit_test(wire__read__truncated_at_each_length),
        cmocka_unit_test(wire__read__byte_behind_the_map),
        cmocka_unit_test(wire__read__every_bit_flipped),
        cmocka_unit_test(wire__open__header),
        cmocka_unit_test(wire__read__unknown_types),
        cmocka_unit_test(wire__write__field_outside_its_limits),
        cmocka_unit_test(wire__error__sentence_is_cut),
        cmocka_unit_test(hop__round_trip__kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
