#include "lib/st_nearest.h"

#include <limits.h>
#include <stdint.h>
#include <string.h>

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static size_t bounded_len(const char *text)
{
    return strnlen(text, ST_NEAREST_WORD_MAX);
}

unsigned st_nearest_distance(const char *a, const char *b)
{
    size_t a_len = bounded_len(a);
    size_t b_len = bounded_len(b);
    /* Three rows of the table [letters of a][letters of b]: two back, one back, this one. */
    unsigned rows[3][ST_NEAREST_WORD_MAX + 1];
    for (size_t j = 0; j <= b_len; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= a_len; i++) {
        unsigned *now = rows[i % 3];
        const unsigned *before = rows[(i + 2) % 3];
        const unsigned *two_before = rows[(i + 1) % 3];
        now[0] = (unsigned)i;
        for (size_t j = 1; j <= b_len; j++) {
            unsigned changed = before[j - 1] + (a[i - 1] != b[j - 1]);
            now[j] = least(changed, least(before[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = least(now[j], two_before[j - 2] + 1);
        }
    }
    return rows[a_len % 3][b_len];
}

size_t st_nearest(const char *word, const char *const *words, size_t count)
{
    size_t best = SIZE_MAX;
    unsigned best_distance = UINT_MAX;
    for (size_t i = 0; i < count; i++) {
        unsigned distance = st_nearest_distance(word, words[i]);
        size_t longer = bounded_len(word) > bounded_len(words[i]) ? bounded_len(word) : bounded_len(words[i]);
        if (distance < best_distance && 2 * distance <= longer) {
            best = i;
            best_distance = distance;
        }
    }
    return best;
}
