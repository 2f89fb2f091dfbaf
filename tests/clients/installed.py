"""The clients: each pinned in a package.json of its own, installed below build/ when its tests run.

What cannot be installed here skips its tests with the reason, and nothing else does.
"""
import fcntl
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import unittest

import npm_packages
from world import BIN

HERE = os.path.dirname(os.path.abspath(__file__))
MACHINE = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


@functools.lru_cache(maxsize=None)
def modules_of(client):
    """Its node_modules; or SkipTest, with why it is not there."""
    npm = shutil.which("npm")
    if npm is None:
        raise unittest.SkipTest("skipped: %s cannot be installed: there is no npm" % client)
    source = os.path.join(HERE, client)
    with open(os.path.join(source, "package-lock.json"), "rb") as file:
        wanted = hashlib.sha256(file.read()).hexdigest()[:16]
    place = os.path.join(os.path.dirname(BIN), "clients", client, wanted)
    os.makedirs(place, exist_ok=True)
    complete = os.path.join(place, "complete")
    with open(os.path.join(place, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(complete):
            for name in ("package.json", "package-lock.json"):
                shutil.copy(os.path.join(source, name), place)
            # Scripts of packages are not run: what a client needs is in its files. Not "ci": a lock file lacks the
            # optional packages that cannot be had for any machine, which "ci" takes for a mistake.
            done = subprocess.run([npm, "install", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=place, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            if done.returncode != 0:
                raise unittest.SkipTest("skipped: %s cannot be installed: %s" % (client, last_line(done.stdout)))
            open(complete, "w").close()
    return os.path.join(place, "node_modules")


def program(client, *candidates):
    """The first of these paths below its node_modules that is there; {machine} stands for x64 or arm64."""
    modules = modules_of(client)
    for candidate in candidates:
        path = os.path.join(modules, candidate.format(machine=MACHINE, arch=platform.machine()))
        if os.path.exists(path):
            return path
    raise unittest.SkipTest("skipped: %s has nothing to run on this machine (%s)" % (client, platform.machine()))


def node():
    """A Node for clients that are scripts."""
    try:
        return npm_packages.node()
    except AssertionError as why:
        raise unittest.SkipTest("skipped: no Node that is new enough: " + str(why).splitlines()[0]) from None


def last_line(text):
    """What npm says is wrong."""
    lines = [line for line in text.splitlines() if line.startswith("npm error") and "log of this run" not in line]
    return (lines or text.splitlines() or ["npm said nothing"])[0].removeprefix("npm error ").strip()
