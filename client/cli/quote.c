#include "client/cli/quote.h"

#include <stdbool.h>
#include <string.h>

static bool is_plain(const char *word)
{
    /* A # begins a comment only at the beginning of a word: an address stays readable. */
    static const char safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_@%+=:,./-#";
    return word[0] != '\0' && word[0] != '#' && word[strspn(word, safe)] == '\0';
}

/* Bytes of the word in single quotes: each single quote inside takes four. */
static size_t quoted_len(const char *word)
{
    size_t len = strlen(word) + 2;
    for (const char *at = word; *at != '\0'; at++)
        if (*at == '\'')
            len += 3;
    return len;
}

static char *put_quoted(char *to, const char *word)
{
    *to++ = '\'';
    for (; *word != '\0'; word++) {
        if (*word == '\'') {
            memcpy(to, "'\\''", 4);
            to += 4;
        } else {
            *to++ = *word;
        }
    }
    *to++ = '\'';
    return to;
}

int quote_append(char *out, size_t cap, const char *word)
{
    size_t used = strlen(out);
    size_t gap = used > 0 ? 1 : 0;
    bool plain = is_plain(word);
    size_t len = plain ? strlen(word) : quoted_len(word);
    if (used + gap >= cap || len >= cap - used - gap)
        return -1;
    char *to = out + used;
    if (gap > 0)
        *to++ = ' ';
    if (plain) {
        memcpy(to, word, len);
        to += len;
    } else {
        to = put_quoted(to, word);
    }
    *to = '\0';
    return 0;
}

void quote_line(char out[static QUOTE_LINE_BYTES], int argc, char *const *argv)
{
    static const char more[] = " \xE2\x80\xA6";
    size_t cap = QUOTE_LINE_BYTES - (sizeof more - 1);
    memset(out, 0, QUOTE_LINE_BYTES);
    memcpy(out, "safetalk", 8);
    for (int i = 1; i < argc; i++) {
        if (quote_append(out, cap, argv[i]) != 0) {
            memcpy(out + strlen(out), more, sizeof more);
            return;
        }
    }
}
