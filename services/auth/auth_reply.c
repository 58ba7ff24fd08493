#include "services/auth/auth_internal.h"

#include <stdlib.h>

/* A new letter at the end of the queue, or NULL without memory. */
static struct auth_letter *new_letter(struct auth_core *core, enum auth_letter_kind kind, const struct service_peer *to,
                                      const struct st_hop *hop)
{
    if (core->letter_count == core->letter_cap) {
        size_t cap = core->letter_cap == 0 ? 64 : 2 * core->letter_cap;
        struct auth_letter *letters = NULL;
        if (cap <= AUTH_LETTERS_MAX)
            letters = realloc(core->letters, cap * sizeof *letters);
        if (letters == NULL) {
            st_log_event(core->log, ST_LOG_ERROR, "auth_letter_lost");
            return NULL;
        }
        core->letters = letters;
        core->letter_cap = cap;
    }
    struct auth_letter *letter = &core->letters[core->letter_count++];
    memset(letter, 0, sizeof *letter);
    letter->kind = kind;
    letter->to = *to;
    letter->hop = *hop;
    st_buf_init(&letter->frame, ST_FRAME_MAX);
    st_buf_init(&letter->boxes, ST_FRAME_MAX);
    return letter;
}

static void write_unavailable(struct auth_letter *letter)
{
    st_buf_clear(&letter->frame);
    st_buf_clear(&letter->boxes);
    enum st_err err =
        st_error_write(letter->request, ST_CODE_UNAVAILABLE,
                       "The server cannot reach its database now. Try again in a moment.", 1, &letter->frame);
    if (err != ST_OK)
        st_buf_clear(&letter->frame);
}

/* Writes the frame; an answer that cannot be written becomes `unavailable`. */
static void write_frame(struct auth_core *core, struct auth_letter *letter, enum st_type type, const void *msg)
{
    enum st_err err = st_frame_write(type, letter->request, msg, &letter->frame);
    if (err == ST_OK)
        return;
    ST_LOG(core->log, ST_LOG_ERROR, "auth_frame_not_written", st_log_uint("type", type), st_log_err("error", err));
    if (letter->kind == AUTH_LETTER_ANSWER)
        write_unavailable(letter);
    else
        st_buf_clear(&letter->frame);
}

static struct auth_letter *answer(struct auth_request *request, enum auth_letter_kind kind, enum st_type type,
                                  const void *msg)
{
    struct auth_letter *letter = new_letter(request->core, kind, request->from, request->hop);
    if (letter == NULL)
        return NULL;
    letter->request = request->id;
    write_frame(request->core, letter, type, msg);
    return letter;
}

void auth_answer(struct auth_request *request, enum st_type type, const void *msg)
{
    (void)answer(request, AUTH_LETTER_ANSWER, type, msg);
}

void auth_answer_always(struct auth_request *request, enum st_type type, const void *msg)
{
    (void)answer(request, AUTH_LETTER_ALWAYS, type, msg);
}

size_t auth_list_devs(const struct st_devlist *list, uint8_t out[static ST_DEVICES_MAX * 4])
{
    for (size_t i = 0; i < list->count; i++)
        st_put_u32(out + 4 * i, list->devices[i].dev_id);
    return list->count;
}

void auth_answer_with_boxes(struct auth_request *request, enum st_type type, const void *msg,
                            const struct st_devlist *list)
{
    uint8_t devs[ST_DEVICES_MAX * 4];
    struct auth_letter *letter = answer(request, AUTH_LETTER_ANSWER, type, msg);
    if (letter == NULL)
        return;
    struct st_int_boxes_set boxes = { .acct = st_view(list->acct_id, sizeof list->acct_id), .seq = list->seq };
    boxes.devs.count = auth_list_devs(list, devs);
    boxes.devs.items = devs;
    /* Without the third frame the mailboxes might not be open: better no answer than a wrong one. */
    if (st_frame_write(ST_BOXES_SET, 0, &boxes, &letter->boxes) != ST_OK)
        write_unavailable(letter);
}

void auth_refuse_for(struct auth_request *request, enum st_code code, const char *sentence, uint64_t retry_after_s)
{
    request->core->stats.refused++;
    struct auth_letter *letter = new_letter(request->core, AUTH_LETTER_ANSWER, request->from, request->hop);
    if (letter == NULL)
        return;
    letter->request = request->id;
    if (st_error_write(request->id, code, sentence, retry_after_s, &letter->frame) != ST_OK)
        write_unavailable(letter);
}

void auth_refuse(struct auth_request *request, enum st_code code, const char *sentence)
{
    auth_refuse_for(request, code, sentence, 0);
}

void auth_refuse_with(struct auth_request *request, enum st_err err, const struct auth_refusal *refusal)
{
    if (err == ST_EREFUSED && refusal != NULL)
        auth_refuse(request, refusal->code, refusal->sentence);
    else
        auth_fail(request, err);
}

void auth_fail(struct auth_request *request, enum st_err err)
{
    ST_LOG(request->core->log, ST_LOG_ERROR, "auth_request_failed", st_log_err("error", err));
    auth_refuse_for(request, ST_CODE_UNAVAILABLE, "The server cannot do this now. Try again in a moment.", 1);
}

void auth_refuse_throttled(struct auth_request *request, enum st_err err, uint64_t retry_after_s)
{
    if (err != ST_ELIMIT) {
        auth_fail(request, err);
        return;
    }
    request->core->stats.throttled++;
    auth_refuse_for(request, ST_CODE_RATE_LIMITED, "Too many attempts. Wait, then try again.", retry_after_s);
}

void auth_tell(struct auth_core *core, const struct service_peer *to, enum st_type type, const void *msg)
{
    const struct st_hop hop = { .kind = ST_HOP_SERVICE };
    struct auth_letter *letter = new_letter(core, AUTH_LETTER_EFFECT, to, &hop);
    if (letter != NULL)
        write_frame(core, letter, type, msg);
}

void auth_answer_removal(struct auth_core *core, const struct auth_removal *removal, enum auth_letter_kind kind,
                         uint64_t state)
{
    const struct st_msg_remove_user_done msg = { .state = state };
    struct auth_letter *letter = new_letter(core, kind, &removal->to, &removal->hop);
    if (letter == NULL)
        return;
    letter->request = removal->request;
    write_frame(core, letter, ST_REMOVE_USER_DONE, &msg);
}

/* An answer of the gateway's own question (tk_check) is not replaced by an error: the gateway asks again. */
static bool wants_replacement(const struct auth_letter *letter)
{
    return letter->kind == AUTH_LETTER_ANSWER && letter->hop.kind != ST_HOP_SERVICE;
}

void auth_letters_send(struct auth_core *core, bool committed)
{
    for (size_t i = 0; i < core->letter_count; i++) {
        struct auth_letter *letter = &core->letters[i];
        bool send = committed || letter->kind == AUTH_LETTER_ALWAYS;
        if (!send && wants_replacement(letter)) {
            write_unavailable(letter);
            send = true;
        }
        if (!send || letter->frame.len == 0)
            continue;
        /* A gateway that is gone or full is no error: what was to be told will be asked again, or is told by the
         * gateway's own checks. */
        enum st_err err = core->out.send(core->out.ctx, &letter->to, &letter->hop, st_buf_view(&letter->frame),
                                         st_buf_view(&letter->boxes));
        if (err != ST_OK)
            ST_LOG(core->log, ST_LOG_DEBUG, "auth_letter_not_sent", st_log_text("gateway", letter->to.name),
                   st_log_err("error", err));
    }
    auth_letters_free(core);
}

void auth_letters_free(struct auth_core *core)
{
    for (size_t i = 0; i < core->letter_count; i++) {
        st_buf_free(&core->letters[i].frame);
        st_buf_free(&core->letters[i].boxes);
    }
    core->letter_count = 0;
}
