/* Server addresses: what parses is written back to something that parses to the same. */
#include <stdlib.h>

#include "lib/st_address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct st_address address;
    struct st_address again;
    const char *why;
    char text[ST_ADDRESS_TEXT_BYTES];
    if (st_address_parse(&address, st_view(data, size), &why) != ST_OK) {
        if (why == NULL)
            abort();
        return 0;
    }
    st_address_format(text, &address);
    if (st_address_parse(&again, st_view_text(text), NULL) != ST_OK || !st_address_equal(&address, &again))
        abort();
    return 0;
}
