#!/usr/bin/env python3
"""Goal: what people write, their file names, the content of their files and their passwords are nowhere but on the two
screens: not in any file of the server, not in its memory, not in its log, not on the wire, and not in any file of the
clients.

Reading a process's memory and capturing loopback need root; without it those two are left out, and that is said.
"""
import base64
import os
import re
import select
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
from harness import PASSWORD, Scenario, check, main

TEXT = "canary text: the herring flies at dawn 7d1f"
FILE_NAME = "canary-file-name-55aa.txt"
MAPPING_MAX = 1 << 31  # larger ones are a sanitizer's shadow
CONTENT = b"canary content: bring the blue umbrella c0de " * 4000


def forms(secret):
    """How a secret could stand somewhere: as it is, as UTF-16, in hex, and in base64 at each of its three offsets."""
    raw = secret if isinstance(secret, bytes) else secret.encode()
    raw = raw[:40]
    yield raw
    yield raw.decode().encode("utf-16-le")
    yield raw.hex().encode()
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + raw)
        yield encoded[4 if offset else 0:-4]


SECRETS = {name: list(forms(value)) for name, value in
           {"text": TEXT, "file name": FILE_NAME, "content": CONTENT, "password": PASSWORD}.items()}


def look(data, where, hits):
    for name, variants in SECRETS.items():
        if any(variant in data for variant in variants):
            hits.append(f"{name} in {where}")


def look_in_files(folder, hits):
    count = 0
    for path, _, files in os.walk(folder):
        for file in files:
            look(file.encode(), f"the name of {file}", hits)
            with open(os.path.join(path, file), "rb") as opened:
                look(opened.read(), file, hits)
            count += 1
    return count


def look_in_memory(pid, hits):
    size = 0
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            start, end, rights = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+)", line).groups()
            if "r" not in rights or "[v" in line or int(end, 16) - int(start, 16) > MAPPING_MAX:
                continue
            try:
                memory.seek(int(start, 16))
                data = memory.read(int(end, 16) - int(start, 16))
            except (OSError, ValueError, OverflowError):
                continue
            size += len(data)
            look(data, f"the memory of process {pid}", hits)
    return size


class Capture(threading.Thread):
    """Everything that crosses loopback, with a window over two packets so that no cut hides a hit."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.socket.bind(("lo", 0))
        self.hits, self.bytes, self.running = [], 0, True

    def run(self):
        while self.running:
            if not select.select([self.socket], [], [], 0.1)[0]:
                continue
            data = self.socket.recv(1 << 17)
            self.bytes += len(data)
            look(data, "a packet on the wire", self.hits)

    def stop(self):
        time.sleep(0.3)
        self.running = False
        self.join()
        self.socket.close()


def scenario():
    root = os.geteuid() == 0
    with Scenario() as s:
        capture = Capture() if root else None
        if capture:
            capture.start()
        server = s.server()
        alice, bob = s.account("alice", server).create(), s.account("bob", server).create()
        path = os.path.join(s.folder, FILE_NAME)
        with open(path, "wb") as file:
            file.write(CONTENT)
        # What waits at the server, what was fetched, and what was answered.
        alice.run("send", "@bob", "--stdin", "--attach", path, stdin=TEXT)
        hits, files, memory = [], 0, 0
        for moment in ("while it waits", "after it was read"):
            files += look_in_files(os.path.join(s.folder, "srv"), hits)
            if root:
                memory += sum(look_in_memory(pid, hits) for pid in server.worker() + [server.process.pid])
            if moment == "while it waits":
                events = bob.json("receive")
                shown = [e for e in events if e["type"] == "message"]
                check(len(shown) == 1 and shown[0]["text"] == TEXT, f"bob does not see the message: {events}")
                out = os.path.join(s.folder, "out.bin")
                bob.run("attachment", "get", shown[0]["id"], "-o", out)
                with open(out, "rb") as file:
                    check(file.read() == CONTENT, "the file came damaged")
                os.unlink(out)
                bob.run("send", "@alice", "--stdin", stdin=TEXT)
                alice.run("receive")
        for account in (alice, bob):
            files += look_in_files(account.data, hits)
        look(server.log_text().encode(), "the server's log", hits)
        if capture:
            capture.stop()
            hits += capture.hits
            check(capture.bytes > len(CONTENT), "the capture saw nothing")
        print(f"looked at {files} files" + (f", {memory >> 20} MiB of memory, {capture.bytes >> 10} KiB on the wire"
                                            if root else "; memory and wire need root and were left out"))
        check(not hits, "found: " + "; ".join(sorted(set(hits))))
        # The search itself can fail: it finds what is there.
        there = []
        look(open(path, "rb").read(), "the file itself", there)
        check(there, "the search finds nothing anywhere")


main(scenario)
