/* Which of several words somebody may have meant. */
#ifndef NEAREST_H
#define NEAREST_H

#include <stddef.h>

enum { NEAREST_WORD_MAX = 63 /* bytes of a word that are compared */ };

/* How many letters must be put in, left out, replaced or swapped with their neighbour to turn one word into the
 * other (Damerau-Levenshtein, each place changed once). */
size_t nearest_distance(const char *a, const char *b);

/* The search for the nearest of many words: start with nearest_begin, offer each word, then read `word`. */
struct nearest {
    const char *typed; /* borrowed */
    const char *word;  /* the nearest so far; borrowed from the offers; NULL before the first */
    size_t distance;
};

void nearest_begin(struct nearest *nearest, const char *typed);
void nearest_offer(struct nearest *nearest, const char *word);

#endif
