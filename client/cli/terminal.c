#include "client/cli/terminal.h"

#include <langinfo.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/st_num.h"

bool terminal_wants_color(enum terminal_color color, bool is_terminal, const char *term, const char *no_color)
{
    if (color != TERMINAL_COLOR_AUTO)
        return color == TERMINAL_COLOR_ALWAYS;
    bool dumb = term == NULL || term[0] == '\0' || strcmp(term, "dumb") == 0;
    bool refused = no_color != NULL && no_color[0] != '\0';
    return is_terminal && !dumb && !refused;
}

size_t terminal_width(size_t columns, const char *columns_variable)
{
    int64_t width;
    if (columns > 0)
        return columns < TERMINAL_WIDTH_MAX ? columns : TERMINAL_WIDTH_MAX;
    if (columns_variable != NULL && st_num_parse(columns_variable, 1, TERMINAL_WIDTH_MAX, &width) == ST_OK)
        return (size_t)width;
    return TERMINAL_WIDTH_DEFAULT;
}

void terminal_look(struct terminal *out, int out_fd, int err_fd, enum terminal_color color, terminal_getenv_fn get,
                   void *ctx)
{
    struct winsize size;
    memset(out, 0, sizeof *out);
    memset(&size, 0, sizeof size);
    out->out_is_terminal = isatty(out_fd) == 1;
    out->err_is_terminal = isatty(err_fd) == 1;
    int fd = out->out_is_terminal ? out_fd : err_fd;
    if (out->out_is_terminal || out->err_is_terminal)
        (void)ioctl(fd, TIOCGWINSZ, &size); /* on failure the size stays 0: unknown */
    out->width = terminal_width(size.ws_col, get(ctx, "COLUMNS"));
    out->rows = size.ws_row > 0 ? size.ws_row : TERMINAL_ROWS_DEFAULT;
    bool utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    out->ascii = out->out_is_terminal && !utf8;
    out->err_ascii = out->err_is_terminal && !utf8;
    out->out_color = terminal_wants_color(color, out->out_is_terminal, get(ctx, "TERM"), get(ctx, "NO_COLOR"));
    out->err_color = terminal_wants_color(color, out->err_is_terminal, get(ctx, "TERM"), get(ctx, "NO_COLOR"));
}
