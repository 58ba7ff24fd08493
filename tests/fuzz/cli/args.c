/* Command lines: words divided by newlines. Every refusal is a usage error with its three sentences. */
#include <stdlib.h>
#include <string.h>

#include "client/cli/args.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WORDS = 24 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char program[] = "safetalk";
    char *argv[WORDS] = { program };
    int argc = 1;
    char *line = malloc(size + 1);
    if (line == NULL)
        return 0;
    if (size > 0)
        memcpy(line, data, size);
    line[size] = '\0';
    for (char *at = line; argc < WORDS; argc++) {
        argv[argc] = at;
        char *end = strchr(at, '\n');
        if (end == NULL) {
            argc++;
            break;
        }
        *end = '\0';
        at = end + 1;
    }
    struct args args;
    struct cli_error error;
    char shown[ARGS_PUBLIC_BYTES];
    enum exit_code code = args_parse(&args, argc, argv, 0, &error);
    if (code != EXIT_CODE_DONE && code != EXIT_CODE_USAGE)
        abort();
    if (code == EXIT_CODE_USAGE && (error.what[0] == '\0' || error.why[0] == '\0' || error.next[0] == '\0'))
        abort();
    args_public_line(shown, &args);
    free(line);
    return 0;
}
