#!/usr/bin/env python3
"""Runs the end-to-end tests.

    run.py                          every module, as many at a time as there are processors
    run.py test_routing             one module
    run.py test_routing.TestIds     one class, or one test with a further .name
    run.py --direct …               without Hearth: the client speaks to the server itself. What is not about sharing
                                    must pass like this, or the test is wrong.
    run.py --until-failure …        again and again

HEARTH_BIN names the directory of the programs (default: build/bin).
"""
import concurrent.futures
import glob
import os
import subprocess
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

SKIPPED = 77  # What ctest shows as skipped.


class TimedResult(unittest.TextTestResult):
    """Says which tests are slow."""

    def startTest(self, test):
        self.began = time.monotonic()
        super().startTest(test)

    def stopTest(self, test):
        super().stopTest(test)
        seconds = time.monotonic() - self.began
        if seconds > 1:
            self.stream.writeln("    %.1f s" % seconds)


def run_here(names):
    import world
    needed = [world.FAKE] if world.DIRECT else [world.HEARTH, world.HEARTHD, world.FAKE]
    missing = [path for path in needed if not os.access(path, os.X_OK)]
    if missing:
        print("not built: %s. Build first (./dev build), or set HEARTH_BIN." % ", ".join(missing))
        return 1
    suite = unittest.defaultTestLoader.loadTestsFromNames(names)
    result = unittest.TextTestRunner(verbosity=2, buffer=True, resultclass=TimedResult).run(suite)
    if not result.wasSuccessful():
        return 1
    if result.testsRun == 0 or len(result.skipped) == result.testsRun:
        return SKIPPED
    return 0


def run_all():
    modules = sorted(os.path.basename(path)[:-3] for path in glob.glob(os.path.join(HERE, "test_*.py")))

    def one(module):
        began = time.monotonic()
        done = subprocess.run([sys.executable, os.path.abspath(__file__), module], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace")
        return module, done.returncode, time.monotonic() - began, done.stdout

    failed = []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        for module, status, seconds, output in pool.map(one, modules):
            word = {0: "ok", SKIPPED: "skipped"}.get(status, "FAILED")
            print("%-20s %-8s %5.1f s" % (module, word, seconds), flush=True)
            if word == "FAILED":
                failed.append(module)
                print(output, flush=True)
    return 1 if failed else 0


def main(arguments):
    if "--direct" in arguments:
        os.environ["HEARTH_E2E_DIRECT"] = "1"
    names = [argument.removeprefix("tests/e2e/").removesuffix(".py") for argument in arguments
             if not argument.startswith("--")]
    if not names:
        return run_all()
    status = run_here(names)
    while "--until-failure" in arguments and status == 0:
        status = subprocess.run([sys.executable, os.path.abspath(__file__), *names]).returncode
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
