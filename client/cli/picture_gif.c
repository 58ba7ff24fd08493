/* GIF: header, screen, colour table, then blocks up to the trailer. GIF89a specification. */
#include "client/cli/picture_walk.h"

enum {
    HEADER_BYTES = 13, /* with the logical screen descriptor */
    IMAGE = 0x2C,
    EXTENSION = 0x21,
    TRAILER = 0x3B,
    IMAGE_BYTES = 10,
    LABEL_COMMENT = 0xFE,
    LABEL_APPLICATION = 0xFF,
    APPLICATION_BYTES = 11
};

static const char TRUNCATED[] = "GIF without its trailer";

/* Bytes of the colour table that `flags` announce. */
static size_t table_bytes(uint8_t flags)
{
    return (flags & 0x80) != 0 ? (size_t)3 << ((flags & 7) + 1) : 0;
}

/* The bytes of a chain of sub-blocks from `at` on, its closing 0 included; 0: the file ends within. */
static size_t chain_bytes(const struct picture_walk *w, size_t at)
{
    size_t start = at;
    while (at < w->len) {
        size_t len = w->in[at];
        if (len == 0)
            return at + 1 - start;
        if (len + 1 > w->len - at)
            return 0;
        at += len + 1;
    }
    return 0;
}

/* The loop count of animations; everything else that applications store is metadata. */
static bool is_loop(const struct picture_walk *w)
{
    const uint8_t *p = w->in + w->at + 2;
    return p[0] == APPLICATION_BYTES &&
           (memcmp(p + 1, "NETSCAPE2.0", 11) == 0 || memcmp(p + 1, "ANIMEXTS1.0", 11) == 0);
}

static bool extension(struct picture_walk *w)
{
    if (walk_left(w) < 2)
        return false;
    uint8_t label = w->in[w->at + 1];
    size_t len = chain_bytes(w, w->at + 2);
    if (len == 0)
        return false;
    bool loop = label == LABEL_APPLICATION && len > APPLICATION_BYTES + 1 && is_loop(w);
    if (label == LABEL_COMMENT || (label == LABEL_APPLICATION && !loop))
        walk_drop(w, len + 2);
    else
        walk_keep(w, len + 2);
    return true;
}

static bool image(struct picture_walk *w)
{
    if (walk_left(w) < IMAGE_BYTES)
        return false;
    size_t head = IMAGE_BYTES + table_bytes(w->in[w->at + IMAGE_BYTES - 1]) + 1; /* the code size behind it */
    if (walk_left(w) < head)
        return false;
    size_t len = chain_bytes(w, w->at + head);
    if (len == 0)
        return false;
    walk_keep(w, head + len);
    return true;
}

enum picture_verdict picture_gif_walk(struct picture_walk *w)
{
    if (w->len < HEADER_BYTES || w->len - HEADER_BYTES < table_bytes(w->in[10]))
        return walk_end(w, PICTURE_TRUNCATED, TRUNCATED);
    walk_keep(w, HEADER_BYTES + table_bytes(w->in[10]));
    for (;;) {
        if (walk_left(w) == 0)
            return walk_end(w, PICTURE_TRUNCATED, TRUNCATED);
        uint8_t block = w->in[w->at];
        if (block == TRAILER) {
            walk_keep(w, 1);
            return walk_end(w, PICTURE_WHOLE, "");
        }
        if (block != IMAGE && block != EXTENSION)
            return walk_end(w, PICTURE_DAMAGED, "GIF whose blocks do not fit together");
        if (block == IMAGE ? !image(w) : !extension(w))
            return walk_end(w, PICTURE_TRUNCATED, TRUNCATED);
    }
}
