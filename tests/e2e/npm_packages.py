"""Where Node and the packages of package-lock.json are; fetched once, into a cache of our own.

Nothing here skips quietly: without Node a sentence says how to get it. An older Node than the official client needs is
passed over for a private one, which npm brings from private_node/package-lock.json.
"""
import fcntl
import hashlib
import os
import shutil
import subprocess

from world import HERE

NODE_LEAST = 20
HOW_TO_GET_NODE = ("these tests need Node and npm: install them (apt-get install nodejs npm), or set HEARTH_NO_NODE=1 to leave "
                   "them out by name")


def node_modules(folder=HERE):
    """The node_modules directory with what `folder`/package-lock.json says."""
    npm = shutil.which("npm")
    if npm is None:
        raise AssertionError(HOW_TO_GET_NODE)
    lock_file = os.path.join(folder, "package-lock.json")
    with open(lock_file, "rb") as file:
        wanted = hashlib.sha256(file.read()).hexdigest()[:16]
    cache = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "hearth-e2e", wanted)
    os.makedirs(cache, exist_ok=True)
    complete = os.path.join(cache, "complete")
    with open(os.path.join(cache, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # Tests run in parallel; one of them fetches.
        if not os.path.exists(complete):
            for name in ("package.json", "package-lock.json"):
                shutil.copy(os.path.join(folder, name), cache)
            done = subprocess.run([npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=cache, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            if done.returncode != 0:
                raise AssertionError("npm ci failed, so the real servers cannot be tested:\n" + done.stdout[-3000:])
            open(complete, "w").close()
    return os.path.join(cache, "node_modules")


def node():
    """A Node that is new enough."""
    own = shutil.which("node")
    if own is None:
        raise AssertionError(HOW_TO_GET_NODE)
    version = subprocess.run([own, "--version"], stdout=subprocess.PIPE, text=True).stdout.strip()
    if int(version.removeprefix("v").split(".")[0]) >= NODE_LEAST:
        return own
    return packaged_node(node_modules(os.path.join(HERE, "private_node")))


def packaged_node(modules):
    """The Node that is itself one of those packages."""
    machine = {"x86_64": "x64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
    packaged = os.path.join(modules, "node-linux-" + machine, "bin", "node")
    if not os.access(packaged, os.X_OK):
        raise AssertionError("the Node of this machine is too old (%d is needed), and there is none to fetch for %s" % (
            NODE_LEAST, os.uname().machine))
    return packaged
