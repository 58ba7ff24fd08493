"""What the scenarios share: a real server and real clients in a temporary folder, on loopback.

Every process that a scenario starts is stopped by its pid at the end, whatever happens. Programs come from the folder
in SAFETALK_BIN (CTest sets it).
"""
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

BIN = os.environ.get("SAFETALK_BIN", "build/bin")
PASSWORD = "correct horse battery staple"


def program(name):
    return os.path.join(os.path.abspath(BIN), name)


def free_ports():
    """A pair of ports that nobody listens on."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port


class Failure(Exception):
    pass


def check(condition, text):
    if not condition:
        raise Failure(text)


class Result:
    """What a command printed and how it ended."""

    def __init__(self, args, done):
        self.args, self.code = args, done.returncode
        self.out, self.err = done.stdout, done.stderr

    def records(self):
        return [json.loads(line) for line in self.out.splitlines()]

    def __str__(self):
        return f"{' '.join(self.args)}: exit {self.code}\n{self.out}{self.err}"


class Server:
    def __init__(self, folder, settings=()):
        self.folder = os.path.join(folder, "srv")
        self.log = os.path.join(folder, "server.log")
        self.process = None
        made = subprocess.run(
            [program("safetalkd"), "init", "--dir", self.folder, "--host", "127.0.0.1", "--port", str(free_ports())],
            capture_output=True, text=True, check=False)
        check(made.returncode == 0, f"init: {made.stdout}{made.stderr}")
        lines = dict(line.split(None, 1) for line in made.stdout.splitlines() if line.startswith("  "))
        self.address = lines["address"].strip()
        self.invite = lines["invite"].split()[0]
        if settings:
            with open(os.path.join(self.folder, "safetalkd.conf"), "a", encoding="utf-8") as file:
                file.write("\n" + "\n".join(settings) + "\n")

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [program("safetalkd"), "run", "--dir", self.folder], stdout=subprocess.PIPE, stderr=log, text=True)
        for line in self.process.stdout:
            if line == "ready\n":
                return self
        raise Failure(f"the server does not start:\n{self.log_text()}")

    def worker(self):
        """The pid of the process that does the work."""
        listed = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True, check=False)
        return [int(pid) for pid in listed.stdout.split()]

    def kill(self, what="both"):
        """kill -9: the worker alone (its parent starts another), or both, and then started anew."""
        workers = self.worker()
        if what == "worker":
            for pid in workers:
                os.kill(pid, signal.SIGKILL)
            return
        self.process.kill()
        for pid in workers:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()
        self.process.stdout.close()
        self.process = None

    def stop(self):
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failure("the server does not end after TERM")
        self.process.stdout.close()
        self.process = None

    def log_text(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()


class Account:
    """One person: an account in a data folder of its own."""

    def __init__(self, folder, name, server):
        self.name, self.server = name, server
        self.data = os.path.join(folder, name)
        self.password_file = os.path.join(folder, name + ".password")
        self.config = os.path.join(folder, name + ".ini")
        with open(os.open(self.password_file, os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
            file.write(PASSWORD + "\n")
        with open(self.config, "w", encoding="utf-8") as file:
            file.write("")

    def command(self, *args):
        return [program("safetalk"), "--config", self.config, "--data-dir", self.data, "--password-file",
                self.password_file, *args]

    def run(self, *args, code=0, timeout=60, stdin=None):
        """Runs a command; `code` None takes any exit code."""
        done = subprocess.run(self.command(*args), capture_output=True, text=True, timeout=timeout, check=False,
                              input=stdin, stdin=None if stdin is not None else subprocess.DEVNULL)
        result = Result(args, done)
        check(code is None or result.code == code, f"{self.name}: {result}")
        return result

    def create(self):
        self.run("account", "create", self.name, "--server", self.server.address, "--invite", self.server.invite)
        return self

    def json(self, *args, **kwargs):
        return self.run("--json", *args, **kwargs).records()

    def folder(self):
        """The account's own folder."""
        return os.path.join(self.data, os.listdir(self.data)[0])


class Scenario:
    """A temporary folder with what is started in it; use with `with`."""

    def __init__(self, seed=None):
        self.seed = int(os.environ.get("SAFETALK_SEED", seed if seed is not None else time.time_ns() % 1000000))
        self.random = random.Random(self.seed)
        self.servers, self.processes = [], []

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="safetalk-scenario.")
        print(f"seed {self.seed} (SAFETALK_SEED repeats it)", flush=True)
        return self

    def server(self, settings=()):
        made = Server(self.folder, settings)
        self.servers.append(made)
        return made.start()

    def account(self, name, server):
        return Account(self.folder, name, server)

    def spawn(self, args, **kwargs):
        process = subprocess.Popen(args, **kwargs)
        self.processes.append(process)
        return process

    def __exit__(self, kind, error, trace):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        for server in self.servers:
            try:
                server.stop()
            except Failure as failure:
                print(failure)
                error = error or failure
        if error is not None:
            for server in self.servers:
                print("".join(server.log_text().splitlines(True)[-20:]))
        shutil.rmtree(self.folder, ignore_errors=True)
        return False


def main(scenario):
    """Runs a scenario as a program."""
    try:
        scenario()
    except Failure as failure:
        print(f"FAILED: {failure}")
        sys.exit(1)
    print("passed")
