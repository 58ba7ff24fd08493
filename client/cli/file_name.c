#include "client/cli/file_name.h"

#include <string.h>

#include "client/cli/sanitize.h"

static const char *last_component(const char *path)
{
    const char *last = path;
    for (; *path != '\0'; path++)
        if (*path == '/' || *path == '\\')
            last = path + 1;
    return last;
}

void file_name_clean(char out[static FILE_NAME_BYTES], const char *path)
{
    struct sanitize_scan scan;
    struct sanitize_point point;
    size_t len = 0;
    memset(out, 0, FILE_NAME_BYTES);
    sanitize_scan_init(&scan, st_view_text(last_component(path)));
    while (sanitize_next(&scan, &point)) {
        if (point.hidden || (len == 0 && point.code == '.'))
            continue;
        if (point.len > FILE_NAME_BYTES - 1 - len)
            break;
        memcpy(out + len, point.at, point.len);
        len += point.len;
    }
    if (len == 0)
        memcpy(out, "file", 4);
}
