/* WebP: a RIFF file (little-endian size) of chunks. WebP container specification (RFC 9649). */
#include "client/cli/picture_walk.h"

enum {
    HEADER_BYTES = 12, /* RIFF, size, WEBP */
    CHUNK_HEAD = 8,
    FLAGS_AT = HEADER_BYTES + CHUNK_HEAD, /* of VP8X, which is the first chunk where it is there */
    FLAG_EXIF = 0x08,
    FLAG_XMP = 0x04
};

static const char TRUNCATED[] = "WebP shorter than it says";

static uint32_t little(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static bool is_type(const uint8_t *type, const char *name)
{
    return memcmp(type, name, 4) == 0;
}

/* After the walk: the size in the header, and the flags that announced what was dropped. */
static void mend_header(struct picture_walk *w)
{
    if (w->out == NULL)
        return;
    uint32_t size = (uint32_t)(w->out_len - CHUNK_HEAD);
    for (size_t i = 0; i < 4; i++)
        w->out[4 + i] = (uint8_t)(size >> (8 * i));
    if (w->out_len > FLAGS_AT && is_type(w->out + HEADER_BYTES, "VP8X"))
        w->out[FLAGS_AT] &= (uint8_t) ~(FLAG_EXIF | FLAG_XMP);
}

/* One chunk; the file's announced end is `end`. */
static enum picture_verdict chunk(struct picture_walk *w, size_t end, bool *image)
{
    size_t left = end - w->at;
    if (left < CHUNK_HEAD)
        return walk_end(w, PICTURE_DAMAGED, "WebP whose blocks do not fit together");
    const uint8_t *type = w->in + w->at;
    uint64_t len = (uint64_t)little(type + 4) + CHUNK_HEAD;
    len += len & 1; /* padded to an even size */
    if (len > left)
        return walk_end(w, PICTURE_DAMAGED, "WebP whose blocks do not fit together");
    *image = *image || is_type(type, "VP8 ") || is_type(type, "VP8L") || is_type(type, "ANMF");
    if (is_type(type, "EXIF") || is_type(type, "XMP "))
        walk_drop(w, (size_t)len);
    else
        walk_keep(w, (size_t)len);
    return PICTURE_WHOLE;
}

enum picture_verdict picture_webp_walk(struct picture_walk *w)
{
    bool image = false;
    uint64_t end = (uint64_t)little(w->in + 4) + CHUNK_HEAD;
    end += end & 1;
    if (end > w->len)
        return walk_end(w, PICTURE_TRUNCATED, TRUNCATED);
    if (end < HEADER_BYTES)
        return walk_end(w, PICTURE_DAMAGED, "WebP whose blocks do not fit together");
    walk_keep(w, HEADER_BYTES);
    while (w->at < end) {
        enum picture_verdict verdict = chunk(w, (size_t)end, &image);
        if (verdict != PICTURE_WHOLE)
            return verdict;
    }
    if (!image)
        return walk_end(w, PICTURE_DAMAGED, "WebP without a picture in it");
    mend_header(w);
    return walk_end(w, PICTURE_WHOLE, "");
}
