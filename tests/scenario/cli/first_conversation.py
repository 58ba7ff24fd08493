"""Goal of this test: the first run of safetalk(1), word for word, with two people at terminals and a real server;
then what happens around it: a server that is away, passwords, verification, files, the end of an account.

usage: first_conversation.py SAFETALK SAFETALKD"""
import json
import os
import re
import signal
import struct
import sys
import tempfile
import time
import zlib

import terminal
from terminal import Person, Server, expect, without_ids


def png_file(path, with_text):
    """A real picture of 3 MB; its metadata is what must not arrive."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + os.urandom(3000) for _ in range(1000))
    text = chunk(b"tEXt", b"Comment\0" + with_text)
    head = struct.pack(">IIBBBBB", 1000, 1000, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + text + chunk(b"IDAT", zlib.compress(rows, 0))
    data += chunk(b"IEND", b"")
    with open(path, "wb") as file:
        file.write(data)
    return data, text


def create_accounts(alice, bob, server):
    ask = "New password (8 or more characters; it never leaves this machine):"
    screen = alice.at_terminal("account", "create", "alice", "--server", server.address, "--invite", server.invite,
                               answers=[(ask, alice.password), ("Again:", alice.password)])
    expect(screen.replace(": \n", ":\n") == ask + "\nAgain:\n"
           "@alice is registered. The keys are on this machine only.\n"
           "Next: safetalk send @NAME -m 'hello'\n", screen)
    swapped = list(server.invite.replace("-", ""))
    at = next(i for i in range(11) if swapped[i] != swapped[i + 1])
    swapped[at], swapped[at + 1] = swapped[at + 1], swapped[at]
    typed = "".join(swapped)
    screen = bob.at_terminal("account", "create", "bob", "--server", server.address, "--invite", typed, code=13)
    expect(screen == f"safetalk: {typed} is not an invite code [13 invite_mistyped]\n"
           "  Why:  one character is wrong, or two are swapped. Nothing was sent.\n"
           f"  Next: safetalk account create bob --server {server.address} --invite CODE\n", screen)
    bob.at_terminal("account", "create", "bob", "--server", server.address, "--invite",
                    server.invite.replace("-", "").lower(), answers=[(ask, bob.password), ("Again:", bob.password)])


def first_message(alice, bob):
    picture, text = png_file(os.path.join(alice.folder, "harbour.png"), b"SECRET PLACE")
    screen = alice.at_terminal("send", "@bob", "-m", "Look at the harbour", "--attach", "harbour.png",
                               answers=[("Password of @alice:", alice.password)])
    expect(without_ids(screen.replace(": \n", ":\n")) == "Password of @alice:\n"
           "@bob is unverified. Compare numbers when you can: safetalk key show @bob\n"
           "stored  ID  @bob\n", screen)
    screen = bob.at_terminal("receive", answers=[("Password of @bob:", bob.password)])
    expect(without_ids(screen.replace(": \n", ":\n")) == "Password of @bob:\n"
           "HH:MM  @alice  ID  Look at the harbour\n"
           "        ID.1  harbour.png  image/png  3.0 MB\n"
           "@alice is unverified. Compare numbers when you can: safetalk key show @alice\n", screen)
    screen = bob.at_terminal("read", "@alice", answers=[("Password of @bob:", bob.password)])
    lines = without_ids(screen).splitlines()
    expect(re.fullmatch(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun) \d{1,2} [A-Z][a-z]{2} \d{4}", lines[1]) and
           lines[2:] == ["HH:MM  @alice  ID  Look at the harbour",
                         "        ID.1  harbour.png  image/png  3.0 MB"], screen)
    number = re.search(r"\b([0-9a-f]{8})\b", screen)[1]
    out, _ = bob.run("attachment", "get", number, "-o", "harbour.png")
    expect(without_ids(out) == "saved  ID.1  harbour.png  image/png  3.0 MB\n", out)
    with open(os.path.join(bob.folder, "harbour.png"), "rb") as file:
        expect(file.read() == picture.replace(text, b""), "the picture is another, or its metadata came along")
    out, _ = alice.run("receive")
    expect(without_ids(out).startswith(("delivered  ID  @bob\n", "read  ID  @bob\n")), out)


def server_away(alice, bob, server):
    server.stop()
    out, err = alice.run("send", "@bob", "-m", "are you there?", "--timeout", "2", code=11)
    expect(without_ids(out) == "queued  ID  @bob\n" and "[11 queued]" in err, out + err)
    out, _ = alice.run("outbox", "list", "--json")
    expect(json.loads(out)["state"] == "queued", out)
    _, err = bob.run("receive", code=3, SAFETALK_TIMEOUT="2")
    expect("[3 unreachable]" in err, err)
    server.start()
    alice.run("receive")
    out, _ = bob.run("receive", "--json")
    texts = [json.loads(line).get("text") for line in out.splitlines()]
    expect("are you there?" in texts, out)
    alice.run("receive")
    expect(alice.run("outbox", "list")[0] == "", "the outbox is not empty")


def following(alice, bob):
    follower = bob.start("receive", "--follow", "--json")
    line = None
    try:
        time.sleep(2)
        _, err = bob.run("chats", "--lock-timeout", "0", code=10)
        expect("safetalk receive --json --follow" in err, err)
        alice.run("send", "bob", stdin=b"piped in\n")
        while line is None or json.loads(line).get("text") != "piped in":
            line = follower.stdout.readline()
            expect(line, "the follower ended")
    finally:
        follower.send_signal(signal.SIGINT)
        _, err = follower.communicate(timeout=terminal.TIMEOUT_S)
    expect(follower.returncode == 130 and b'"reason":"interrupted"' in err, err)


def overtaken(alice, bob, server):
    """A file that comes to have the name while another is fetched for it is not replaced."""
    png_file(os.path.join(alice.folder, "late.png"), b"")
    alice.run("send", "@bob", "--attach", "late.png")
    lines = bob.run("receive", "--json")[0].splitlines()
    number = next(json.loads(line)["id"] for line in lines if json.loads(line)["type"] == "message")
    server.stop()
    getter = bob.start("attachment", "get", number, "-o", "late.png", "--timeout", "30")
    time.sleep(2)
    path = os.path.join(bob.folder, "late.png")
    with open(path, "w") as file:
        file.write("mine")
    server.start()
    _, err = getter.communicate(timeout=terminal.TIMEOUT_S)
    expect(getter.returncode == 2 and b"output_exists" in err, err)
    with open(path) as file:
        expect(file.read() == "mine", "the file was replaced")
    expect(os.listdir(bob.folder).count("late.png") == 1 and
           not [name for name in os.listdir(bob.folder) if name.startswith("late.png.")], os.listdir(bob.folder))
    bob.run("attachment", "get", number, "-o", "late.png", "--force")


def verifying(alice, bob):
    digits = json.loads(alice.run("key", "show", "@bob", "--json")[0])["digits"]
    expect(digits == json.loads(bob.run("key", "show", "@alice", "--json")[0])["digits"], "the numbers differ")
    wrong = ("1" if digits[0] != "1" else "2") + digits[1:]
    out, _ = alice.run("key", "verify", "@bob", wrong, code=9)
    expect(out == "DOES NOT MATCH  @bob\n", out)
    out, _ = alice.run("key", "verify", "@bob", digits)
    expect(out == "verified  @bob\n", out)
    _, err = alice.run("send", "@bob", "-m", "now I know you")
    expect(err == "", err)
    _, err = alice.run("contact", "lookup", "bbo", code=7)
    expect("no user @bbo [7 no_such_user]" in err and "you know @bob" in err, err)


def passwords(bob):
    with open(os.open(os.path.join(bob.folder, "new"), os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        file.write("a new battery staple\n")
    bob.run("account", "passwd", "--new-password-file", "new")
    _, err = bob.run("chats", code=6)
    expect("[6 wrong_password]" in err and "staple" not in err, err)
    bob.write_password("a new battery staple")
    bob.run("account", "logout")
    _, err = bob.run("send", "@alice", "-m", "logged out", code=11)
    bob.run("account", "login", "bob")
    bob.run("receive")


def cut_short(carol, double, server):
    """A registration whose first attempt had no answer: whatever the server says later, its keys stay."""
    create = ("account", "create", "carol", "--server", server.address, "--invite", server.invite)
    server.stop()
    carol.run(*create, "--timeout", "2", code=3)
    server.start()
    double.run(*create)
    _, err = carol.run(*create, code=14)
    expect("The keys of the first attempt stay" in err and "[14 name_taken]" in err, err)
    out, _ = carol.run("account", "list")
    expect("@carol" in out and "not registered" in out, "the keys are gone: " + out)


def the_end(alice, bob, server):
    bob.run("account", "delete", code=12)
    out, _ = bob.run("account", "delete", "--confirm", "bob")
    expect(out == "@bob is deleted, at the server and here.\n", out)
    expect(bob.run("account", "list")[0] == "", "something of the account is left")
    alice.run("contact", "lookup", "bob", code=7)
    _, err = bob.run("account", "create", "bob", "--server", server.address, "--invite", server.invite, code=14)
    expect("the name bob is taken [14 name_taken]" in err, err)
    expect(bob.run("account", "list")[0] == "", "an account that was refused is left")


def main():
    safetalk, safetalkd = map(os.path.abspath, sys.argv[1:3])
    with tempfile.TemporaryDirectory() as folder:
        server = Server(safetalkd, folder)
        alice = Person(safetalk, folder, "alice", "correct horse")
        bob = Person(safetalk, folder, "bob", "battery staple")
        steps = [(create_accounts, alice, bob, server), (first_message, alice, bob), (server_away, alice, bob, server),
                 (following, alice, bob), (overtaken, alice, bob, server), (verifying, alice, bob), (passwords, bob),
                 (cut_short, Person(safetalk, folder, "carol", "carols secret"),
                  Person(safetalk, folder, "carols-double", "other secret"), server), (the_end, alice, bob, server)]
        server.start()
        try:
            for step, *people in steps:
                started = time.monotonic()
                step(*people)
                print(f"{step.__name__}: {time.monotonic() - started:.1f} s", flush=True)
        finally:
            server.stop()
    print(f"{len(steps)} passed, 0 failed")


if __name__ == "__main__":
    main()
