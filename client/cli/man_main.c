/* Writes the man page to stdout; run by the build target `man` and by the test that the page is up to date. */
#include <stdio.h>

#include "client/cli/help.h"

enum { PAGE_MAX = 1 << 20 };

int main(int argc, char **argv)
{
    struct st_buf page;
    if (argc != 2) {
        fprintf(stderr, "usage: %s VERSION\n", argv[0]);
        return 2;
    }
    st_buf_init(&page, PAGE_MAX);
    help_man_page(&page, argv[1]);
    int failed = st_buf_error(&page) != ST_OK || fwrite(page.p, 1, page.len, stdout) != page.len || fflush(stdout) != 0;
    st_buf_free(&page);
    return failed;
}
