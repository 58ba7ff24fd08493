/* Files that go with a message: read, checked, their metadata taken out, named. */
#ifndef UPLOAD_H
#define UPLOAD_H

#include "client/cli/cmd.h"
#include "client/cli/file_name.h"
#include "client/core/client.h"

enum { UPLOAD_FILE_MAX = 64 * 1024 * 1024 };

struct upload {
    struct st_buf bytes;
    size_t at;
    char name[FILE_NAME_BYTES];
    const char *mime;
};

struct uploads {
    struct upload *items;
    struct client_file *files; /* what client_send wants; points into items */
    size_t count;
};

/* Reads the files of --attach for a message to `to` (@bob). Pictures that end too early or are damaged are refused
 * unless --as-file is given. Errors fill cmd->error. To be freed in any case. */
enum exit_code uploads_read(struct cmd *cmd, const char *to, struct uploads *out);
void uploads_free(struct uploads *uploads);

#endif
