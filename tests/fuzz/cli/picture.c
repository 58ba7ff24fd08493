/* Pictures before they are sent: a stripped one is never longer, and whole if it was whole. */
#include <stdlib.h>

#include "client/cli/picture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *why;
    uint8_t *copy = malloc(size > 0 ? size : 1);
    if (copy == NULL)
        return 0;
    if (size > 0)
        memcpy(copy, data, size);
    (void)picture_mime(st_view(copy, size));
    enum picture_verdict before = picture_check(st_view(copy, size), &why);
    size_t left = picture_strip(copy, size);
    if (left > size || (before == PICTURE_WHOLE && picture_check(st_view(copy, left), &why) != PICTURE_WHOLE))
        abort();
    if (before != PICTURE_WHOLE && (left != size || memcmp(copy, data, size) != 0))
        abort();
    free(copy);
    return 0;
}
