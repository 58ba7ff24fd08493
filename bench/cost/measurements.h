/* What safetalk-cost measures: one struct for each operation. To add one, write its file, declare it here, add a line
 * to the table in main.c and the file to CMakeLists.txt. */
#ifndef BENCH_COST_MEASUREMENTS_H
#define BENCH_COST_MEASUREMENTS_H

#include "lib/st_err.h"

struct measurement {
    const char *name; /* as on the command line: lower case and dashes */
    const char *what; /* the operation, in words */
    /* Returns new: everything that `run` needs and that shall not be counted. *state_r may stay NULL. */
    enum st_err (*setup)(void **state_r);
    /* One operation; this is what is counted. Any error ends the measurement. */
    enum st_err (*run)(void *state);
    /* Takes the state. May be NULL if there is nothing to free. */
    void (*teardown)(void *state);
};

/* opaque.c */
extern const struct measurement measurement_opaque_login_server;
extern const struct measurement measurement_opaque_login_client;

/* e2e.c */
extern const struct measurement measurement_e2e_ping_pong;
extern const struct measurement measurement_e2e_one_way;
extern const struct measurement measurement_e2e_step_encrypt;
extern const struct measurement measurement_e2e_step_decrypt;
extern const struct measurement measurement_e2e_encrypt;
extern const struct measurement measurement_e2e_decrypt;

/* wire.c */
extern const struct measurement measurement_wire_validate;
extern const struct measurement measurement_wire_read;
extern const struct measurement measurement_wire_write;

#endif
