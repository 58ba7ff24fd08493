/* What a message costs on the wire: validating, reading and writing a `message` frame with one copy of the smallest
 * bucket (256 bytes of plaintext, 416 of envelope). */
#include <stdlib.h>

#include "bench/cost/measurements.h"
#include "proto/st_messages.h"

struct wire_state {
    uint8_t envelope[ST_ENVELOPE_MIN];
    uint8_t acct[ST_ACCT_LEN];
    uint8_t id[ST_MSG_ID_LEN];
    struct st_buf frame;
    struct st_buf out;
};

static enum st_err write_frame(struct wire_state *state, struct st_buf *out)
{
    struct st_msg_copy copy = { .dev = 1, .body = st_view(state->envelope, sizeof state->envelope) };
    struct st_msg_message msg = { .to = st_view(state->acct, sizeof state->acct),
                                  .id = st_view(state->id, sizeof state->id),
                                  .copies = { .count = 1, .items = &copy } };
    st_buf_clear(out);
    return st_frame_write(ST_MESSAGE, 0, &msg, out);
}

static void teardown(void *state)
{
    struct wire_state *wire = state;
    st_buf_free(&wire->frame);
    st_buf_free(&wire->out);
    free(wire);
}

static enum st_err setup(void **state_r)
{
    struct wire_state *state = calloc(1, sizeof *state);
    *state_r = NULL;
    if (state == NULL)
        return ST_ENOMEM;
    st_buf_init(&state->frame, ST_FRAME_MAX);
    st_buf_init(&state->out, ST_FRAME_MAX);
    enum st_err err = write_frame(state, &state->frame);
    if (err == ST_OK)
        *state_r = state;
    else
        teardown(state);
    return err;
}

static enum st_err run_validate(void *state)
{
    const struct wire_state *wire = state;
    struct st_view frame = st_buf_view(&wire->frame);
    return st_msgpack_validate(st_view(frame.p + ST_HEADER_LEN, frame.len - ST_HEADER_LEN));
}

static enum st_err run_read(void *state)
{
    const struct wire_state *wire = state;
    struct st_frame frame;
    struct st_msg_message msg;
    enum st_err err = st_frame_open(st_buf_view(&wire->frame), ST_FRAME_MAX, &frame);
    return err == ST_OK ? st_frame_read(&frame, &msg) : err;
}

static enum st_err run_write(void *state)
{
    struct wire_state *wire = state;
    return write_frame(wire, &wire->out);
}

const struct measurement measurement_wire_validate = { "wire-validate", "validator: one message frame of 480 bytes",
                                                       setup, run_validate, teardown };
const struct measurement measurement_wire_read = { "wire-read", "codec: header and reader of one message frame", setup,
                                                   run_read, teardown };
const struct measurement measurement_wire_write = { "wire-write", "codec: writer of one message frame", setup,
                                                    run_write, teardown };
