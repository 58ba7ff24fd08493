/* What the tests of client/cli share. Included first: cmocka wants these headers before its own. */
#ifndef CLI_TEST_H
#define CLI_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/st_bytes.h"

/* The buffer's text as a C string, for the compare functions; the buffer must not have failed. */
static inline const char *buf_text(struct st_buf *buf)
{
    assert_int_equal(st_buf_append(buf, "", 1), ST_OK);
    buf->len--;
    return (const char *)buf->p;
}

#endif
