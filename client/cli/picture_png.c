/* PNG: a signature and chunks (length 4, type 4, data, CRC 4) up to IEND. W3C PNG specification, section 5. */
#include "client/cli/picture_walk.h"

enum { SIGNATURE_BYTES = 8, CHUNK_FRAME = 12, HEADER_DATA = 13 };

static const char TRUNCATED[] = "PNG without its last block";

static bool is_type(const uint8_t *type, const char *name)
{
    return memcmp(type, name, 4) == 0;
}

/* A chunk that is needed to show the picture, or changes what is seen: critical ones (upper case), colour,
 * transparency, size of a pixel, animation. */
static bool is_kept(const uint8_t *type)
{
    static const char *const shown[] = { "tRNS", "gAMA", "cHRM", "sRGB", "iCCP", "sBIT", "bKGD", "pHYs",
                                         "sPLT", "hIST", "cICP", "mDCV", "cLLI", "acTL", "fcTL", "fdAT" };
    if ((type[0] & 0x20) == 0)
        return true;
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++)
        if (is_type(type, shown[i]))
            return true;
    return false;
}

enum picture_verdict picture_png_walk(struct picture_walk *w)
{
    bool first = true;
    bool data = false;
    walk_keep(w, SIGNATURE_BYTES);
    for (;;) {
        if (walk_left(w) < CHUNK_FRAME)
            return walk_end(w, PICTURE_TRUNCATED, TRUNCATED);
        uint32_t len = st_get_u32(w->in + w->at);
        const uint8_t *type = w->in + w->at + 4;
        bool end = is_type(type, "IEND");
        if (len > INT32_MAX || (first && (!is_type(type, "IHDR") || len != HEADER_DATA)))
            return walk_end(w, PICTURE_DAMAGED, "PNG whose blocks do not fit together");
        if (len > walk_left(w) - CHUNK_FRAME)
            return walk_end(w, PICTURE_TRUNCATED, TRUNCATED);
        data = data || is_type(type, "IDAT");
        if (end && !data)
            return walk_end(w, PICTURE_DAMAGED, "PNG without a picture in it");
        first = false;
        if (is_kept(type))
            walk_keep(w, CHUNK_FRAME + len);
        else
            walk_drop(w, CHUNK_FRAME + len);
        if (end)
            return walk_end(w, PICTURE_WHOLE, "");
    }
}
