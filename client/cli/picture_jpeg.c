/* JPEG: markers FF xx, most with a length and data, and behind each SOS the coded image up to the next marker; the last
 * marker is EOI. ITU-T T.81, annex B. */
#include "client/cli/picture_walk.h"

enum {
    MARKER_SOI = 0xD8,
    MARKER_EOI = 0xD9,
    MARKER_SOS = 0xDA,
    MARKER_RST_FIRST = 0xD0,
    MARKER_RST_LAST = 0xD7,
    MARKER_TEM = 0x01,
    MARKER_APP0 = 0xE0,
    MARKER_APP1 = 0xE1,
    MARKER_APP2 = 0xE2,
    MARKER_APP14 = 0xEE,
    MARKER_APP15 = 0xEF,
    MARKER_COM = 0xFE,
    JFIF_BYTES = 18, /* marker, length 16, "JFIF\0", version, density, thumbnail 0 × 0 */
    ORIENTATION_TAG = 0x0112,
    TIFF_SHORT = 3,
    IFD_ENTRY = 12
};

static const char TRUNCATED[] = "JPEG without its last marker";

static uint32_t number(const uint8_t *p, size_t bytes, bool little)
{
    uint32_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value = (value << 8) | p[little ? bytes - 1 - i : i];
    return value;
}

/* The orientation in an EXIF block: a TIFF header, then the first directory. 0 if there is none. */
static uint8_t orientation_of(struct st_view tiff)
{
    if (tiff.len < 8 || (memcmp(tiff.p, "II*\0", 4) != 0 && memcmp(tiff.p, "MM\0*", 4) != 0))
        return 0;
    bool little = tiff.p[0] == 'I';
    uint32_t at = number(tiff.p + 4, 4, little);
    if (at > tiff.len - 2)
        return 0;
    uint32_t count = number(tiff.p + at, 2, little);
    struct st_view entries = st_view(tiff.p + at + 2, tiff.len - at - 2);
    for (uint32_t i = 0; i < count && entries.len >= IFD_ENTRY; i++) {
        const uint8_t *e = entries.p;
        if (number(e, 2, little) == ORIENTATION_TAG && number(e + 2, 2, little) == TIFF_SHORT) {
            uint32_t value = number(e + 8, 2, little);
            return value >= 1 && value <= 8 ? (uint8_t)value : 0;
        }
        entries = st_view(entries.p + IFD_ENTRY, entries.len - IFD_ENTRY);
    }
    return 0;
}

/* An EXIF block with the orientation and nothing else, in place of the one of `total` bytes that is dropped. */
static void keep_orientation(struct picture_walk *w, size_t total)
{
    /* FF E1, length, "Exif\0\0", TIFF header (big-endian, directory at 8), one entry, no further directory. */
    uint8_t block[36] = {
        0xFF, MARKER_APP1, 0,    34,   'E', 'x',        'i', 'f', 0, 0, 'M', 'M', 0, '*', 0, 0, 0, 8,
        0,    1,           0x01, 0x12, 0,   TIFF_SHORT, 0,   0,   0, 1, 0,   0,   0, 0,   0, 0, 0, 0
    };
    const uint8_t *data = w->in + w->at + 4;
    size_t len = total - 4;
    bool exif = len >= 6 && memcmp(data, "Exif\0\0", 6) == 0;
    uint8_t orientation = exif ? orientation_of(st_view(data + 6, len - 6)) : 0;
    walk_drop(w, total);
    if (orientation <= 1 || total < sizeof block)
        return;
    block[29] = orientation;
    walk_put(w, block, sizeof block);
}

/* The JFIF header without the thumbnail that may stand in it. */
static void keep_jfif(struct picture_walk *w, size_t total)
{
    uint8_t head[JFIF_BYTES];
    if (total < JFIF_BYTES || memcmp(w->in + w->at + 4, "JFIF", 5) != 0) {
        walk_drop(w, total); /* JFXX: a thumbnail */
        return;
    }
    memcpy(head, w->in + w->at, sizeof head);
    st_put_u16(head + 2, JFIF_BYTES - 2);
    head[JFIF_BYTES - 2] = head[JFIF_BYTES - 1] = 0;
    walk_drop(w, total);
    walk_put(w, head, sizeof head);
}

static bool begins_with(const struct picture_walk *w, size_t total, const char *name, size_t len)
{
    return total >= 4 + len && memcmp(w->in + w->at + 4, name, len) == 0;
}

/* Keeps or drops a segment of `total` bytes, marker and length included. */
static void segment(struct picture_walk *w, uint8_t marker, size_t total)
{
    bool profile = marker == MARKER_APP2 && begins_with(w, total, "ICC_PROFILE", 12);
    bool adobe = marker == MARKER_APP14 && begins_with(w, total, "Adobe", 5);
    if (marker == MARKER_APP0)
        keep_jfif(w, total);
    else if (marker == MARKER_APP1)
        keep_orientation(w, total);
    else if (marker == MARKER_COM || (marker > MARKER_APP1 && marker <= MARKER_APP15 && !profile && !adobe))
        walk_drop(w, total);
    else
        walk_keep(w, total);
}

/* The coded image: up to the next marker that is not a restart. False: the file ends. */
static bool coded_image(struct picture_walk *w)
{
    size_t len = 0;
    size_t left = walk_left(w);
    const uint8_t *p = w->in + w->at;
    for (;;) {
        const uint8_t *next = len < left ? memchr(p + len, 0xFF, left - len) : NULL;
        if (next == NULL || (size_t)(next - p) + 1 >= left)
            return false;
        len = (size_t)(next - p);
        uint8_t code = p[len + 1];
        bool stuffed = code == 0 || (code >= MARKER_RST_FIRST && code <= MARKER_RST_LAST);
        if (!stuffed && code != 0xFF)
            break;
        len += code == 0xFF ? 1 : 2;
    }
    walk_keep(w, len);
    return true;
}

enum picture_verdict picture_jpeg_walk(struct picture_walk *w)
{
    bool image = false;
    walk_keep(w, 2); /* SOI */
    for (;;) {
        if (walk_left(w) < 2)
            return walk_end(w, PICTURE_TRUNCATED, TRUNCATED);
        uint8_t marker = w->in[w->at + 1];
        if (w->in[w->at] != 0xFF || marker == 0 || marker == MARKER_SOI)
            return walk_end(w, PICTURE_DAMAGED, "JPEG whose parts do not fit together");
        if (marker == 0xFF) { /* a fill byte */
            walk_drop(w, 1);
            continue;
        }
        if (marker == MARKER_EOI) {
            walk_keep(w, 2);
            return image ? walk_end(w, PICTURE_WHOLE, "")
                         : walk_end(w, PICTURE_DAMAGED, "JPEG without a picture in it");
        }
        if (marker == MARKER_TEM || (marker >= MARKER_RST_FIRST && marker <= MARKER_RST_LAST)) {
            walk_keep(w, 2);
            continue;
        }
        if (walk_left(w) < 4)
            return walk_end(w, PICTURE_TRUNCATED, TRUNCATED);
        size_t total = (size_t)st_get_u16(w->in + w->at + 2) + 2;
        if (total < 4)
            return walk_end(w, PICTURE_DAMAGED, "JPEG whose parts do not fit together");
        if (total > walk_left(w))
            return walk_end(w, PICTURE_TRUNCATED, TRUNCATED);
        segment(w, marker, total);
        image = image || marker == MARKER_SOS;
        if (marker == MARKER_SOS && !coded_image(w))
            return walk_end(w, PICTURE_TRUNCATED, TRUNCATED);
    }
}
