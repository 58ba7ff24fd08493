/* Invite codes: what parses is written back to something that parses to the same. */
#include <stdlib.h>

#include "lib/st_invite.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct st_invite invite;
    struct st_invite again;
    char text[ST_INVITE_TEXT_BYTES];
    if (st_invite_parse(&invite, st_view(data, size)) != ST_OK)
        return 0;
    st_invite_format(text, &invite);
    if (st_invite_parse(&again, st_view_text(text)) != ST_OK || memcmp(&invite, &again, sizeof invite) != 0)
        abort();
    return 0;
}
