/* Words as a shell takes them, so that what we suggest can be pasted. */
#ifndef QUOTE_H
#define QUOTE_H

#include <stddef.h>

enum { QUOTE_LINE_BYTES = 1024 /* of a suggested command line, with its NUL */ };

/* Appends `word` to the text in `out` (capacity `cap`), after a space if the text is not empty; quoted if it must be.
 * Returns 0, or -1 if it does not fit: the text is then as before. */
int quote_append(char *out, size_t cap, const char *word);

/* The command line that was typed, to be typed again: argv from 1 on behind `safetalk`, quoted. What does not fit
 * becomes `…`. */
void quote_line(char out[static QUOTE_LINE_BYTES], int argc, char *const *argv);

#endif
