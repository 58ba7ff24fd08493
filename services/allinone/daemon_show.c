#include "services/allinone/daemon_show.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/st_address.h"

void daemon_show_address(const struct daemon_settings *settings, const uint8_t enrol_key[static ST_KEY_LEN])
{
    struct st_address address = { .port = (uint16_t)settings->port };
    char text[ST_ADDRESS_TEXT_BYTES];
    /* The row's check has seen that it parses. */
    if (st_address_parse_host(address.host, st_view_text(settings->host)) != ST_OK)
        address.host[0] = '\0';
    memcpy(address.key, enrol_key, ST_KEY_LEN);
    st_address_format(text, &address);
    printf("  address       %s\n", text);
}

/* "2 Dec 2026", in local time. */
static void format_day(char out[static 32], int64_t wall_ms)
{
    static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm day = { 0 };
    if (localtime_r(&seconds, &day) == NULL || day.tm_mon < 0 || day.tm_mon > 11)
        snprintf(out, 32, "?");
    else
        snprintf(out, 32, "%d %s %d", day.tm_mday, months[day.tm_mon], day.tm_year + 1900);
}

void daemon_show_invite(const struct st_invite *invite, int64_t uses, int64_t expires_ms)
{
    char code[ST_INVITE_TEXT_BYTES], day[32];
    st_invite_format(code, invite);
    format_day(day, expires_ms);
    printf("  invite        %s  (%lld account%s, until %s)\n", code, (long long)uses, uses == 1 ? "" : "s", day);
}

void daemon_show_first_invite(const struct st_invite *invite)
{
    char code[ST_INVITE_TEXT_BYTES];
    st_invite_format(code, invite);
    printf("  invite        %s  (shown until the first account exists)\n", code);
}

void daemon_show_listening(const struct daemon_settings *settings)
{
    char enrol[ST_ADDRESS_HOST_PORT_BYTES], device[ST_ADDRESS_HOST_PORT_BYTES];
    st_address_format_host_port(enrol, settings->listen, (uint16_t)settings->port);
    st_address_format_host_port(device, settings->listen, daemon_config_device_port(settings));
    printf("  listening     %s (enrol), %s (device)\n", enrol, device);
}

void daemon_show_registration(const struct daemon_settings *settings, const char *dir)
{
    const char *name = daemon_registrations[settings->registration];
    if (dir != NULL && strcmp(name, "invite") == 0)
        printf("  registration  %s  (new code: safetalkd invite --dir %s)\n", name, dir);
    else
        printf("  registration  %s\n", name);
}

void daemon_show_durability(void)
{
    puts("  durability    full: on disk before \"stored\"");
}
