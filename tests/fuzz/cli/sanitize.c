/* Whatever bytes somebody sends as text: what is shown has no control, and wrapping keeps to the width. */
#include <stdlib.h>

#include "client/cli/json.h"
#include "client/cli/layout.h"
#include "client/cli/sanitize.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void check_clean(struct st_view text, bool lines)
{
    struct sanitize_scan scan;
    struct sanitize_point point;
    sanitize_scan_init(&scan, text);
    while (sanitize_next(&scan, &point)) {
        must(point.code >= 0);
        must(!point.hidden || (lines && (point.code == '\n' || point.code == '\t')));
    }
}

static void check_wrap(struct st_view clean)
{
    struct st_buf out;
    struct layout layout = { 10, 10, 40 };
    st_buf_init(&out, (clean.len + 1) * 32);
    layout_wrap(&out, clean, &layout);
    must(st_buf_error(&out) == ST_OK);
    size_t used = layout.column;
    for (size_t at = 0; at < out.len;) {
        const uint8_t *end = memchr(out.p + at, '\n', out.len - at);
        size_t len = end != NULL ? (size_t)(end - out.p) - at : out.len - at;
        must(used + layout_width(st_view(out.p + at, len)) <= layout.width);
        at += len + 1;
        used = 0;
    }
    st_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct st_view text = st_view(data, size);
    for (int mode = SANITIZE_LINE; mode <= SANITIZE_MESSAGE; mode++) {
        for (int ascii = 0; ascii < 2; ascii++) {
            struct st_buf out;
            st_buf_init(&out, (size + 1) * SANITIZE_GROWTH_MAX);
            sanitize_append(&out, text, (enum sanitize_mode)mode, ascii != 0);
            must(st_buf_error(&out) == ST_OK);
            check_clean(st_buf_view(&out), mode == SANITIZE_MESSAGE);
            check_wrap(st_buf_view(&out));
            st_buf_free(&out);
        }
    }
    struct st_buf out;
    struct json json;
    st_buf_init(&out, size * 12 + 16);
    json_init(&json, &out);
    json_text(&json, text);
    must(st_buf_error(&out) == ST_OK);
    check_clean(st_buf_view(&out), false);
    st_buf_free(&out);
    return 0;
}
