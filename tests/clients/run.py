#!/usr/bin/env python3
"""Runs the tests with real clients from npm, through Hearth, without logging in anywhere.

    run.py                       every module
    run.py test_claude           one module, class or test, as for the end-to-end tests

They use the world of the end-to-end tests, and are slow and large: `./dev test --clients` runs them.
"""
import glob
import importlib.util
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "e2e")]
sys.dont_write_bytecode = True

# A client loads for seconds, and talks to nobody in between.
os.environ.setdefault("HEARTH_E2E_PATIENCE", "120")


def main(arguments):
    run_e2e = importlib.util.module_from_spec(spec := importlib.util.spec_from_file_location(
        "run_e2e", os.path.join(os.path.dirname(HERE), "e2e", "run.py")))
    spec.loader.exec_module(run_e2e)
    names = arguments or sorted(os.path.basename(path)[:-3] for path in glob.glob(os.path.join(HERE, "test_*.py")))
    return run_e2e.run_here(names)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
