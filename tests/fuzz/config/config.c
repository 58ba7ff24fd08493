/* Any bytes as a configuration file: refused with an error that is printable and names a line, or taken; and what is
 * taken comes back the same from its own print. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/st_config.h"
#include "tests/unit/lib/config_sample.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool right)
{
    if (!right)
        abort();
}

static void check_error(const struct st_config_error *error)
{
    size_t len = strnlen(error->text, sizeof error->text);
    check(len > 0 && len < sizeof error->text);
    for (size_t i = 0; i < len; i++)
        check(error->text[i] >= 0x20 && error->text[i] <= 0x7e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sample sample, again;
    struct st_config_error error;
    memset(&sample, 0, sizeof sample);
    memset(&again, 0, sizeof again);
    check(st_config_defaults(&sample_table, &sample, &error) == ST_OK);
    enum st_err err = st_config_parse(&sample_table, &sample, st_view(data, size), "file", &error);
    if (err != ST_OK) {
        check(err == ST_EMALFORMED || (err == ST_ELIMIT && size > ST_CONFIG_FILE_MAX));
        check_error(&error);
        return 0;
    }
    struct st_buf text;
    st_buf_init(&text, ST_CONFIG_FILE_MAX);
    check(st_config_print(&sample_table, &sample, &text) == ST_OK);
    check(st_config_parse(&sample_table, &again, st_buf_view(&text), "print", &error) == ST_OK);
    check(memcmp(&again, &sample, sizeof sample) == 0);
    st_buf_free(&text);
    return 0;
}
