#include "client/cli/picture.h"

#include <utf8proc.h>

#include "client/cli/picture_walk.h"

enum { TEXT_LOOK = 4096 /* bytes that decide whether a file is text */ };

struct magic {
    const char *bytes;
    size_t len;
    const char *mime;
    enum picture_kind kind;
};

static const struct magic MAGICS[] = {
    { "\x89PNG\r\n\x1a\n", 8, "image/png", PICTURE_PNG },
    { "\xff\xd8\xff", 3, "image/jpeg", PICTURE_JPEG },
    { "GIF87a", 6, "image/gif", PICTURE_GIF },
    { "GIF89a", 6, "image/gif", PICTURE_GIF },
    { "%PDF-", 5, "application/pdf", PICTURE_NONE },
    { "PK\x03\x04", 4, "application/zip", PICTURE_NONE },
    { "\x1f\x8b\x08", 3, "application/gzip", PICTURE_NONE },
    { "\xfd"
      "7zXZ\0",
      6, "application/x-xz", PICTURE_NONE },
    { "\x28\xb5\x2f\xfd", 4, "application/zstd", PICTURE_NONE },
    { "OggS", 4, "audio/ogg", PICTURE_NONE },
    { "fLaC", 4, "audio/flac", PICTURE_NONE },
    { "ID3", 3, "audio/mpeg", PICTURE_NONE },
    { "\x1a\x45\xdf\xa3", 4, "video/webm", PICTURE_NONE },
};

static const struct magic *find_magic(struct st_view bytes)
{
    for (size_t i = 0; i < sizeof MAGICS / sizeof MAGICS[0]; i++)
        if (bytes.len >= MAGICS[i].len && memcmp(bytes.p, MAGICS[i].bytes, MAGICS[i].len) == 0)
            return &MAGICS[i];
    return NULL;
}

static bool is_webp(struct st_view bytes)
{
    return bytes.len >= 12 && memcmp(bytes.p, "RIFF", 4) == 0 && memcmp(bytes.p + 8, "WEBP", 4) == 0;
}

enum picture_kind picture_kind(struct st_view bytes)
{
    const struct magic *magic = find_magic(bytes);
    if (magic != NULL)
        return magic->kind;
    return is_webp(bytes) ? PICTURE_WEBP : PICTURE_NONE;
}

/* UTF-8 without controls but tab, newline, return and form feed. A character cut by the end of the look is fine. */
static bool is_text(struct st_view bytes)
{
    size_t look = bytes.len < TEXT_LOOK ? bytes.len : TEXT_LOOK;
    size_t at = 0;
    while (at < look) {
        utf8proc_int32_t code;
        utf8proc_ssize_t len = utf8proc_iterate(bytes.p + at, (utf8proc_ssize_t)(bytes.len - at), &code);
        if (len <= 0)
            return false;
        bool white = code == '\t' || code == '\n' || code == '\r' || code == '\f';
        if (!white && utf8proc_category(code) == UTF8PROC_CATEGORY_CC)
            return false;
        at += (size_t)len;
    }
    return true;
}

const char *picture_mime(struct st_view bytes)
{
    const struct magic *magic = find_magic(bytes);
    if (magic != NULL)
        return magic->mime;
    if (is_webp(bytes))
        return "image/webp";
    if (bytes.len >= 12 && memcmp(bytes.p + 4, "ftyp", 4) == 0)
        return "video/mp4";
    return is_text(bytes) ? "text/plain" : "application/octet-stream";
}

typedef enum picture_verdict (*walk_fn)(struct picture_walk *w);

static const walk_fn WALKERS[] = {
    [PICTURE_PNG] = picture_png_walk,
    [PICTURE_JPEG] = picture_jpeg_walk,
    [PICTURE_GIF] = picture_gif_walk,
    [PICTURE_WEBP] = picture_webp_walk,
};

enum picture_verdict picture_check(struct st_view bytes, const char **why)
{
    struct picture_walk walk = { bytes.p, bytes.len, 0, NULL, 0, "" };
    enum picture_kind kind = picture_kind(bytes);
    enum picture_verdict verdict = kind == PICTURE_NONE ? PICTURE_WHOLE : WALKERS[kind](&walk);
    *why = walk.why;
    return verdict;
}

size_t picture_strip(uint8_t *bytes, size_t len)
{
    const char *why;
    enum picture_kind kind = picture_kind(st_view(bytes, len));
    if (kind == PICTURE_NONE || picture_check(st_view(bytes, len), &why) != PICTURE_WHOLE)
        return len;
    struct picture_walk walk = { bytes, len, 0, bytes, 0, "" };
    return WALKERS[kind](&walk) == PICTURE_WHOLE ? walk.out_len : len;
}
