#include "client/cli/upload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/human.h"
#include "client/cli/picture.h"
#include "lib/st_file.h"

enum { READ_CHUNK = 65536 };

/* Everything that stdin gives. */
static enum st_err read_stdin(struct st_buf *out)
{
    for (;;) {
        uint8_t chunk[READ_CHUNK];
        ssize_t got = read(STDIN_FILENO, chunk, sizeof chunk);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return st_file_err(errno);
        if (got == 0)
            return ST_OK;
        enum st_err err = st_buf_append(out, chunk, (size_t)got);
        if (err != ST_OK)
            return err;
    }
}

static enum exit_code check_picture(struct cmd *cmd, const char *to, const char *path, const struct upload *upload)
{
    const char *why;
    char quoted[QUOTE_LINE_BYTES] = "";
    enum picture_verdict verdict = picture_check(st_buf_view(&upload->bytes), &why);
    if (verdict == PICTURE_WHOLE)
        return EXIT_CODE_DONE;
    if (quote_append(quoted, sizeof quoted, path) != 0)
        (void)snprintf(quoted, sizeof quoted, "FILE");
    return CLI_ERROR(&cmd->error, verdict == PICTURE_TRUNCATED ? CLI_PICTURE_TRUNCATED : CLI_PICTURE_DAMAGED,
                     upload->name, why, to, quoted);
}

static enum exit_code read_one(struct cmd *cmd, const char *to, const char *path, struct upload *out)
{
    bool from_stdin = strcmp(path, "-") == 0;
    const char *name = args_text(&cmd->args, FLAG_FILE_NAME);
    st_buf_init(&out->bytes, UPLOAD_FILE_MAX);
    file_name_clean(out->name, from_stdin ? (name != NULL ? name : "stdin") : path);
    enum st_err err = from_stdin ? read_stdin(&out->bytes) : st_file_read(path, UPLOAD_FILE_MAX, &out->bytes);
    if (err == ST_ELIMIT)
        return CLI_ERROR(&cmd->error, CLI_FILE_TOO_LARGE, out->name, "more than 64 MiB");
    if (err != ST_OK)
        return cmd_file_error(cmd, path, err, false);
    out->mime = picture_mime(st_buf_view(&out->bytes));
    if (args_has(&cmd->args, FLAG_AS_FILE))
        return EXIT_CODE_DONE;
    enum exit_code code = check_picture(cmd, to, path, out);
    if (code == EXIT_CODE_DONE && out->bytes.len > 0)
        out->bytes.len = picture_strip(out->bytes.p, out->bytes.len);
    return code;
}

/* The engine reads a file through this. */
static enum st_err read_part(void *ctx, uint8_t *out, size_t *len)
{
    struct upload *upload = ctx;
    size_t left = upload->bytes.len - upload->at;
    if (*len > left)
        *len = left;
    if (*len > 0)
        memcpy(out, upload->bytes.p + upload->at, *len);
    upload->at += *len;
    return ST_OK;
}

enum exit_code uploads_read(struct cmd *cmd, const char *to, struct uploads *out)
{
    size_t count = cmd->args.attach_count;
    memset(out, 0, sizeof *out);
    if (count == 0)
        return EXIT_CODE_DONE;
    out->items = calloc(count, sizeof *out->items);
    out->files = calloc(count, sizeof *out->files);
    if (out->items == NULL || out->files == NULL)
        return CLI_ERROR(&cmd->error, CLI_NO_MEMORY, "");
    for (size_t i = 0; i < count; i++) {
        struct upload *item = &out->items[i];
        out->count = i + 1;
        enum exit_code code = read_one(cmd, to, cmd->args.attach[i], item);
        if (code != EXIT_CODE_DONE)
            return code;
        out->files[i] = (struct client_file) { item->name, item->mime, item->bytes.len, read_part, item };
    }
    return EXIT_CODE_DONE;
}

void uploads_free(struct uploads *uploads)
{
    for (size_t i = 0; i < uploads->count; i++)
        st_buf_wipe_free(&uploads->items[i].bytes);
    free(uploads->items);
    free(uploads->files);
    memset(uploads, 0, sizeof *uploads);
}
