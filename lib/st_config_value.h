/* One value of a configuration: from text into the program's struct, back to text, and in words. Used by st_config
 * only. */
#ifndef ST_CONFIG_VALUE_H
#define ST_CONFIG_VALUE_H

#include "lib/st_config.h"

enum {
    ST_CONFIG_VALUE_SIZE = 2048,      /* bytes of a value as text, with the NUL */
    ST_CONFIG_DESCRIPTION_SIZE = 320, /* bytes of a description, with the NUL */
};

/* Room for a value of any kind. */
union st_config_any {
    int64_t number;
    bool flag;
    int choice;
    char text[ST_CONFIG_TEXT_SIZE];
    char path[ST_CONFIG_PATH_SIZE];
    struct st_cidr_list cidrs;
};

/* Reads `text` into the member at `to`, which has the row's kind. ST_EMALFORMED if it is not what the row wants;
 * `*why_r` is then what its check said, or NULL. `to` is unchanged on failure. */
enum st_err st_config_value_parse(const struct st_config_row *row, void *to, const char *text,
                                  const char **why_r) ST_MUST_CHECK;

/* Writes the member as it would stand in a file. */
void st_config_value_format(const struct st_config_row *row, const void *from, char out[static ST_CONFIG_VALUE_SIZE]);

/* What the row takes: "a whole number from 1 to 65535". */
void st_config_value_describe(const struct st_config_row *row, char out[static ST_CONFIG_DESCRIPTION_SIZE]);

#endif
