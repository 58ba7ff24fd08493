/* Exit codes of the program: stable, and the same numbers that the errors show. What a code promises stands
 * beside it; docs and help print these sentences. */
#ifndef EXIT_CODE_H
#define EXIT_CODE_H

#include <stdint.h>

enum exit_code {
    EXIT_CODE_DONE = 0,
    EXIT_CODE_UNEXPECTED = 1,
    EXIT_CODE_USAGE = 2,
    EXIT_CODE_UNREACHABLE = 3,
    EXIT_CODE_NOT_TRUSTED = 4,
    EXIT_CODE_LIMIT = 5,
    EXIT_CODE_DENIED = 6,
    EXIT_CODE_NOT_FOUND = 7,
    EXIT_CODE_PARTIAL = 8,
    EXIT_CODE_INTEGRITY = 9,
    EXIT_CODE_HELD = 10,
    EXIT_CODE_NOT_REACHED = 11,
    EXIT_CODE_LOCKED = 12,
    EXIT_CODE_INVITE = 13,
    EXIT_CODE_NAME_TAKEN = 14,
    EXIT_CODE_SERVER_KEY = 15,
    EXIT_CODE_DISK = 16,
    EXIT_CODE_DATABASE = 17,
    EXIT_CODE_DAMAGED = 18,
    EXIT_CODE_NOT_ALLOWED = 19,
    EXIT_CODE_INTERRUPTED = 130,
    EXIT_CODE_BROKEN_PIPE = 141,
    EXIT_CODE_TERMINATED = 143
};

/* A set of exit codes as bits; 130 and 143 take the bits behind 19. */
typedef uint32_t exit_code_set;

#define EXIT_CODE_BIT(code)       (UINT32_C(1) << (code))
#define EXIT_CODE_BIT_INTERRUPTED EXIT_CODE_BIT(20)
#define EXIT_CODE_BIT_TERMINATED  EXIT_CODE_BIT(21)

/* Every command can end so. */
#define EXIT_CODES_COMMON                                                                                              \
    (EXIT_CODE_BIT(EXIT_CODE_DONE) | EXIT_CODE_BIT(EXIT_CODE_UNEXPECTED) | EXIT_CODE_BIT(EXIT_CODE_USAGE) |            \
     EXIT_CODE_BIT_INTERRUPTED | EXIT_CODE_BIT_TERMINATED)
/* Commands that open the local store. */
#define EXIT_CODES_LOCAL                                                                                               \
    (EXIT_CODES_COMMON | EXIT_CODE_BIT(EXIT_CODE_DENIED) | EXIT_CODE_BIT(EXIT_CODE_HELD) |                             \
     EXIT_CODE_BIT(EXIT_CODE_LOCKED) | EXIT_CODE_BIT(EXIT_CODE_DISK) | EXIT_CODE_BIT(EXIT_CODE_DATABASE))
/* Commands that talk to the server. */
#define EXIT_CODES_SERVER                                                                                              \
    (EXIT_CODES_LOCAL | EXIT_CODE_BIT(EXIT_CODE_UNREACHABLE) | EXIT_CODE_BIT(EXIT_CODE_LIMIT) |                        \
     EXIT_CODE_BIT(EXIT_CODE_SERVER_KEY))

/* The meanings in the order of the bits: `code` is what the shell sees. */
struct exit_code_meaning {
    enum exit_code code;
    exit_code_set bit;
    const char *meaning;
};

enum { EXIT_CODE_MEANINGS = 22 };

/* All of them, rising. */
extern const struct exit_code_meaning exit_code_meanings[EXIT_CODE_MEANINGS];

#endif
