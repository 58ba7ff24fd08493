/* Any bytes as a frame: the validator and every reader, against each other and against msgpack-c. What a reader takes
 * is canonical (written again it is the same), the validator takes it too, and msgpack-c reads it. */
#include <stdlib.h>

#include <msgpack.h>

#include "proto/st_internal.h"
#include "proto/st_messages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

union any_message {
    uint32_t has;
    uint64_t align;
    uint8_t room[1024];
};

static void must(bool ok)
{
    if (!ok)
        abort();
}

static void check_msgpack_c(struct st_view body)
{
    msgpack_unpacked unpacked;
    msgpack_unpacked_init(&unpacked);
    size_t offset = 0;
    must(msgpack_unpack_next(&unpacked, (const char *)body.p, body.len, &offset) == MSGPACK_UNPACK_SUCCESS);
    must(offset == body.len);
    msgpack_unpacked_destroy(&unpacked);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct st_frame frame;
    union any_message msg;
    struct st_hop hop;
    struct st_view bytes = st_view(data, size);
    if (st_hop_read(bytes, &hop) == ST_OK) {
        uint8_t again[ST_HOP_ENROL_LEN];
        must(st_hop_write(&hop, again) == size && memcmp(again, data, size) == 0);
    }
    bool valid = st_msgpack_validate(bytes) == ST_OK;
    if (valid)
        check_msgpack_c(bytes);
    if (st_frame_open(bytes, ST_FRAME_MAX, &frame) != ST_OK || st_message_type(frame.type) == NULL ||
        st_frame_read(&frame, &msg) != ST_OK)
        return 0;
    must(st_msgpack_validate(frame.body) == ST_OK);
    struct st_buf out;
    st_buf_init(&out, ST_FRAME_MAX);
    must(st_frame_write((enum st_type)frame.type, frame.request, &msg, &out) == ST_OK);
    must(out.len == size && memcmp(out.p, data, size) == 0);
    st_buf_free(&out);
    return 0;
}
