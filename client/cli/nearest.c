#include "client/cli/nearest.h"

#include <limits.h>
#include <stddef.h>

#include "lib/st_nearest.h"

void nearest_begin(struct nearest *nearest, const char *typed)
{
    nearest->typed = typed;
    nearest->word = NULL;
    nearest->distance = UINT_MAX;
}

void nearest_offer(struct nearest *nearest, const char *word)
{
    unsigned distance = st_nearest_distance(nearest->typed, word);
    if (distance >= nearest->distance)
        return;
    nearest->distance = distance;
    nearest->word = word;
}
