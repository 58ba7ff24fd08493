#include "client/cli/sanitize.h"

#include <stdio.h>

#include <utf8proc.h>

struct range {
    int32_t first;
    int32_t last;
};

/* Code points that are invisible or steer what stands around them, rising. Emoji get their exceptions below. */
static const struct range HIDDEN[] = {
    { 0x0000, 0x001F },   /* C0 */
    { 0x007F, 0x009F },   /* DEL and C1 */
    { 0x00AD, 0x00AD },   /* soft hyphen */
    { 0x034F, 0x034F },   /* combining grapheme joiner */
    { 0x061C, 0x061C },   /* Arabic letter mark (bidi) */
    { 0x115F, 0x1160 },   /* Hangul fillers */
    { 0x17B4, 0x17B5 },   /* Khmer inherent vowels */
    { 0x180B, 0x180F },   /* Mongolian selectors */
    { 0x200B, 0x200F },   /* zero-width space and joiners, bidi marks */
    { 0x2028, 0x202E },   /* line and paragraph separator, bidi embeddings and overrides */
    { 0x2060, 0x206F },   /* word joiner, invisible operators, bidi isolates */
    { 0x3164, 0x3164 },   /* Hangul filler */
    { 0xFDD0, 0xFDEF },   /* non-characters */
    { 0xFE00, 0xFE0F },   /* variation selectors */
    { 0xFEFF, 0xFEFF },   /* byte order mark */
    { 0xFFA0, 0xFFA0 },   /* half-width Hangul filler */
    { 0xFFF0, 0xFFFB },   /* unassigned ignorables, interlinear annotation */
    { 0x1BCA0, 0x1BCA3 }, /* shorthand format controls */
    { 0x1D173, 0x1D17A }, /* musical format controls */
    { 0xE0000, 0xE0FFF }, /* tags, variation selectors supplement */
};

enum {
    ZERO_WIDTH_JOINER = 0x200D,
    TEXT_STYLE = 0xFE0E,
    EMOJI_STYLE = 0xFE0F,
    SKIN_TONE_FIRST = 0x1F3FB,
    SKIN_TONE_LAST = 0x1F3FF,
    BLACK_FLAG = 0x1F3F4,
    FLAG_TAGS = 6 /* five letters and the end tag */
};

/* The three flags that are spelt with tag characters: gbeng, gbsct, gbwls, each closed by the end tag. */
static const char *const FLAGS[] = {
    "\xF3\xA0\x81\xA7\xF3\xA0\x81\xA2\xF3\xA0\x81\xA5\xF3\xA0\x81\xAE\xF3\xA0\x81\xA7\xF3\xA0\x81\xBF",
    "\xF3\xA0\x81\xA7\xF3\xA0\x81\xA2\xF3\xA0\x81\xB3\xF3\xA0\x81\xA3\xF3\xA0\x81\xB4\xF3\xA0\x81\xBF",
    "\xF3\xA0\x81\xA7\xF3\xA0\x81\xA2\xF3\xA0\x81\xB7\xF3\xA0\x81\xAC\xF3\xA0\x81\xB3\xF3\xA0\x81\xBF",
};

enum { FLAG_BYTES = FLAG_TAGS * 4 };

static bool is_listed(int32_t code)
{
    size_t low = 0;
    size_t high = sizeof HIDDEN / sizeof HIDDEN[0];
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (code > HIDDEN[middle].last)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < sizeof HIDDEN / sizeof HIDDEN[0] && code >= HIDDEN[low].first)
        return true;
    return (code & 0xFFFE) == 0xFFFE; /* the last two of every plane are no characters */
}

static bool is_pictograph(int32_t code)
{
    return utf8proc_get_property(code)->boundclass == UTF8PROC_BOUNDCLASS_EXTENDED_PICTOGRAPHIC;
}

static bool is_skin_tone(int32_t code)
{
    return code >= SKIN_TONE_FIRST && code <= SKIN_TONE_LAST;
}

static bool is_mark(int32_t code)
{
    utf8proc_category_t category = utf8proc_category(code);
    return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_ME || category == UTF8PROC_CATEGORY_MC;
}

static bool is_keycap_base(int32_t code)
{
    return (code >= '0' && code <= '9') || code == '#' || code == '*';
}

static bool next_is_pictograph(struct st_view rest)
{
    utf8proc_int32_t code = -1;
    return rest.len > 0 && utf8proc_iterate(rest.p, (utf8proc_ssize_t)rest.len, &code) > 0 && is_pictograph(code);
}

static bool begins_flag(struct st_view rest)
{
    for (size_t i = 0; i < sizeof FLAGS / sizeof FLAGS[0]; i++)
        if (rest.len >= FLAG_BYTES && memcmp(rest.p, FLAGS[i], FLAG_BYTES) == 0)
            return true;
    return false;
}

/* A listed code point that an emoji may hold at this place. `scan->rest` already stands behind it. */
static bool belongs_to_emoji(const struct sanitize_scan *scan, int32_t code)
{
    int32_t previous = scan->previous;
    if (scan->tags > 0)
        return true;
    if (code == EMOJI_STYLE || code == TEXT_STYLE)
        return (scan->in_emoji && is_pictograph(previous)) || is_keycap_base(previous);
    if (code == ZERO_WIDTH_JOINER)
        return scan->in_emoji && (is_pictograph(previous) || previous == EMOJI_STYLE || is_skin_tone(previous)) &&
               next_is_pictograph(scan->rest);
    return false;
}

static bool judge_mark(struct sanitize_scan *scan)
{
    if (scan->previous == 0)
        return true;
    return ++scan->marks > SANITIZE_MARKS_MAX;
}

/* Decides about one code point and moves the state on. */
static bool judge(struct sanitize_scan *scan, int32_t code)
{
    if (is_listed(code)) {
        bool hidden = !belongs_to_emoji(scan, code);
        if (scan->tags > 0)
            scan->tags--;
        if (hidden)
            scan->in_emoji = false;
        /* A line of its own begins; after anything else that is hidden stands our `>`. */
        scan->previous = code == '\n' ? 0 : code;
        scan->marks = 0;
        return hidden;
    }
    bool hidden = false;
    if (is_mark(code) || (is_skin_tone(code) && scan->in_emoji)) {
        hidden = is_mark(code) && judge_mark(scan);
    } else {
        scan->marks = 0;
        scan->in_emoji = is_pictograph(code);
        scan->tags = code == BLACK_FLAG && begins_flag(scan->rest) ? FLAG_TAGS : 0;
    }
    if (!hidden)
        scan->previous = code;
    return hidden;
}

void sanitize_scan_init(struct sanitize_scan *scan, struct st_view text)
{
    memset(scan, 0, sizeof *scan);
    scan->rest = text;
}

bool sanitize_next(struct sanitize_scan *scan, struct sanitize_point *out)
{
    memset(out, 0, sizeof *out);
    if (scan->rest.len == 0)
        return false;
    utf8proc_int32_t code = -1;
    utf8proc_ssize_t len = utf8proc_iterate(scan->rest.p, (utf8proc_ssize_t)scan->rest.len, &code);
    out->at = scan->rest.p;
    out->len = len > 0 ? (size_t)len : 1;
    out->code = len > 0 ? code : -1;
    scan->rest = st_view(scan->rest.p + out->len, scan->rest.len - out->len);
    if (out->code >= 0) {
        out->hidden = judge(scan, out->code);
        return true;
    }
    out->hidden = true;
    scan->previous = '>';
    scan->in_emoji = false;
    scan->marks = 0;
    scan->tags = 0;
    return true;
}

static void append_shown(struct st_buf *out, const struct sanitize_point *point, bool ascii)
{
    char text[16];
    int len = 0;
    if (point->code < 0)
        len = snprintf(text, sizeof text, "<0x%02X>", (unsigned)point->at[0]);
    else if (point->hidden)
        len = snprintf(text, sizeof text, "<U+%04X>", (unsigned)point->code);
    else if (ascii && point->code > 0x7F)
        len = snprintf(text, sizeof text, "\\u{%04X}", (unsigned)point->code);
    const void *bytes = len > 0 ? (const void *)text : (const void *)point->at;
    (void)st_buf_append(out, bytes, len > 0 ? (size_t)len : point->len);
}

void sanitize_append(struct st_buf *out, struct st_view text, enum sanitize_mode mode, bool ascii)
{
    struct sanitize_scan scan;
    struct sanitize_point point;
    sanitize_scan_init(&scan, text);
    while (sanitize_next(&scan, &point)) {
        if (mode == SANITIZE_MESSAGE && (point.code == '\n' || point.code == '\t'))
            point.hidden = false;
        append_shown(out, &point, ascii);
    }
}
