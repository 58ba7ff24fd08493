#!/usr/bin/env python3
"""Goal: 1,000 messages in both directions, the server killed 50 times, the clients 20 times, all with kill -9 at random
moments: none lost, none shown twice, none out of order.

    kill_talk.py [MESSAGES SERVER_KILLS CLIENT_KILLS]
"""
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
from harness import PASSWORD, Scenario, check, main, program

MESSAGES, SERVER_KILLS, CLIENT_KILLS = (int(arg) for arg in (sys.argv[1:] or (1000, 50, 20)))
PACE_MS = 60
DEADLINE_S = 400


class Talker:
    def __init__(self, scenario, account, peer):
        self.scenario, self.account, self.peer = scenario, account, peer
        self.start()

    def start(self):
        self.process = self.scenario.spawn(
            [program("safetalk-talker"), self.account.folder(), self.peer, str(MESSAGES // 2), str(PACE_MS)],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        self.process.stdin.write(PASSWORD + "\n")
        self.process.stdin.close()

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.start()

    def is_done(self):
        return self.process.poll() is not None


def look(account, peer, sent_by_peer):
    """What `account` shows of `peer`, against what peer sent."""
    shown = [m for m in account.json("read", "@" + peer, "-n", "100000") if m["type"] == "message"]
    incoming = [m for m in shown if m["direction"] == "in"]
    texts = [m["text"] for m in incoming]
    wanted = [f"number {n}" for n in range(1, sent_by_peer + 1)]
    lost = sum(text not in set(texts) for text in wanted)
    twice = len(texts) - len(set(texts))
    numbers = [m["seq"] for m in incoming]
    unordered = sum(a >= b for a, b in zip(numbers, numbers[1:]))
    return lost, twice, unordered


def scenario():
    with Scenario() as s:
        server = s.server()
        alice, bob = s.account("alice", server).create(), s.account("bob", server).create()
        talkers = [Talker(s, alice, "bob"), Talker(s, bob, "alice")]
        begun = time.monotonic()
        span = max(10.0, MESSAGES / 2 * PACE_MS / 1000)
        kills = [(s.random.uniform(0.5, span), "server") for _ in range(SERVER_KILLS)]
        kills += [(s.random.uniform(0.5, span), "client") for _ in range(CLIENT_KILLS)]
        for at, what in sorted(kills):
            time.sleep(max(0.0, begun + at - time.monotonic()))
            if what == "client":
                talker = s.random.choice(talkers)
                if not talker.is_done():
                    talker.kill()
            elif s.random.random() < 0.5:
                server.kill("worker")
            else:
                server.kill()
                server.start()
        while not all(talker.is_done() for talker in talkers):
            check(time.monotonic() - begun < DEADLINE_S, "the two do not come to an end")
            time.sleep(0.2)
        check(all(talker.process.returncode == 0 for talker in talkers), "a client failed")
        sums = [sum(pair) for pair in zip(look(alice, "bob", MESSAGES // 2), look(bob, "alice", MESSAGES // 2))]
        print(f"{MESSAGES} messages, {SERVER_KILLS} server kills, {CLIENT_KILLS} client kills, "
              f"{time.monotonic() - begun:.0f} s: lost {sums[0]}, shown twice {sums[1]}, out of order {sums[2]}")
        check(sums == [0, 0, 0], "the promise is broken")


main(scenario)
