"""People at terminals: runs the programs as a person would, sees what a person sees."""
import os
import pty
import re
import select
import subprocess
import time

TIMEOUT_S = 60


class Failed(Exception):
    """What was seen is not what was to be seen."""


def expect(condition, message):
    if not condition:
        raise Failed(message)


class Person:
    """Somebody with a machine of their own: a data folder, a password, a program."""

    def __init__(self, program, folder, name, password):
        self.program = program
        self.name = name
        self.password = password
        self.folder = os.path.join(folder, name)
        os.mkdir(self.folder, 0o700)
        self.env = {**os.environ, "SAFETALK_DATA_DIR": self.folder, "XDG_CONFIG_HOME": self.folder,
                    "TERM": "dumb", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        self.password_file = os.path.join(folder, name + ".password")
        self.write_password(password)

    def write_password(self, password):
        self.password = password
        with open(os.open(self.password_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(password + "\n")

    def run(self, *words, code=0, stdin=b"", **variables):
        """Runs without a terminal; returns stdout and stderr."""
        env = {**self.env, "SAFETALK_PASSWORD_FILE": self.password_file, **variables}
        done = subprocess.run([self.program, *words], env=env, input=stdin, capture_output=True, timeout=TIMEOUT_S,
                              cwd=self.folder, start_new_session=True, check=False)
        out, err = done.stdout.decode(), done.stderr.decode()
        expect(done.returncode == code, f"{self.name}: {words}: {done.returncode}, not {code}\n{out}{err}")
        return out, err

    def start(self, *words):
        """Starts a program that stays."""
        env = {**self.env, "SAFETALK_PASSWORD_FILE": self.password_file}
        return subprocess.Popen([self.program, *words], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, cwd=self.folder, start_new_session=True)

    def at_terminal(self, *words, answers=(), code=0):
        """Runs on a terminal, types an answer at each prompt; returns the screen."""
        pid, screen_fd = pty.fork()
        if pid == 0:
            os.chdir(self.folder)
            os.execve(self.program, [self.program, *words], self.env)
        screen, seen, waiting = "", 0, list(answers)
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            if select.select([screen_fd], [], [], 0.1)[0]:
                try:
                    data = os.read(screen_fd, 4096)
                except OSError:
                    break
                if not data:
                    break
                screen += data.decode()
            if waiting and screen[seen:].rstrip().endswith(waiting[0][0]):
                seen = len(screen)
                os.write(screen_fd, (waiting.pop(0)[1] + "\n").encode())
        os.close(screen_fd)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        screen = screen.replace("\r\n", "\n")
        expect(status == code, f"{self.name}: {words}: {status}, not {code}\n{screen}")
        expect(not waiting, f"{self.name}: {words}: never asked {waiting}\n{screen}")
        expect(self.password not in screen, f"{self.name}: {words}: the password stands on the screen")
        return screen


class Server:
    """safetalkd in a folder."""

    def __init__(self, program, folder):
        self.program = program
        self.dir = os.path.join(folder, "srv")
        self.log = os.path.join(folder, "server.log")
        made = subprocess.run([program, "init", "--dir", self.dir, "--host", "127.0.0.1"], capture_output=True,
                              timeout=TIMEOUT_S, check=True).stdout.decode()
        self.address = re.search(r"address\s+(\S+)", made)[1]
        self.invite = re.search(r"invite\s+(\S+)", made)[1]
        self.process = None

    def start(self):
        log = open(self.log, "ab")
        start = log.tell()
        self.process = subprocess.Popen([self.program, "run", "--dir", self.dir], stdout=log, stderr=log,
                                        start_new_session=True)
        log.close()
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            with open(self.log, "rb") as file:
                file.seek(start)
                if b"\nready\n" in file.read():
                    return
            expect(self.process.poll() is None, "the server ended at once")
            time.sleep(0.05)
        raise Failed("the server does not say that it is ready")

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(TIMEOUT_S)
            self.process = None


def without_ids(text):
    """The text with message ids and clock times made the same in every run."""
    text = re.sub(r"\b[0-9a-f]{8}\b", "ID", text)
    return re.sub(r"(?m)^\d\d:\d\d  ", "HH:MM  ", text)
