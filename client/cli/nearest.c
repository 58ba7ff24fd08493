#include "client/cli/nearest.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static size_t least(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

static size_t bounded_len(const char *word)
{
    size_t len = strlen(word);
    return len > NEAREST_WORD_MAX ? NEAREST_WORD_MAX : len;
}

size_t nearest_distance(const char *a, const char *b)
{
    size_t rows[3][NEAREST_WORD_MAX + 1]; /* two before, one before, this */
    size_t *before = rows[0];
    size_t *last = rows[1];
    size_t *now = rows[2];
    size_t a_len = bounded_len(a);
    size_t b_len = bounded_len(b);
    for (size_t j = 0; j <= b_len; j++)
        last[j] = before[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        now[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            bool same = a[i - 1] == b[j - 1];
            now[j] = least(last[j] + 1, now[j - 1] + 1, last[j - 1] + (same ? 0 : 1));
            bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped && before[j - 2] + 1 < now[j])
                now[j] = before[j - 2] + 1;
        }
        size_t *spare = before;
        before = last;
        last = now;
        now = spare;
    }
    return last[b_len];
}

void nearest_begin(struct nearest *nearest, const char *typed)
{
    nearest->typed = typed;
    nearest->word = NULL;
    nearest->distance = SIZE_MAX;
}

void nearest_offer(struct nearest *nearest, const char *word)
{
    size_t distance = nearest_distance(nearest->typed, word);
    if (distance >= nearest->distance)
        return;
    nearest->distance = distance;
    nearest->word = word;
}
