/* Small pictures for tests: each format with metadata ("SECRET") in every place that we know, an image ("IMAGE") and
 * something that must stay ("KEPT"). The CRCs of PNG are left 0: nothing here decodes. */
#ifndef PICTURE_SAMPLE_H
#define PICTURE_SAMPLE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef size_t (*sample_fn)(uint8_t *out);

static inline size_t sample_put(uint8_t *out, size_t at, const void *bytes, size_t len)
{
    memcpy(out + at, bytes, len);
    return at + len;
}

static inline size_t sample_chunk(uint8_t *out, size_t at, const char *type, const void *data, size_t len)
{
    const uint8_t head[4] = { 0, 0, (uint8_t)(len >> 8), (uint8_t)len };
    at = sample_put(out, at, head, 4);
    at = sample_put(out, at, type, 4);
    at = sample_put(out, at, data, len);
    return sample_put(out, at, "\0\0\0\0", 4);
}

static inline size_t sample_png(uint8_t *out)
{
    size_t at = sample_put(out, 0, "\x89PNG\r\n\x1a\n", 8);
    at = sample_chunk(out, at, "IHDR", "\0\0\0\1\0\0\0\1\x08\0\0\0\0", 13);
    at = sample_chunk(out, at, "tEXt", "Comment\0SECRET", 14);
    at = sample_chunk(out, at, "iCCP", "KEPT", 4);
    at = sample_chunk(out, at, "eXIf", "SECRET", 6);
    at = sample_chunk(out, at, "tIME", "SECRET!", 7);
    at = sample_chunk(out, at, "zTXt", "SECRET", 6);
    at = sample_chunk(out, at, "IDAT", "IMAGE", 5);
    at = sample_chunk(out, at, "iTXt", "SECRET", 6);
    at = sample_chunk(out, at, "prVt", "SECRET", 6);
    return sample_chunk(out, at, "IEND", "", 0);
}

static inline size_t sample_segment(uint8_t *out, size_t at, uint8_t marker, const void *data, size_t len)
{
    const uint8_t head[4] = { 0xFF, marker, (uint8_t)((len + 2) >> 8), (uint8_t)(len + 2) };
    at = sample_put(out, at, head, 4);
    return sample_put(out, at, data, len);
}

static inline size_t sample_jpeg(uint8_t *out)
{
    /* JFIF with a thumbnail of 1 × 2 pixels. */
    static const char jfif[] = "JFIF\0\1\1\0\0\1\0\1\1\2SECRET";
    /* A little-endian directory with a text, then the orientation 6. */
    static const char exif[] = "Exif\0\0II*\0\x08\0\0\0\x02\0"
                               "\x0f\x01\x02\0\x06\0\0\0\x26\0\0\0"
                               "\x12\x01\x03\0\x01\0\0\0\x06\0\0\0"
                               "\0\0\0\0SECRET";
    size_t at = sample_put(out, 0, "\xFF\xD8", 2);
    at = sample_segment(out, at, 0xE0, jfif, 14);
    at = sample_segment(out, at, 0xE0, jfif, sizeof jfif - 1);
    at = sample_segment(out, at, 0xE1, exif, sizeof exif - 1);
    at = sample_segment(out, at, 0xE1, "http://ns.adobe.com/xap/1.0/\0SECRET", 35);
    at = sample_segment(out, at, 0xE2, "ICC_PROFILE\0\1\1KEPT", 18);
    at = sample_segment(out, at, 0xE2, "MPF\0SECRET", 10);
    at = sample_segment(out, at, 0xED, "Photoshop 3.0\0SECRET", 20);
    at = sample_segment(out, at, 0xEE, "Adobe\0\x64\0\0\0\0\1", 12);
    at = sample_segment(out, at, 0xFE, "SECRET", 6);
    at = sample_segment(out, at, 0xDB, "\0KEPT", 5);
    at = sample_segment(out, at, 0xDA, "\1\1\0\0\x3F\0", 6);
    at = sample_put(out, at, "IM\xFF\0\xFF\xD0IMAGE", 11);
    at = sample_segment(out, at, 0xDA, "\1\1\0\0\x3F\0", 6);
    at = sample_put(out, at, "IMAGE\xFF", 6);
    return sample_put(out, at, "\xFF\xD9", 2);
}

static inline size_t sample_gif(uint8_t *out)
{
    size_t at = sample_put(out, 0, "GIF89a\1\0\1\0\x80\0\0", 13);
    at = sample_put(out, at, "\0\0\0\xFF\xFF\xFF", 6);
    at = sample_put(out, at, "!\xFF\x0BNETSCAPE2.0\3\1KE\0", 19);
    at = sample_put(out, at, "!\xFF\x0BXMP DataXMP\6SECRET\0", 22);
    at = sample_put(out, at, "!\xFE\6SECRET\0", 10);
    at = sample_put(out, at, "!\xF9\4\0\0\0\0\0", 8);
    at = sample_put(out, at, ",\0\0\0\0\1\0\1\0\0\2\5IMAGE\4KEPT\0", 23);
    return sample_put(out, at, ";", 1);
}

static inline size_t sample_webp(uint8_t *out)
{
    size_t at = sample_put(out, 0, "RIFF\0\0\0\0WEBP", 12);
    at = sample_put(out, at, "VP8X\x0a\0\0\0\x1C\0\0\0\0\0\0\0\0\0", 18);
    at = sample_put(out, at, "VP8L\5\0\0\0IMAGE\0", 14);
    at = sample_put(out, at, "EXIF\6\0\0\0SECRET", 14);
    at = sample_put(out, at, "XMP \7\0\0\0SECRET!\0", 16);
    out[4] = (uint8_t)(at - 8);
    return at;
}

#endif
