#!/usr/bin/env python3
"""Holds docs/PROTOCOL.md to the tables of the code.

    check_protocol.py TABLES_PROGRAM PROTOCOL.md [--write]

The document has a block for each part, between `<!-- table: PART -->` and `<!-- end -->`. Without --write the blocks
must be what the program prints; with it they are replaced.
"""
import re
import subprocess
import sys


def main():
    program, path = sys.argv[1], sys.argv[2]
    text = open(path, encoding="utf-8").read()
    pattern = re.compile(r"(<!-- table: (\w+) -->\n)(.*?)(<!-- end -->)", re.S)
    parts = [match.group(2) for match in pattern.finditer(text)]
    if sorted(parts) != ["codes", "messages", "service"]:
        sys.exit(f"{path}: blocks for codes, messages and service are needed, found {parts}")

    def block(match):
        made = subprocess.run([program, match.group(2)], check=True, capture_output=True, text=True).stdout
        return match.group(1) + made + match.group(4)

    wanted = pattern.sub(block, text)
    if "--write" in sys.argv:
        open(path, "w", encoding="utf-8").write(wanted)
    elif wanted != text:
        for line, (old, new) in enumerate(zip(text.splitlines(), wanted.splitlines()), 1):
            if old != new:
                sys.exit(f"{path}:{line}: the code says\n  {new}\nthe document says\n  {old}")
        sys.exit(f"{path}: the tables of the code have more or fewer lines")


main()
