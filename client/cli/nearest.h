/* The nearest of many words that are offered one by one; lib/st_nearest.h measures. */
#ifndef NEAREST_H
#define NEAREST_H

/* Start with nearest_begin, offer each word, then read `word`. */
struct nearest {
    const char *typed; /* borrowed */
    const char *word;  /* the nearest so far, the first of several; borrowed from the offers; NULL before the first */
    unsigned distance;
};

void nearest_begin(struct nearest *nearest, const char *typed);
void nearest_offer(struct nearest *nearest, const char *word);

#endif
