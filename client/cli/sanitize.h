/* The one sanitiser: whatever came from somebody else (messages, names, file names, server sentences) passes
 * through here before a terminal or a JSON reader sees it. A code point that could steer the terminal, turn the
 * reading direction, hide, or break the line is *hidden* and gets shown by its number, as `<U+202E>`:
 * C0 and C1 controls, DEL, bidirectional controls, U+2028/9, zero-width and ignorable code points outside emoji,
 * non-characters, combining marks that would sit on our own text or pile up beyond SANITIZE_MARKS_MAX, and bytes
 * that are not UTF-8. The decision is made in one place, sanitize_next, which the JSON writer uses too. */
#ifndef SANITIZE_H
#define SANITIZE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/st_bytes.h"

enum {
    SANITIZE_MARKS_MAX = 8,  /* combining marks on one character */
    SANITIZE_GROWTH_MAX = 11 /* output bytes for one input byte or code point: `\u{10FFFF}` and room */
};

enum sanitize_mode {
    SANITIZE_LINE,   /* names, file names, sentences: newline and tab are hidden too */
    SANITIZE_MESSAGE /* newline and tab stay */
};

/* One code point of the text, or one byte that is not UTF-8. */
struct sanitize_point {
    int32_t code;      /* the code point; -1 for an invalid byte */
    const uint8_t *at; /* its first byte, borrowed */
    size_t len;        /* its bytes */
    bool hidden;       /* must be shown by its number. Newline and tab count as hidden here */
};

/* A walk over a text. Fields are its own. */
struct sanitize_scan {
    struct st_view rest;
    int32_t previous; /* code point before, 0 at the start of a line */
    bool in_emoji;    /* the current character began with a pictograph */
    unsigned marks;   /* combining marks on the current character */
    unsigned tags;    /* tag characters of a flag that still belong to the emoji */
};

/* Begins a walk; `text` is borrowed and must outlive it. */
void sanitize_scan_init(struct sanitize_scan *scan, struct st_view text);

/* The next point; false at the end. */
bool sanitize_next(struct sanitize_scan *scan, struct sanitize_point *out);

/* Appends the text as a terminal may see it. `ascii`: for terminals without UTF-8, other characters become
 * `\u{20AC}`. Errors stick in `out`. */
void sanitize_append(struct st_buf *out, struct st_view text, enum sanitize_mode mode, bool ascii);

#endif
