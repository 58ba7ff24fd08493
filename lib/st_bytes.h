/* Bytes with a length: a borrowed view, and a buffer that grows up to a limit fixed at birth.
 * Big-endian integers, as every fixed layout of the project uses them. */
#ifndef ST_BYTES_H
#define ST_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lib/st_err.h"

/* A borrowed run of bytes; valid as long as what it points into. {NULL, 0} is empty. */
struct st_view {
    const uint8_t *p;
    size_t len; /* bytes */
};

static inline struct st_view st_view(const void *p, size_t len)
{
    struct st_view view = { (const uint8_t *)p, len };
    return view;
}

static inline struct st_view st_view_text(const char *text)
{
    return st_view(text, strlen(text));
}

/* Not constant time: for public bytes only. Secrets are compared with sodium_memcmp. */
static inline bool st_view_equal(struct st_view a, struct st_view b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

/* A buffer with a hard limit. The first failed append makes it *failed*: later appends do nothing, and
 * st_buf_error tells. So a writer runs straight through and checks once. */
struct st_buf {
    uint8_t *p;
    size_t len;   /* bytes in use */
    size_t cap;   /* bytes allocated */
    size_t limit; /* bytes it may ever hold */
    enum st_err err;
};

/* An empty buffer that never grows beyond `limit` bytes. Allocates nothing yet. */
void st_buf_init(struct st_buf *buf, size_t limit);

/* Frees the memory; the buffer is empty and usable again. */
void st_buf_free(struct st_buf *buf);

/* As st_buf_free, but wipes the bytes first. */
void st_buf_wipe_free(struct st_buf *buf);

/* Forgets the contents and the error, keeps the memory. */
void st_buf_clear(struct st_buf *buf);

/* Appends `len` bytes. ST_ELIMIT past the limit, ST_ENOMEM without memory. */
enum st_err st_buf_append(struct st_buf *buf, const void *p, size_t len);

/* Makes room for `len` more bytes (0 is allowed) and returns where they go; the caller fills all of them. NULL only on
 * failure, as st_buf_append. */
uint8_t *st_buf_extend(struct st_buf *buf, size_t len);

static inline enum st_err st_buf_error(const struct st_buf *buf)
{
    return buf->err;
}

static inline struct st_view st_buf_view(const struct st_buf *buf)
{
    return st_view(buf->p, buf->len);
}

static inline void st_put_u16(uint8_t out[static 2], uint16_t v)
{
    out[0] = (uint8_t)(v >> 8);
    out[1] = (uint8_t)v;
}

static inline void st_put_u32(uint8_t out[static 4], uint32_t v)
{
    st_put_u16(out, (uint16_t)(v >> 16));
    st_put_u16(out + 2, (uint16_t)v);
}

static inline void st_put_u64(uint8_t out[static 8], uint64_t v)
{
    st_put_u32(out, (uint32_t)(v >> 32));
    st_put_u32(out + 4, (uint32_t)v);
}

static inline uint16_t st_get_u16(const uint8_t in[static 2])
{
    return (uint16_t)((uint16_t)(in[0] << 8) | in[1]);
}

static inline uint32_t st_get_u32(const uint8_t in[static 4])
{
    return ((uint32_t)st_get_u16(in) << 16) | st_get_u16(in + 2);
}

static inline uint64_t st_get_u64(const uint8_t in[static 8])
{
    return ((uint64_t)st_get_u32(in) << 32) | st_get_u32(in + 4);
}

#endif
