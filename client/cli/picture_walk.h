/* What the walkers of the picture formats share. Private to picture*.c.
 *
 * A walk reads a file part by part, and keeps or drops each. Checking is a walk that writes nothing; stripping is the
 * same walk writing over the file itself, always behind or at where it reads. */
#ifndef PICTURE_WALK_H
#define PICTURE_WALK_H

#include <stdbool.h>

#include "client/cli/picture.h"

struct picture_walk {
    const uint8_t *in;
    size_t len;
    size_t at;      /* what was read so far */
    uint8_t *out;   /* the same memory as `in`; NULL: only check */
    size_t out_len; /* what was kept so far */
    const char *why;
};

static inline size_t walk_left(const struct picture_walk *w)
{
    return w->len - w->at;
}

/* Keeps the next `len` bytes; the caller has checked that they are there. */
static inline void walk_keep(struct picture_walk *w, size_t len)
{
    if (w->out != NULL)
        memmove(w->out + w->out_len, w->in + w->at, len);
    w->out_len += len;
    w->at += len;
}

static inline void walk_drop(struct picture_walk *w, size_t len)
{
    w->at += len;
}

/* Writes bytes of our own in place of something longer that is dropped at the same time. */
static inline void walk_put(struct picture_walk *w, const uint8_t *bytes, size_t len)
{
    if (w->out != NULL)
        memcpy(w->out + w->out_len, bytes, len);
    w->out_len += len;
}

static inline enum picture_verdict walk_end(struct picture_walk *w, enum picture_verdict verdict, const char *why)
{
    w->why = why;
    return verdict;
}

/* Each walks a file of its kind from the beginning to its end, or to what is wrong with it. */
enum picture_verdict picture_png_walk(struct picture_walk *w);
enum picture_verdict picture_jpeg_walk(struct picture_walk *w);
enum picture_verdict picture_gif_walk(struct picture_walk *w);
enum picture_verdict picture_webp_walk(struct picture_walk *w);

#endif
