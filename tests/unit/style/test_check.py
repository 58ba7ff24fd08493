"""script/check on small trees, each with one fault planted: it must find exactly that, and nothing in a clean one."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
CHECK = os.path.join(ROOT, "script", "check")


class Tree(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="st-check-")
        self.addCleanup(shutil.rmtree, self.root)
        shutil.copy(os.path.join(ROOT, ".clang-format"), self.root)
        subprocess.run(["git", "init", "-q", self.root], check=True)
        self.put(".gitignore", "/build\n")
        self.put("lib/a.h", "int a(void);\n")
        self.put("lib/a.c", '#include "lib/a.h"\n\nint a(void)\n{\n    return 1;\n}\n')

    def put(self, name, text):
        path = os.path.join(self.root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def check(self, *options):
        subprocess.run(["git", "-C", self.root, "add", "."], check=True)
        made = subprocess.run([sys.executable, CHECK, "--root", self.root, *options], capture_output=True, text=True)
        self.assertEqual(made.stderr, "")
        errors = [line for line in made.stdout.split("\n") if line.startswith("error: ")]
        self.assertEqual(made.returncode, 1 if errors else 0)
        return errors, made.stdout

    def assert_one(self, part, *options):
        errors, _ = self.check(*options)
        self.assertEqual(len(errors), 1, errors)
        self.assertIn(part, errors[0])

    def body(self, line):
        return f'#include "lib/a.h"\n\nint a(void)\n{{\n    {line}\n    return 1;\n}}\n'

    def test_clean(self):
        self.assertEqual(self.check()[0], [])

    def test_banned(self):
        for call in ("strcpy(x, y);", "sprintf(x, y);", "atoi(x);", "strtok(x, y);", "system(x);", "rand ();"):
            self.put("lib/a.c", self.body(call.replace(" (", "(")))
            self.assert_one("lib/a.c:5: " + call.split("(")[0].strip() + " is banned")

    def test_not_banned(self):
        for line in ("my_strcpy(x);", "x.system(y);", "x->rand(y);", 'f("strcpy(x)");', "/* strcpy(x) */", "snprintf(x);",
                     "srand(1); /* check: allow srand (why) */"):
            self.put("lib/a.c", self.body(line))
            self.assertEqual(self.check()[0], [], line)

    def test_tests_may_do_more(self):
        self.put("tests/t.c", "int t(void)\n{\n    fscanf(x);\n    return 1;\n}\n")
        self.assertEqual(self.check()[0], [])
        self.put("tests/t.c", "int t(void)\n{\n    strcpy(x, y);\n    return 1;\n}\n")
        self.assert_one("strcpy is banned")

    def test_waiver_of_another_function_or_without_a_reason(self):
        self.put("lib/a.c", self.body("rand(); /* check: allow srand (why) */"))
        self.assert_one("rand is banned")
        self.put("lib/a.c", self.body("rand(); /* check: allow rand */"))
        self.assert_one("rand is banned")

    def test_unfinished(self):
        self.put("lib/a.c", self.body("f(); /* TO" + "DO: more */"))
        self.assert_one("unfinished")

    def test_machine_path(self):
        self.put("script/x", f"cd {self.root}/src\n")
        self.assert_one("absolute path")
        self.put("script/x", "cd /home/somebody/src /etc/safetalk\n")
        self.assertEqual(self.check()[0], [])

    def test_include_across_the_lines(self):
        self.put("client/e2e/b.h", "int b(void);\n")
        self.put("services/relay/c.c", '#include "client/e2e/b.h"\n')
        self.assert_one("services/ may include only")
        self.put("services/relay/c.c", '#include "lib/a.h"\n')
        self.assertEqual(self.check()[0], [])
        self.put("lib/d.c", '#include "proto/p.h"\n')
        self.assert_one("lib/ may include only")

    def test_format(self):
        self.put("lib/a.c", '#include "lib/a.h"\n\nint a(void) {\n  return 1;\n}\n')
        self.assert_one("not formatted")

    def test_sizes_are_only_notes(self):
        lines = "".join("    f();\n" for _ in range(61))
        self.put("lib/a.c", '#include "lib/a.h"\n\nint a(void)\n{\n' + lines + "}\n")
        errors, out = self.check("--notes")
        self.assertEqual(errors, [])
        self.assertIn("note: lib/a.c:4: a function of 61 lines", out)
        self.put("lib/a.c", '#include "lib/a.h"\n' + "\n" * 500)
        subprocess.run(["clang-format", "-i", "lib/a.c"], cwd=self.root, check=True)

    def build(self, cmake):
        self.put("CMakeLists.txt", "cmake_minimum_required(VERSION 3.25)\nproject(x C)\n"
                                   "set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)\n"
                                   "add_subdirectory(client)\nadd_subdirectory(services)\n")
        self.put("client/CMakeLists.txt", "add_library(e2e STATIC e2e.c)\n")
        self.put("client/e2e.c", "int ratchet_open(void);\nint ratchet_open(void)\n{\n    return 1;\n}\n")
        self.put("services/CMakeLists.txt", cmake)
        self.put("services/main.c", "int main(void)\n{\n    return 0;\n}\n")
        folder = os.path.join(self.root, "build")
        subprocess.run(["cmake", "-S", self.root, "-B", folder, "-G", "Ninja"], check=True, capture_output=True)
        subprocess.run(["ninja", "-C", folder], check=True, capture_output=True)
        return folder

    def test_service_that_links_the_client(self):
        folder = self.build("add_executable(relay main.c)\n")
        self.assertEqual(self.check("--build", folder)[0], [])
        folder = self.build("add_executable(relay main.c)\ntarget_link_libraries(relay e2e)\n")
        self.assert_one("bin/relay: a service links client/libe2e.a", "--build", folder)
        # Through a library of its own, and with code of it inside.
        self.put("services/wrap.c", "int ratchet_open(void);\nint wrap(void);\nint wrap(void)\n{\n"
                                    "    return ratchet_open();\n}\n")
        folder = self.build("add_library(wrap STATIC wrap.c)\ntarget_link_libraries(wrap e2e)\n"
                            "add_executable(relay main.c)\ntarget_link_libraries(relay -Wl,--whole-archive wrap "
                            "-Wl,--no-whole-archive)\n")
        errors, _ = self.check("--build", folder)
        self.assertEqual(len(errors), 3, errors)
        self.assertTrue(any("ratchet_open" in error for error in errors))

    def test_service_that_compiles_the_client(self):
        folder = self.build("add_executable(relay main.c ../client/e2e.c)\n")
        self.assert_one("a service contains code of the client: ratchet_open", "--build", folder)

    def test_both_databases(self):
        folder = self.build("add_executable(relay main.c)\n"
                            "target_link_options(relay PRIVATE -Wl,--no-as-needed -lsqlite3 -lsqlcipher)\n")
        self.assert_one("encryption is silently off", "--build", folder)


if __name__ == "__main__":
    unittest.main()
