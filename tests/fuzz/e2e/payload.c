/* Payloads of a peer: the head, then the body by its type. What reads must write the same bytes again. */
#include <stdint.h>
#include <stdlib.h>

#include "client/e2e/payload.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Room for any body. */
union any_body {
    struct payload_text text;
    struct payload_receipt receipt;
    struct payload_nonce nonce;
    struct payload_empty empty;
    struct payload_cannot_read cannot_read;
    struct payload_gap gap;
    struct payload_blob_missing blob_missing;
};

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void read_body(const struct payload *payload)
{
    union any_body body;
    struct st_buf again;
    if (payload_body_read(payload->type, payload->body, &body) != ST_OK)
        return;
    st_buf_init(&again, 2 * PAYLOAD_MAX);
    require(payload_body_write((enum payload_type)payload->type, &body, &again) == ST_OK);
    require(st_view_equal(st_buf_view(&again), payload->body));
    st_buf_free(&again);
    if (payload->type != PAYLOAD_TEXT)
        return;
    struct payload_attachment attachment;
    size_t count = 0;
    while (st_records_next(&payload_schema_attachment, &body.text.attachments, &attachment))
        count++;
    require(count <= PAYLOAD_ATTACHMENTS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct payload payload;
    struct st_buf again;
    struct e2e_known known;
    if (size > PAYLOAD_MAX || payload_read(st_view(data, size), &payload) != ST_OK)
        return 0;
    st_buf_init(&again, 2 * PAYLOAD_MAX);
    require(payload_write(&payload, &again) == ST_OK);
    require(st_view_equal(st_buf_view(&again), st_view(data, size)));
    st_buf_free(&again);
    if (payload_known_get(&payload, &known) == ST_OK)
        require(known.count <= PAYLOAD_KNOWN_SIDS_MAX);
    read_body(&payload);
    return 0;
}
