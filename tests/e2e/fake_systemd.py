"""A stand-in for systemd: a manager that passes sockets and hears notices, and a `systemctl` that only takes notes."""
import os
import select
import socket
import subprocess
import sys

from client import PATIENCE, Missing
from world import HEARTH

# Puts descriptors from 3 on, as a manager does, and becomes the program.
PASS_ON = """
import os, sys
count, words = int(sys.argv[1]), sys.argv[2:]
fds = [os.dup(int(fd)) for fd in words[:count]]
fds = [fd if fd > 20 else os.dup2(fd, 40 + i) for i, fd in enumerate(fds)]
for i, fd in enumerate(fds): os.dup2(fd, 3 + i)
os.environ.update(LISTEN_PID=str(os.getpid()), WATCHDOG_PID=str(os.getpid()))
os.execv(words[count], words[count:])
"""


class FakeManager:
    """What systemd does for the units: it listens, starts the service when somebody connects, and hears what it says."""

    def __init__(self, home, port=None, watchdog=None):
        self.home, self.watchdog, self.services = home, watchdog, []
        os.makedirs(home.run_dir, mode=0o700, exist_ok=True)
        if os.path.exists(home.socket_path):
            os.unlink(home.socket_path)
        self.sessions = socket.socket(socket.AF_UNIX)
        self.sessions.bind(home.socket_path)
        os.chmod(home.socket_path, 0o600)
        self.sessions.listen(4096)
        self.sockets = [self.sessions]
        if port is not None:
            self.port = socket.create_server(("127.0.0.1", port))
            self.sockets.insert(0, self.port)
        self.notify_path = home.path("notify")
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(self.notify_path)
        self.notify.settimeout(PATIENCE)

    def asked(self, seconds=PATIENCE):
        """Whether somebody wants to be served. It stays true until a daemon accepts the connection."""
        return bool(select.select(self.sockets, [], [], seconds)[0])

    def start(self, *words):
        argv = [HEARTH, "serve", *words]
        fds = [each.fileno() for each in self.sockets]
        env = self.home.environment(LISTEN_FDS=str(len(fds)), LISTEN_FDNAMES=":".join("x" for _ in fds),
                                    NOTIFY_SOCKET=self.notify_path, WATCHDOG_USEC=self.watchdog)
        log = self.home.path("service.%d" % len(self.services))
        with open(log, "wb") as file:
            process = subprocess.Popen([sys.executable, "-c", PASS_ON, str(len(fds)), *map(str, fds), *argv], env=env,
                                       pass_fds=fds, cwd=self.home.project, stdin=subprocess.DEVNULL, stdout=file, stderr=file)
        process.log = log
        self.services.append(process)
        return process

    def start_when_asked(self):
        if not self.asked():
            raise Missing("no connection came to the manager")
        process = self.start()
        self.until("READY=1")
        return process

    def heard(self):
        return self.notify.recv(4096).decode()

    def until(self, line):
        """Everything up to the datagram with that line."""
        said = []
        while not said or line not in said[-1].split("\n"):
            said.append(self.heard())
        return said

    def said_by(self, process):
        with open(process.log, encoding="utf-8") as file:
            return file.read()

    def close(self):
        for process in self.services:
            if process.poll() is None:
                process.terminate()
            process.wait(30)
        for each in [*self.sockets, self.notify]:
            each.close()
        for path in (self.home.socket_path, self.notify_path):
            if os.path.exists(path):
                os.unlink(path)


FAKE_SYSTEMCTL = """#!/bin/sh
echo "$@" >>"%(dir)s/calls"
if [ -e "%(dir)s/unreachable" ]; then echo "Failed to connect to bus: No medium found" >&2; exit 1; fi
case "$*" in
*"show --property=UnitFileState"*) cat "%(dir)s/state" 2>/dev/null ;;
*"enable --now"* | *"disable --now"*) if [ -e "%(dir)s/fails" ]; then echo "Job for it failed." >&2; exit 1; fi ;;
esac
exit 0
"""
