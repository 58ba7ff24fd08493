"""script/check-docs finds what it is there to find: each test breaks one thing in a small tree."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
PAYLOAD = """static const struct st_field payload_fields[] = {
    FIELD(1, payload, type, UINT, 1, UINT16_MAX),
    OPTION(2, payload, id, BYTES, 16, 16),
};
static const struct st_schema payload_schema = SCHEMA("payload", payload_fields, payload);
"""
CRYPTO = """# Crypto

<!-- fields: payload -->
| key | field | |
|---|---|---|
| 1 | type | uint |
| 2 | id | bin |
<!-- end -->

| limit | value | in the code |
|---|---|---|
| passed over | 1,000 | `E2E_SKIP_MAX` |
| life | 2,592,000 s (30 days) | `E2E_KEY_LIFE_S` |
"""
OPERATIONS = """# Operations

<!-- settings -->
| setting | default | |
|---|---|---|
| `server.port` | 7420 | the port |
| `limits.trusted_proxies` | | proxies |
<!-- end -->
"""
FILES = {
    "README.md": "# Small\n\n[there](docs/CRYPTO.md#crypto), `docs/CRYPTO.md`, `unit__does__something`\n",
    "docs/CRYPTO.md": CRYPTO,
    "docs/OPERATIONS.md": OPERATIONS,
    "tests/unit/test_small.c": "static void unit__does__something(void **state)\n",
    "client/e2e/payload.c": PAYLOAD,
    "client/e2e/e2e_limits.h": "enum {\n    E2E_SKIP_MAX = 1000, /* so many */\n    E2E_KEY_LIFE_S = 30 * 86400,\n};\n",
    "lib/devlist/st_devlist.h": "",
    "lib/devlist/st_prekey.h": "",
    "services/allinone/daemon_config.c":
        'ST_CONFIG_INT("server", "port", S, port, "7420", 1, 65535, "x"),\n'
        'ST_CONFIG_CIDRS("limits", "trusted_proxies", S, trusted_proxies, "",\n "x"),\n',
}


class CheckDocs(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp()
        for name, text in FILES.items():
            self.write(name, text)

    def tearDown(self):
        shutil.rmtree(self.root)

    def write(self, name, text):
        path = os.path.join(self.root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def run_check(self):
        made = subprocess.run([sys.executable, "-B", os.path.join(ROOT, "script", "check-docs"), "--root", self.root],
                              capture_output=True, text=True)
        return made.returncode, made.stdout

    def expect(self, words):
        code, out = self.run_check()
        self.assertEqual(code, 1, out)
        self.assertEqual(len([line for line in out.split("\n") if line.startswith("error: ")]), 1, out)
        self.assertIn(words, out)

    def test_clean(self):
        code, out = self.run_check()
        self.assertEqual(code, 0, out)

    def test_link_to_nothing(self):
        self.write("README.md", "[gone](docs/GONE.md)\n")
        self.expect("docs/GONE.md, which is not there")

    def test_link_to_a_heading_that_is_missing(self):
        self.write("README.md", "[gone](docs/CRYPTO.md#gone)\n")
        self.expect("no such heading")

    def test_links_in_code_and_to_elsewhere_do_not_count(self):
        self.write("README.md", "    [code](gone.md)\n\n[elsewhere](https://example.org/gone)\n")
        self.assertEqual(self.run_check()[0], 0)

    def test_name_of_no_test(self):
        self.write("README.md", "`unit__does__nothing`\n")
        self.expect("names the test unit__does__nothing")

    def test_path_that_is_missing(self):
        self.write("README.md", "`client/e2e/gone.c`\n")
        self.expect("names client/e2e/gone.c")

    def test_long_readme(self):
        self.write("README.md", "x\n" * 151)
        self.expect("151 lines")

    def test_field_renamed(self):
        self.write("docs/CRYPTO.md", CRYPTO.replace("| 2 | id |", "| 2 | name |"))
        self.expect("fields of payload")

    def test_limit_changed(self):
        self.write("docs/CRYPTO.md", CRYPTO.replace("2,592,000", "2,592,001"))
        self.expect("E2E_KEY_LIFE_S is 2592000")

    def test_default_changed(self):
        self.write("services/allinone/daemon_config.c",
                   FILES["services/allinone/daemon_config.c"].replace("7420", "7421"))
        code, out = self.run_check()
        self.assertEqual(code, 1, out)
        self.assertIn("server.port = 7420: only in the document", out)
        self.assertIn("server.port = 7421: only in the code", out)


if __name__ == "__main__":
    unittest.main()
