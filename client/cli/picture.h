/* Pictures, before they are sent: is the file whole, and which metadata leaves it. Only the structure of PNG, JPEG, GIF
 * and WebP is read, never the image: no decoder, no allocation, every length checked against what is there. */
#ifndef PICTURE_H
#define PICTURE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/st_bytes.h"

enum picture_kind { PICTURE_NONE = 0, PICTURE_PNG, PICTURE_JPEG, PICTURE_GIF, PICTURE_WEBP };

enum picture_verdict {
    PICTURE_WHOLE,
    PICTURE_TRUNCATED, /* it ends too early */
    PICTURE_DAMAGED    /* its parts do not fit together */
};

/* The kind, by its first bytes. */
enum picture_kind picture_kind(struct st_view bytes);

/* The media type of any file, by its first bytes: the pictures above, a few other formats, text/plain for UTF-8
 * without controls, else application/octet-stream. Returns a static string. */
const char *picture_mime(struct st_view bytes);

/* Whether a picture is whole. PICTURE_NONE is always whole. `*why` (static) says what is wrong: "PNG without its last
 * block"; "" if nothing is. */
enum picture_verdict picture_check(struct st_view bytes, const char **why);

/* Takes the metadata out, in place, and returns the new length (never more than `len`):
 * PNG: text, time, EXIF and every ancillary chunk that does not change what is seen; JPEG: comments and APP1 to APP15
 * but for the ICC profile, Adobe's colour transform and the orientation (kept alone, without the EXIF data around it),
 * and thumbnails; GIF: comments and application data but for the loop count; WebP: EXIF and XMP; all: what stands
 * behind the end. A picture that is not whole, and what is no picture, stays as it is. */
size_t picture_strip(uint8_t *bytes, size_t len);

#endif
