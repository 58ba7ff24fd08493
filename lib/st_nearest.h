/* The word that somebody may have meant: for unknown keys, commands and flags. */
#ifndef ST_NEAREST_H
#define ST_NEAREST_H

#include <stddef.h>

enum { ST_NEAREST_WORD_MAX = 64 /* bytes that are looked at; longer words are compared up to there */ };

/* How many letters must be changed, added, left out or swapped with their neighbour to get from one word to the other
 * (Damerau and Levenshtein, no letter touched twice). Bytes, not characters. */
unsigned st_nearest_distance(const char *a, const char *b);

/* The index of the nearest of `count` words, the first of several; SIZE_MAX if all are further than half the longer
 * word's letters: then a suggestion would only puzzle. */
size_t st_nearest(const char *word, const char *const *words, size_t count);

#endif
