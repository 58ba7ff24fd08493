#include "lib/st_address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define KEY "kdmfryeyl3gh6ycbrkxqzrnllb7ufqsxbkeebfnj5dgkzuhwkroa"

static enum st_err parse(struct st_address *out, const char *text)
{
    const char *why;
    enum st_err err = st_address_parse(out, st_view_text(text), &why);
    assert_int_equal(why == NULL, err == ST_OK);
    return err;
}

static void address__parse__the_address_of_the_manual(void **state)
{
    (void)state;
    static const char text[] = "safetalk://chat.example.org:7420#" KEY;
    struct st_address address;
    char back[ST_ADDRESS_TEXT_BYTES];
    assert_int_equal(parse(&address, text), ST_OK);
    assert_string_equal(address.host, "chat.example.org");
    assert_int_equal(address.port, 7420);
    assert_int_equal(address.key[0], 0x50);
    st_address_format(back, &address);
    assert_string_equal(back, text);
}

static void address__parse__hosts_that_are_one(void **state)
{
    (void)state;
    static const struct {
        const char *typed;
        const char *host;
        unsigned port;
    } good[] = {
        { "chat.example.org", "chat.example.org", 7420 },
        { "CHAT.Example.ORG:1", "chat.example.org", 1 },
        { "localhost:65535", "localhost", 65535 },
        { "my_relay-1:7420", "my_relay-1", 7420 },
        { "127.0.0.1:7421", "127.0.0.1", 7421 },
        { "[::1]:7420", "::1", 7420 },
        { "[::1]", "::1", 7420 },
        { "[2001:DB8:0:0:0:0:0:1]:80", "2001:db8::1", 80 },
        { "4chan.org", "4chan.org", 7420 },
        { "1.2.3.x4", "1.2.3.x4", 7420 },
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct st_address address;
        char text[400];
        (void)snprintf(text, sizeof text, "safetalk://%s#" KEY, good[i].typed);
        assert_int_equal(parse(&address, text), ST_OK);
        assert_string_equal(address.host, good[i].host);
        assert_int_equal(address.port, good[i].port);
        struct st_address again;
        char shown[ST_ADDRESS_TEXT_BYTES];
        st_address_format(shown, &address);
        assert_int_equal(parse(&again, shown), ST_OK);
        assert_true(st_address_equal(&address, &again));
    }
}

static void address__parse__refuses(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "safetalk://",
        "safetalk://#" KEY,
        "http://chat.example.org#" KEY,
        "SAFETALK://chat.example.org#" KEY,
        "safetalk://chat.example.org",
        "safetalk://chat.example.org#",
        "safetalk://chat.example.org:#" KEY,
        "safetalk://chat.example.org:0#" KEY,
        "safetalk://chat.example.org:07420#" KEY,
        "safetalk://chat.example.org:65536#" KEY,
        "safetalk://chat.example.org:999999999999#" KEY,
        "safetalk://chat.example.org:+1#" KEY,
        "safetalk://chat.example.org: 1#" KEY,
        "safetalk://chat.example.org:7420:1#" KEY,
        "safetalk://chat..example.org#" KEY,
        "safetalk://.example.org#" KEY,
        "safetalk://example.org.#" KEY,
        "safetalk://-a.org#" KEY,
        "safetalk://a-.org#" KEY,
        "safetalk://a b.org#" KEY,
        "safetalk://\xC3\xA9.org#" KEY,
        "safetalk://user@host#" KEY,
        "safetalk://host/path#" KEY,
        "safetalk://1.2.3.4.5#" KEY,
        "safetalk://256.1.1.1#" KEY,
        "safetalk://10.1#" KEY,
        "safetalk://::1#" KEY,
        "safetalk://[::1#" KEY,
        "safetalk://[]:7420#" KEY,
        "safetalk://[127.0.0.1]:7420#" KEY,
        "safetalk://[chat.example.org]#" KEY,
        "safetalk://[::1]7420#" KEY,
        "safetalk://[fe80::1%eth0]:7420#" KEY,
        "safetalk://chat.example.org#" KEY "a",
        "safetalk://chat.example.org#KDMFRYEYL3GH6YCBRKXQZRNLLB7UFQSXBKEEBFNJ5DGKZUHWKROA",
        "safetalk://chat.example.org#kdmfryeyl3gh6ycbrkxqzrnllb7ufqsxbkeebfnj5dgkzuhwkrob",
        "safetalk://chat.example.org#aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        " safetalk://chat.example.org#" KEY,
        "safetalk://chat.example.org#" KEY "\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct st_address address;
        struct st_address zero;
        memset(&zero, 0, sizeof zero);
        assert_int_equal(parse(&address, bad[i]), ST_EMALFORMED);
        assert_memory_equal(&address, &zero, sizeof zero);
    }
}

static void address__parse__every_truncation_is_refused(void **state)
{
    (void)state;
    static const char text[] = "safetalk://[2001:db8::1]:7420#" KEY;
    for (size_t len = 0; len + 1 < sizeof text; len++) {
        struct st_address address;
        assert_int_equal(st_address_parse(&address, st_view(text, len), NULL), ST_EMALFORMED);
    }
}

static void address__parse__a_nul_inside_is_refused(void **state)
{
    (void)state;
    char text[] = "safetalk://chat.example.org:7420#" KEY;
    struct st_address address;
    for (size_t at = 0; at + 1 < sizeof text; at++) {
        char kept = text[at];
        text[at] = '\0';
        assert_int_equal(st_address_parse(&address, st_view(text, sizeof text - 1), NULL), ST_EMALFORMED);
        text[at] = kept;
    }
}

static void address__parse__the_longest_host(void **state)
{
    (void)state;
    char host[300];
    char text[400];
    struct st_address address;
    size_t len = 0;
    while (len + 64 <= 253) {
        memset(host + len, 'a', 63);
        host[len + 63] = '.';
        len += 64;
    }
    memset(host + len, 'b', 253 - len);
    host[253] = '\0';
    (void)snprintf(text, sizeof text, "safetalk://%s:65535#" KEY, host);
    assert_int_equal(parse(&address, text), ST_OK);
    char shown[ST_ADDRESS_TEXT_BYTES];
    st_address_format(shown, &address);
    assert_string_equal(shown, text);
    (void)snprintf(text, sizeof text, "safetalk://%sb:65535#" KEY, host);
    assert_int_equal(parse(&address, text), ST_EMALFORMED);
    memset(host, 'a', 64);
    (void)snprintf(text, sizeof text, "safetalk://%.64s#" KEY, host);
    assert_int_equal(parse(&address, text), ST_EMALFORMED);
}

static void address__format_host_port__brackets_for_ipv6(void **state)
{
    (void)state;
    char text[ST_ADDRESS_HOST_PORT_BYTES];
    st_address_format_host_port(text, "::1", 7420);
    assert_string_equal(text, "[::1]:7420");
    st_address_format_host_port(text, "a.org", 1);
    assert_string_equal(text, "a.org:1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(address__parse__the_address_of_the_manual),
        cmocka_unit_test(address__parse__hosts_that_are_one),
        cmocka_unit_test(address__parse__refuses),
        cmocka_unit_test(address__parse__every_truncation_is_refused),
        cmocka_unit_test(address__parse__a_nul_inside_is_refused),
        cmocka_unit_test(address__parse__the_longest_host),
        cmocka_unit_test(address__format_host_port__brackets_for_ipv6),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
