#!/usr/bin/env python3
"""Makes golden frames of every message type from docs/PROTOCOL.md alone: a second implementation of the wire.

    make_wire.py PROTOCOL.md > wire_golden.txt

For each type: a frame with every field at its lower limit and without the optional ones, one with every field at its
upper limit (shortened where a frame would not hold it), and one in between. A line is `NAME CASE HEX`.
Nothing here is taken from the code: MessagePack is encoded by the few lines below.
"""
import re
import sys

FRAME_MAX = 98304


def head(small, small_max, forms, length):
    if small is not None and length <= small_max:
        return bytes([small | length])
    for first, width in forms:
        if length < 1 << (8 * width):
            return bytes([first]) + length.to_bytes(width, "big")
    raise ValueError(length)


def uint(n):
    if n < 0x80:
        return bytes([n])
    return head(None, 0, [(0xCC, 1), (0xCD, 2), (0xCE, 4), (0xCF, 8)], n)


def binary(data):
    return head(None, 0, [(0xC4, 1), (0xC5, 2), (0xC6, 4)], len(data)) + data


def text(data):
    return head(0xA0, 31, [(0xD9, 1), (0xDA, 2), (0xDB, 4)], len(data)) + data


def array(items):
    return head(0x90, 15, [(0xDC, 2), (0xDD, 4)], len(items)) + b"".join(items)


def mapping(pairs):
    return head(0x80, 15, [(0xDE, 2), (0xDF, 4)], len(pairs)) + b"".join(uint(k) + v for k, v in pairs)


def limits(words):
    numbers = [2**53 if n == "2^53" else int(n) for n in re.findall(r"2\^53|\d+", words)]
    size = None
    if " of " in words:
        size = numbers.pop()
    return numbers[0], numbers[-1], size


def parse(path):
    messages, elements, current = [], {}, None
    for line in open(path, encoding="utf-8"):
        message = re.match(r"#### `(\w+)`, type (\d+), from the (\w+)", line)
        element = re.match(r"#### list element `(\w+)`", line)
        field = re.match(r"\| (\d+) \| (\w+) \| ([^|]+) \| ([^|]+) \| ([^|]*)\|", line)
        if message:
            current = []
            messages.append((message.group(1), int(message.group(2)), current))
        elif element:
            current = elements.setdefault(element.group(1), [])
            current.clear()
        elif line.startswith("#") or line.startswith("<!--"):
            current = None
        elif field and current is not None:
            key, name, kind, words, optional = (part.strip() for part in field.groups())
            current.append((int(key), name, kind, limits(words), optional != ""))
    return messages, elements


class Budget:
    """Keeps a frame at its upper limits within what a frame may be."""

    def __init__(self, total):
        self.left = total

    def take(self, wanted, least):
        size = max(least, min(wanted, self.left))
        self.left -= size
        return size


def pick(low, high, case):
    return {"least": low, "most": high, "between": low + (high - low) // 3}[case]


def value(field, elements, case, budget, salt):
    _, name, kind, (low, high, size), _ = field
    if kind == "uint":
        return uint(pick(low, high, case))
    if kind in ("bin", "text", "prose"):
        length = budget.take(pick(low, high, case), low)
        if kind == "bin":
            return binary(bytes((i * 7 + salt) & 0xFF for i in range(length)))
        return text(bytes(97 + (i + salt) % 26 for i in range(length)))
    count = pick(low, high, case)
    if kind == "list of bin":
        return array([binary(bytes((i + j + salt) & 0xFF for j in range(size))) for i in range(count)])
    schema = elements[re.search(r"`(\w+)`", kind).group(1)]
    items = []
    for i in range(count):
        if items and budget.left < 70000 // max(1, count):
            break
        items.append(fields(schema, elements, case, budget, salt + i))
    return array(items if len(items) >= low else items)


def fields(schema, elements, case, budget, salt):
    pairs = []
    for field in schema:
        if field[4] and case == "least":
            continue
        pairs.append((field[0], value(field, elements, case, budget, salt + field[0])))
    return mapping(pairs)


def main():
    messages, elements = parse(sys.argv[1])
    for name, number, schema in messages:
        for salt, case in enumerate(("least", "between", "most")):
            request = {"least": 0, "between": 0x0102030405060708, "most": 2**64 - 1}[case]
            body = fields(schema, elements, case, Budget(FRAME_MAX - 4096), salt)
            frame = bytes([1, number, 0, 0]) + request.to_bytes(8, "big") + body
            print(name, case, frame.hex())


main()
