"""script/bootstrap with stand-ins for dpkg-query, apt-get, id and sudo: nothing is installed here."""
import os
import shutil
import subprocess
import tempfile
import unittest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
BOOTSTRAP = os.path.join(ROOT, "script", "bootstrap")


class Bootstrap(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="st-bootstrap-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.calls = os.path.join(self.folder, "calls")
        for tool in ("cat", "env"):
            os.symlink(shutil.which(tool), os.path.join(self.folder, tool))
        self.uid(0)
        self.packages("echo installed")
        self.tool("apt-get", 'echo "apt-get $*" >> "$CALLS"')

    def tool(self, name, body):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\n" + body + "\n")
        os.chmod(path, 0o755)

    def uid(self, number):
        self.tool("id", f"echo {number}")

    def packages(self, body):
        """What dpkg-query does with the package's name in $4."""
        self.tool("dpkg-query", body)

    def run_it(self, *options):
        made = subprocess.run(["/bin/sh", BOOTSTRAP, *options], capture_output=True, text=True,
                              env={"PATH": self.folder, "CALLS": self.calls})
        calls = ""
        if os.path.exists(self.calls):
            with open(self.calls, encoding="utf-8") as file:
                calls = file.read()
        return made.returncode, made.stdout, made.stderr, calls

    MISSING = 'case "$4" in cmake) exit 1 ;; gcc) echo config-files ;; *) echo installed ;; esac'

    def test_all_there(self):
        self.uid(1000)
        code, out, err, calls = self.run_it()
        self.assertEqual((code, err, calls), (0, "", ""))
        self.assertIn("all ", out)

    def test_installs_only_what_is_missing(self):
        self.packages(self.MISSING)
        code, _, _, calls = self.run_it()
        self.assertEqual(code, 0)
        lines = calls.splitlines()
        self.assertEqual(len(lines), 2)
        self.assertIn("update", lines[0])
        self.assertTrue(lines[1].endswith("install gcc cmake"), lines[1])

    def test_check_changes_nothing(self):
        self.packages(self.MISSING)
        code, out, _, calls = self.run_it("--check")
        self.assertEqual((code, calls), (1, ""))
        self.assertIn("missing: gcc cmake", out)

    def test_no_network(self):
        self.packages(self.MISSING)
        self.tool("apt-get", 'echo "apt-get $*" >> "$CALLS"; exit 100')
        code, _, err, calls = self.run_it()
        self.assertEqual(code, 3)
        self.assertIn("no network", err)
        self.assertIn("gcc cmake", err)
        self.assertNotIn("install", calls)

    def test_install_fails(self):
        self.packages(self.MISSING)
        self.tool("apt-get", 'case "$*" in *install*) exit 100 ;; esac')
        code, _, err, _ = self.run_it()
        self.assertEqual(code, 3)
        self.assertIn("could not install all of: gcc cmake", err)

    def test_user_without_sudo(self):
        self.uid(1000)
        self.packages(self.MISSING)
        code, _, err, calls = self.run_it()
        self.assertEqual((code, calls), (19, ""))
        self.assertIn("apt-get install gcc cmake", err)

    def test_user_with_sudo(self):
        self.uid(1000)
        self.packages(self.MISSING)
        self.tool("sudo", 'echo "sudo $*" >> "$CALLS"')
        code, _, _, calls = self.run_it()
        self.assertEqual(code, 0)
        self.assertEqual([line.split()[0] for line in calls.splitlines()], ["sudo", "sudo"])

    def test_other_system(self):
        os.unlink(os.path.join(self.folder, "apt-get"))
        code, _, err, _ = self.run_it()
        self.assertEqual(code, 2)
        self.assertIn("libsodium-dev", err)

    def test_usage(self):
        self.assertEqual(self.run_it("--help")[0], 0)
        self.assertEqual(self.run_it("--frobnicate")[0], 2)


if __name__ == "__main__":
    unittest.main()
