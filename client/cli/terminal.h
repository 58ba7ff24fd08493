/* What the terminal, if there is one, can do: asked once at the start. */
#ifndef TERMINAL_H
#define TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

enum terminal_color { TERMINAL_COLOR_AUTO, TERMINAL_COLOR_ALWAYS, TERMINAL_COLOR_NEVER };

enum { TERMINAL_WIDTH_DEFAULT = 80, TERMINAL_WIDTH_MAX = 1000, TERMINAL_ROWS_DEFAULT = 24 };

struct terminal {
    bool out_is_terminal;
    bool err_is_terminal;
    bool ascii;     /* stdout is a terminal that does not take UTF-8 */
    bool err_ascii; /* the same of stderr */
    bool out_color;
    bool err_color;
    size_t width; /* columns; only a terminal's lines are wrapped */
    size_t rows;
};

/* How the environment is asked; returns NULL for what is not set. */
typedef const char *(*terminal_getenv_fn)(void *ctx, const char *name);

/* Looks at the two descriptors and the environment (TERM, NO_COLOR, COLUMNS; the locale must have been set). */
void terminal_look(struct terminal *out, int out_fd, int err_fd, enum terminal_color color, terminal_getenv_fn get,
                   void *ctx);

/* The parts of a look that need no terminal, for the rules' tests. Colour: "always", or "auto" on a terminal whose
 * TERM is set and not `dumb`, without NO_COLOR. Width: `columns` of the ioctl (0 = unknown), else COLUMNS, else 80. */
bool terminal_wants_color(enum terminal_color color, bool is_terminal, const char *term, const char *no_color);
size_t terminal_width(size_t columns, const char *columns_variable);

#endif
