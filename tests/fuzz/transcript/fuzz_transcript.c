/* Any bytes as a transcript: checked, and forged. What was forged must check wherever the original did. */
#include <stdlib.h>

#include <sodium.h>

#include "client/deny/transcript.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    unsigned valid, invalid;
    char id[33];
};

static enum st_err see(void *ctx, const struct transcript_message *message)
{
    struct seen *seen = ctx;
    if (message->verdict == TRANSCRIPT_VALID && seen->valid++ == 0)
        memcpy(seen->id, message->id, sizeof seen->id);
    seen->invalid += message->verdict == TRANSCRIPT_INVALID;
    return ST_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char chat[STORE_NAME_MAX + 2];
    uint64_t line;
    size_t room;
    struct seen before = { 0 }, after = { 0 };
    if (sodium_init() < 0)
        abort();
    if (transcript_check(st_view(data, size), chat, &line, see, &before) != ST_OK || before.valid == 0)
        return 0;
    struct st_buf forged;
    st_buf_init(&forged, TRANSCRIPT_MAX);
    if (transcript_forge(st_view(data, size), before.id, st_view_text("forged"), &forged, &room) == ST_OK) {
        if (transcript_check(st_buf_view(&forged), chat, &line, see, &after) != ST_OK || after.invalid > before.invalid)
            abort();
    }
    st_buf_free(&forged);
    return 0;
}
