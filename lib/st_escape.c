#include "lib/st_escape.h"

/* Writes the form of one byte to `out` (room for 4) and returns its length. */
static size_t escape_byte(char out[static 4], uint8_t byte)
{
    static const char digits[] = "0123456789abcdef";
    const char *short_form = NULL;
    switch (byte) {
    case '\n':
        short_form = "\\n";
        break;
    case '\r':
        short_form = "\\r";
        break;
    case '\t':
        short_form = "\\t";
        break;
    case '"':
        short_form = "\\\"";
        break;
    case '\\':
        short_form = "\\\\";
        break;
    default:
        break;
    }
    if (short_form != NULL) {
        memcpy(out, short_form, 2);
        return 2;
    }
    if (byte >= 0x20 && byte <= 0x7e) {
        out[0] = (char)byte;
        return 1;
    }
    out[0] = '\\';
    out[1] = 'x';
    out[2] = digits[byte >> 4];
    out[3] = digits[byte & 15];
    return 4;
}

size_t st_escape(char *out, size_t cap, struct st_view text)
{
    static const char cut[] = "...";
    size_t len = 0;
    size_t cut_at = 0; /* the longest prefix that leaves room for the mark */
    for (size_t i = 0; i < text.len; i++) {
        char form[4];
        size_t form_len = escape_byte(form, text.p[i]);
        if (len + form_len >= cap) {
            size_t mark_len = cap - 1 - cut_at < sizeof cut - 1 ? cap - 1 - cut_at : sizeof cut - 1;
            memcpy(out + cut_at, cut, mark_len);
            len = cut_at + mark_len;
            break;
        }
        memcpy(out + len, form, form_len);
        len += form_len;
        if (len + sizeof cut <= cap)
            cut_at = len;
    }
    out[len] = '\0';
    return len;
}
