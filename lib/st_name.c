#include "lib/st_name.h"

static bool is_plain(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

static bool consists_of(struct st_view name, size_t min, size_t max, bool dots)
{
    if (name.len < min || name.len > max)
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (!is_plain(name.p[i]) && !(dots && name.p[i] == '.'))
            return false;
    return true;
}

bool st_name_is_login(struct st_view name)
{
    return consists_of(name, ST_NAME_LOGIN_MIN, ST_NAME_LOGIN_MAX, true);
}

bool st_name_is_group(struct st_view name)
{
    return consists_of(name, 1, ST_NAME_GROUP_MAX, true);
}

bool st_name_is_consumer(struct st_view name)
{
    return consists_of(name, 1, ST_NAME_CONSUMER_MAX, false);
}
