/* The runners of safetalk-vectors: one function for each kind of vector file. To add one, write it in a
 * file run_*.c, declare it here, add a line to the table in main.c and the file to CMakeLists.txt.
 * How a runner reports its cases stands in vector.h. */
#ifndef VECTORS_TOOL_RUNNERS_H
#define VECTORS_TOOL_RUNNERS_H

#include <cjson/cJSON.h>

struct vector_run;

/* Runs every case of one file. `root` is the parsed file (borrowed). */
typedef void (*vector_runner_fn)(struct vector_run *run, const cJSON *root);

void run_msgpack_hostile(struct vector_run *run, const cJSON *root);
void run_msgpack_suite(struct vector_run *run, const cJSON *root);

#endif
