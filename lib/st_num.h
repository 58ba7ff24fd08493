/* Numbers, durations and sizes from text, strictly: the whole text or nothing, always against a range. And back
 * to text, so that parsing it gives the same value. No sign but a leading '-', no spaces, no leading zeros, no
 * locale. Every parser: ST_EMALFORMED if the text is no such thing, ST_ELIMIT if it is one outside min to max
 * (or does not fit an integer); *value_r is then `min`. */
#ifndef ST_NUM_H
#define ST_NUM_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/st_err.h"

enum { ST_NUM_TEXT_SIZE = 32 /* bytes that hold any of the texts below, with the NUL */ };

enum st_err st_num_parse(const char *text, int64_t min, int64_t max, int64_t *value_r) ST_MUST_CHECK;

/* "250ms", "30s", "5m", "8h", "7d", "2w"; a bare number is seconds. The value is in milliseconds. */
enum st_err st_num_parse_duration_ms(const char *text, int64_t min_ms, int64_t max_ms, int64_t *ms_r) ST_MUST_CHECK;

/* "64K", "8M", "1G", "2T" in powers of 1,024; a bare number is bytes. */
enum st_err st_num_parse_size(const char *text, int64_t min, int64_t max, int64_t *bytes_r) ST_MUST_CHECK;

/* yes no, on off, true false, 1 0; lower case. *value_r is false on failure. */
enum st_err st_num_parse_bool(const char *text, bool *value_r) ST_MUST_CHECK;

/* The shortest text in whole units: 90000 is "90s", 3600000 is "1h", 0 is "0s". */
void st_num_format_duration_ms(char out[static ST_NUM_TEXT_SIZE], int64_t ms);

/* 65536 is "64K", 1000 is "1000". */
void st_num_format_size(char out[static ST_NUM_TEXT_SIZE], int64_t bytes);

#endif
