#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/st_config.h"
#include "lib/st_file.h"
#include "tests/unit/lib/config_sample.h"

static void set_defaults(struct sample *sample)
{
    struct st_config_error error;
    memset(sample, 0x55, sizeof *sample);
    assert_int_equal(st_config_defaults(&sample_table, sample, &error), ST_OK);
}

static enum st_err parse(const char *text, struct sample *sample, struct st_config_error *error)
{
    set_defaults(sample);
    memset(error, 0, sizeof *error);
    return st_config_parse(&sample_table, sample, st_view_text(text), "x.ini", error);
}

/* The text must be refused with exactly this sentence. */
static void assert_refused(const char *text, const char *expected)
{
    struct sample sample;
    struct st_config_error error;
    assert_int_equal(parse(text, &sample, &error), ST_EMALFORMED);
    assert_string_equal(error.text, expected);
}

static void config__defaults__from_the_table(void **state)
{
    (void)state;
    struct sample sample;
    set_defaults(&sample);
    assert_int_equal(sample.port, 7420);
    assert_int_equal(sample.frame_bytes, 98304);
    assert_int_equal(sample.drain_ms, 10000);
    assert_false(sample.metrics);
    assert_string_equal(sample.store, "sqlite:relay.db");
    assert_string_equal(sample.key_file, "auth.key");
    assert_int_equal(sample.registration, SAMPLE_INVITE);
    assert_int_equal(sample.proxies.count, 0);
}

static void config__parse__every_kind(void **state)
{
    (void)state;
    struct sample sample;
    struct st_config_error error;
    static const char text[] = "# comment with = and [x]\n"
                               "; another\n"
                               "metrics = yes\r\n"
                               "\n"
                               "  [gateway]\t\n"
                               "port=1\n"
                               "\tframe.max\t= 1M \n"
                               "trusted_proxies = 10.0.0.0/8, 2001:db8::/32\n"
                               "[ relay ]\n"
                               "drain = 5m\n"
                               "store = sqlite:a b#c;d=\"e\"\n"
                               "[auth]\n"
                               "registration = closed\n"
                               "key_file =\n"
                               "[gateway]\n"
                               "[auth]";
    assert_int_equal(parse(text, &sample, &error), ST_OK);
    assert_true(sample.metrics);
    assert_int_equal(sample.port, 1);
    assert_int_equal(sample.frame_bytes, 1 << 20);
    assert_int_equal(sample.proxies.count, 2);
    assert_int_equal(sample.drain_ms, 300000);
    assert_string_equal(sample.store, "sqlite:a b#c;d=\"e\"");
    assert_int_equal(sample.registration, SAMPLE_CLOSED);
    assert_string_equal(sample.key_file, "");
}

static void config__parse__unknown_names_the_nearest(void **state)
{
    (void)state;
    assert_refused("[gateway]\nprot = 1\n", "x.ini:2: unknown key \"prot\"; the nearest is \"port\"");
    assert_refused("\n[gatway]\n", "x.ini:2: unknown section [gatway]; the nearest is [gateway]");
    assert_refused("[gateway]\ndrain = 1\n", "x.ini:2: unknown key \"drain\"; the nearest is \"drain\" in [relay]");
    assert_refused("port = 1\n", "x.ini:1: unknown key \"port\"; the nearest is \"port\" in [gateway]");
    assert_refused("[relay]\nmetric = 1\n",
                   "x.ini:2: unknown key \"metric\"; the nearest is \"metrics\", above all sections");
    assert_refused("[auth]\nregistraton = open\n",
                   "x.ini:2: unknown key \"registraton\"; the nearest is \"registration\"");
    assert_refused("[relay]\nsport = 1\n", "x.ini:2: unknown key \"sport\"; the nearest is \"store\"");
    assert_refused("= 1\n", "x.ini:1: unknown key \"\"; the nearest is \"port\" in [gateway]");
    assert_refused("\xc3\xa4\xe2\x80\xae = 1\n",
                   "x.ini:1: unknown key \"\\xc3\\xa4\\xe2\\x80\\xae\"; the nearest is \"port\" in [gateway]");
}

static void config__parse__bad_value_names_the_range(void **state)
{
    (void)state;
    assert_refused("[gateway]\nport = 0\n", "x.ini:2: port must be a whole number from 1 to 65535");
    assert_refused("[gateway]\nport = 65536\n", "x.ini:2: port must be a whole number from 1 to 65535");
    assert_refused("[gateway]\nport = 80 # web\n", "x.ini:2: port must be a whole number from 1 to 65535");
    assert_refused("[gateway]\nport =\n", "x.ini:2: port must be a whole number from 1 to 65535");
    assert_refused("[gateway]\nframe.max = 2M\n", "x.ini:2: frame.max must be a size from 4K to 1M, such as 64K or 8M");
    assert_refused("[relay]\ndrain = 11m\n",
                   "x.ini:2: drain must be a time from 0s to 10m, such as 250ms, 30s, 5m, 8h, 7d or 2w");
    assert_refused("metrics = maybe\n", "x.ini:1: metrics must be yes or no");
    assert_refused("[auth]\nregistration = Open\n", "x.ini:2: registration must be one of invite, open, closed");
    assert_refused("[relay]\nstore = mysql:x\n", "x.ini:2: store must be a URL such as sqlite:PATH");
    assert_refused("[gateway]\ntrusted_proxies = 10.0.0.1/8\n",
                   "x.ini:2: trusted_proxies must be at most 32 networks such as 10.0.0.0/8, 2001:db8::/32");
}

static void config__parse__what_is_no_setting(void **state)
{
    (void)state;
    assert_refused("hello\n", "x.ini:1: this is neither \"key = value\", nor a [section], nor a # comment");
    assert_refused("[gateway\n", "x.ini:1: a section's name ends with ]");
    assert_refused("[", "x.ini:1: a section's name ends with ]");
    assert_refused("[]\n", "x.ini:1: unknown section []; the nearest is [auth]");
    assert_refused("[gateway]\nport = 1\n[auth]\n[gateway]\nport = 2\n",
                   "x.ini:5: port is set a second time, first in line 2");
    assert_refused("metrics = y\x1b[2J\n", "x.ini:1: a control character; is this a text file?");
    assert_refused("metrics = yes\rmetrics = no\n", "x.ini:1: a control character; is this a text file?");
    struct sample sample;
    struct st_config_error error;
    set_defaults(&sample);
    assert_int_equal(st_config_parse(&sample_table, &sample, st_view("metrics = yes\0", 14), "x.ini", &error),
                     ST_EMALFORMED);
}

static void config__parse__lengths(void **state)
{
    (void)state;
    struct sample sample;
    struct st_config_error error;
    static char text[ST_CONFIG_FILE_MAX + 2];
    static const char head[] = "[auth]\nkey_file = ";
    for (size_t len = 1020; len < 3000; len++) {
        memset(text, 0, sizeof text);
        memcpy(text, head, sizeof head - 1);
        memset(text + sizeof head - 1, 'k', len);
        assert_int_equal(parse(text, &sample, &error), len < ST_CONFIG_PATH_SIZE ? ST_OK : ST_EMALFORMED);
        assert_int_equal(error.line, len < ST_CONFIG_PATH_SIZE ? 0 : 2);
    }
    memset(text, '\n', sizeof text);
    assert_int_equal(st_config_parse(&sample_table, &sample, st_view(text, ST_CONFIG_FILE_MAX), "x.ini", &error),
                     ST_OK);
    assert_int_equal(st_config_parse(&sample_table, &sample, st_view(text, ST_CONFIG_FILE_MAX + 1), "x.ini", &error),
                     ST_ELIMIT);
    assert_string_equal(error.text, "x.ini: more than 65536 bytes");
    memset(text, 'k', sizeof text);
    assert_int_equal(st_config_parse(&sample_table, &sample, st_view(text, ST_CONFIG_FILE_MAX), "x.ini", &error),
                     ST_EMALFORMED);
    assert_true(strlen(error.text) < sizeof error.text);
}

static void config__example__parses_to_the_defaults(void **state)
{
    (void)state;
    struct sample defaults, sample;
    struct st_config_error error;
    struct st_buf text;
    st_buf_init(&text, ST_CONFIG_FILE_MAX);
    assert_int_equal(st_config_example(&sample_table, &text), ST_OK);
    memset(&defaults, 0, sizeof defaults);
    assert_int_equal(st_config_defaults(&sample_table, &defaults, &error), ST_OK);
    memset(&sample, 0, sizeof sample);
    assert_int_equal(st_config_defaults(&sample_table, &sample, &error), ST_OK);
    assert_int_equal(st_config_parse(&sample_table, &sample, st_buf_view(&text), "example", &error), ST_OK);
    assert_memory_equal(&sample, &defaults, sizeof sample);
    /* And with every setting uncommented, over other values. */
    size_t settings = 0;
    for (size_t i = 0; i + 1 < text.len; i++) {
        bool at_start = i == 0 || text.p[i - 1] == '\n';
        if (at_start && text.p[i] == '#' && text.p[i + 1] != ' ') {
            text.p[i] = ' ';
            settings++;
        }
    }
    assert_int_equal(settings, sample_table.count);
    memset(&sample, 0, sizeof sample);
    sample.proxies.count = 1;
    assert_int_equal(st_config_parse(&sample_table, &sample, st_buf_view(&text), "example", &error), ST_OK);
    assert_memory_equal(&sample, &defaults, sizeof sample);
    st_buf_free(&text);
}

static void config__example__reads_well(void **state)
{
    (void)state;
    struct st_buf text;
    st_buf_init(&text, ST_CONFIG_FILE_MAX);
    assert_int_equal(st_config_example(&sample_table, &text), ST_OK);
    static const char start[] =
        "# Sample\n"
        "# Every setting with its default. To change one, take away the # before its name.\n"
        "\n"
        "# Whether figures are published. Value: yes or no.\n"
        "#metrics = no\n"
        "\n"
        "[gateway]\n"
        "\n"
        "# TCP port for clients. Value: a whole number from 1 to 65535.\n"
        "#port = 7420\n"
        "\n"
        "# Largest frame. Value: a size from 4K to 1M, such as 64K or 8M.\n"
        "#frame.max = 96K\n"
        "\n"
        "# Addresses that are proxies of ours: the caps per address do not count for them, since a proxy\n"
        "# has many clients behind it and does the counting itself. Value: at most 32 networks such as\n"
        "# 10.0.0.0/8, 2001:db8::/32.\n"
        "#trusted_proxies =\n";
    assert_true(text.len > sizeof start);
    assert_memory_equal(text.p, start, sizeof start - 1);
    st_buf_free(&text);
}

static void config__print__parses_to_the_same(void **state)
{
    (void)state;
    struct sample sample, again;
    struct st_config_error error;
    struct st_buf text;
    memset(&sample, 0, sizeof sample);
    memset(&again, 0, sizeof again);
    assert_int_equal(st_config_defaults(&sample_table, &sample, &error), ST_OK);
    assert_int_equal(st_config_parse(&sample_table, &sample,
                                     st_view_text("metrics = on\n[gateway]\ntrusted_proxies=::1,10.0.0.0/8\n[relay]\n"
                                                  "drain = 1500ms\n[auth]\nregistration=open"),
                                     "x", &error),
                     ST_OK);
    st_buf_init(&text, ST_CONFIG_FILE_MAX);
    assert_int_equal(st_config_print(&sample_table, &sample, &text), ST_OK);
    static const char expected[] = "# default: metrics = no\n"
                                   "metrics = yes\n"
                                   "\n[gateway]\n"
                                   "port = 7420\n"
                                   "frame.max = 96K\n"
                                   "# default: trusted_proxies =\n"
                                   "trusted_proxies = ::1/128, 10.0.0.0/8\n"
                                   "\n[relay]\n"
                                   "# default: drain = 10s\n"
                                   "drain = 1500ms\n"
                                   "store = sqlite:relay.db\n"
                                   "\n[auth]\n"
                                   "key_file = auth.key\n"
                                   "# default: registration = invite\n"
                                   "registration = open\n";
    assert_true(st_view_equal(st_buf_view(&text), st_view_text(expected)));
    assert_int_equal(st_config_parse(&sample_table, &again, st_buf_view(&text), "print", &error), ST_OK);
    assert_memory_equal(&again, &sample, sizeof sample);
    st_buf_free(&text);
    st_buf_init(&text, 10);
    assert_int_equal(st_config_print(&sample_table, &sample, &text), ST_ELIMIT);
    st_buf_free(&text);
}

static void config__print__longest_values(void **state)
{
    (void)state;
    struct sample sample, again;
    struct st_config_error error;
    struct st_buf text;
    memset(&sample, 0, sizeof sample);
    memset(&again, 0, sizeof again);
    assert_int_equal(st_config_defaults(&sample_table, &sample, &error), ST_OK);
    memset(sample.key_file, 'k', sizeof sample.key_file - 1);
    sample.proxies.count = ST_CIDR_MAX;
    for (size_t i = 0; i < ST_CIDR_MAX; i++) {
        memset(sample.proxies.items[i].address, 0xab, ST_CIDR_ADDRESS_BYTES);
        sample.proxies.items[i].bits = 128;
    }
    st_buf_init(&text, ST_CONFIG_FILE_MAX);
    assert_int_equal(st_config_print(&sample_table, &sample, &text), ST_OK);
    assert_int_equal(st_config_parse(&sample_table, &again, st_buf_view(&text), "print", &error), ST_OK);
    assert_memory_equal(&again, &sample, sizeof sample);
    st_buf_free(&text);
}

static void config__set__from_a_flag(void **state)
{
    (void)state;
    struct sample sample;
    struct st_config_error error;
    set_defaults(&sample);
    assert_int_equal(st_config_set(&sample_table, &sample, "gateway", "port", " 80 ", "--port", &error), ST_OK);
    assert_int_equal(sample.port, 80);
    assert_int_equal(st_config_set(&sample_table, &sample, NULL, "metrics", "yes", "--metrics", &error), ST_OK);
    assert_true(sample.metrics);
    assert_int_equal(st_config_set(&sample_table, &sample, "gateway", "port", "x", "--port", &error), ST_EMALFORMED);
    assert_string_equal(error.text, "--port: port must be a whole number from 1 to 65535");
    assert_int_equal(sample.port, 80);
    assert_int_equal(st_config_set(&sample_table, &sample, "auth", "key_file", "a\nb", "--key", &error), ST_EMALFORMED);
    assert_int_equal(st_config_set(&sample_table, &sample, "gateway", "pot", "1", "--pot", &error), ST_ENOTFOUND);
    assert_string_equal(error.text, "--pot: unknown key \"pot\"; the nearest is \"port\"");
}

static void config__load__from_a_file(void **state)
{
    (void)state;
    char path[] = "/tmp/st-config-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    struct sample sample;
    struct st_config_error error;
    char expected[200];
    assert_int_equal(st_file_write(path, st_view_text("metrics = yes\n"), 0600), ST_OK);
    assert_int_equal(st_config_load(&sample_table, &sample, path, &error), ST_OK);
    assert_true(sample.metrics);
    assert_int_equal(sample.port, 7420);
    assert_int_equal(st_file_write(path, st_view_text("\n\nmetric = yes\n"), 0600), ST_OK);
    assert_int_equal(st_config_load(&sample_table, &sample, path, &error), ST_EMALFORMED);
    snprintf(expected, sizeof expected, "%s:3: unknown key \"metric\"; the nearest is \"metrics\"", path);
    assert_string_equal(error.text, expected);
    static char big[ST_CONFIG_FILE_MAX + 1];
    memset(big, '\n', sizeof big);
    assert_int_equal(st_file_write(path, st_view(big, sizeof big), 0600), ST_OK);
    assert_int_equal(st_config_load(&sample_table, &sample, path, &error), ST_ELIMIT);
    assert_int_equal(st_file_write(path, st_view(big, sizeof big - 1), 0600), ST_OK);
    assert_int_equal(st_config_load(&sample_table, &sample, path, &error), ST_OK);
    unlink(path);
    assert_int_equal(st_config_load(&sample_table, &sample, path, &error), ST_ENOTFOUND);
    snprintf(expected, sizeof expected, "%s: not found", path);
    assert_string_equal(error.text, expected);
    assert_int_equal(sample.port, 7420);
    assert_int_equal(st_config_load(&sample_table, &sample, "/", &error), ST_EFOREIGN);
    assert_string_equal(error.text, "/: this is a folder");
}

static void assert_bad_table(const struct st_config_row *rows, size_t count, const char *expected)
{
    struct st_config_table table = { "Bad", rows, count };
    struct sample sample;
    struct st_config_error error;
    assert_int_equal(st_config_defaults(&table, &sample, &error), ST_EMALFORMED);
    assert_string_equal(error.text, expected);
}

static void config__defaults__finds_mistakes_of_the_table(void **state)
{
    (void)state;
    static const struct st_config_row bad_default[] = { ST_CONFIG_INT("a", "x", struct sample, port, "0", 1, 2,
                                                                      "Too small.") };
    static const struct st_config_row twice[] = { ST_CONFIG_INT("a", "x", struct sample, port, "1", 1, 2, "One."),
                                                  ST_CONFIG_INT("a", "x", struct sample, port, "1", 1, 2, "Two.") };
    static const struct st_config_row split[] = { ST_CONFIG_INT("a", "x", struct sample, port, "1", 1, 2, "One."),
                                                  ST_CONFIG_INT("b", "x", struct sample, port, "1", 1, 2, "Two."),
                                                  ST_CONFIG_INT("a", "y", struct sample, port, "1", 1, 2, "Three.") };
    static const struct st_config_row late[] = { ST_CONFIG_INT("a", "x", struct sample, port, "1", 1, 2, "One."),
                                                 ST_CONFIG_INT(NULL, "x", struct sample, port, "1", 1, 2, "Two.") };
    assert_bad_table(bad_default, 1, "Bad: the default of [a] x is not one");
    assert_bad_table(twice, 2, "Bad: [a] x stands twice");
    assert_bad_table(split, 3, "Bad: [a] is not in one piece");
    assert_bad_table(late, 2, "Bad: [] is not in one piece");
    assert_bad_table(twice, ST_CONFIG_ROWS_MAX + 1, "Bad: more than 128 settings");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(config__defaults__from_the_table),
        cmocka_unit_test(config__parse__every_kind),
        cmocka_unit_test(config__parse__unknown_names_the_nearest),
        cmocka_unit_test(config__parse__bad_value_names_the_range),
        cmocka_unit_test(config__parse__what_is_no_setting),
        cmocka_unit_test(config__parse__lengths),
        cmocka_unit_test(config__example__parses_to_the_defaults),
        cmocka_unit_test(config__example__reads_well),
        cmocka_unit_test(config__print__parses_to_the_same),
        cmocka_unit_test(config__print__longest_values),
        cmocka_unit_test(config__set__from_a_flag),
        cmocka_unit_test(config__load__from_a_file),
        cmocka_unit_test(config__defaults__finds_mistakes_of_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
