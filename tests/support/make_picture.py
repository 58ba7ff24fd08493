#!/usr/bin/env python3
"""Writes a PNG of about 3 MB: a harbour at dusk, drawn from a formula with a little noise.

    make_picture.py FILE
"""
import math
import random
import struct
import sys
import zlib

WIDTH, HEIGHT = 1200, 980
HORIZON = 380


def pixel(x, y, noise):
    if y < HORIZON:  # sky
        t = y / HORIZON
        colour = (60 + 170 * t, 70 + 90 * t, 140 - 10 * t)
        if (x - 820) ** 2 + (y - 300) ** 2 < 60**2:
            colour = (255, 210, 130)
        for mast in (240, 420, 530, 990):
            if abs(x - mast) < 3 and y > 130 + mast % 90:
                colour = (40, 35, 45)
    else:  # water
        wave = math.sin(x / 37 + y / 5) * 18 * (y - HORIZON) / (HEIGHT - HORIZON)
        colour = (90 + wave, 90 + wave, 130 + wave)
        if abs(x - 820 + wave * 3) < 70:
            colour = (200 + wave, 160 + wave, 120)
    return bytes(max(0, min(255, int(c) + noise())) for c in colour)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def main():
    random.seed(7)
    values = [random.randint(-24, 24) for _ in range(1 << 16)]
    at = 0

    def noise():
        nonlocal at
        at = (at * 5 + 1) & 0xFFFF
        return values[at ^ (at >> 7)]

    rows = bytearray()
    for y in range(HEIGHT):
        rows.append(0)
        for x in range(WIDTH):
            rows += pixel(x, y, noise)
    head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(rows), 1)
    with open(sys.argv[1], "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b""))


main()
