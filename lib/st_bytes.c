#include "lib/st_bytes.h"

#include <stdlib.h>

#include <sodium.h>

void st_buf_init(struct st_buf *buf, size_t limit)
{
    memset(buf, 0, sizeof *buf);
    buf->limit = limit;
}

void st_buf_free(struct st_buf *buf)
{
    size_t limit = buf->limit;
    free(buf->p);
    st_buf_init(buf, limit);
}

void st_buf_wipe_free(struct st_buf *buf)
{
    if (buf->p != NULL)
        sodium_memzero(buf->p, buf->cap);
    st_buf_free(buf);
}

void st_buf_clear(struct st_buf *buf)
{
    buf->len = 0;
    buf->err = ST_OK;
}

/* Grows without realloc, so that no copy of a secret stays behind in freed memory. */
static enum st_err grow(struct st_buf *buf, size_t need)
{
    size_t cap = buf->cap < 64 ? 64 : buf->cap;
    while (cap < need)
        cap = cap > buf->limit / 2 ? buf->limit : cap * 2;
    uint8_t *p = malloc(cap);
    if (p == NULL)
        return ST_ENOMEM;
    if (buf->len > 0)
        memcpy(p, buf->p, buf->len);
    if (buf->p != NULL)
        sodium_memzero(buf->p, buf->cap);
    free(buf->p);
    buf->p = p;
    buf->cap = cap;
    return ST_OK;
}

uint8_t *st_buf_extend(struct st_buf *buf, size_t len)
{
    if (buf->err != ST_OK)
        return NULL;
    if (len > buf->limit - buf->len) {
        buf->err = ST_ELIMIT;
        return NULL;
    }
    /* Also for no bytes at all: only a failure returns NULL. */
    if (buf->p == NULL || len > buf->cap - buf->len) {
        buf->err = grow(buf, buf->len + len);
        if (buf->err != ST_OK)
            return NULL;
    }
    uint8_t *at = buf->p + buf->len;
    buf->len += len;
    return at;
}

enum st_err st_buf_append(struct st_buf *buf, const void *p, size_t len)
{
    if (len == 0)
        return buf->err;
    uint8_t *at = st_buf_extend(buf, len);
    if (at != NULL)
        memcpy(at, p, len);
    return buf->err;
}
