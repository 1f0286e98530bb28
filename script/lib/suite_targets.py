#!/usr/bin/python3
"""suite_targets.py BUILD SUITE: prints what the tests of a suite are run with, for ninja to build no more."""
import json
import os
import subprocess
import sys


def introspect(build, what):
    return json.loads(subprocess.run(["meson", "introspect", build, what], check=True, capture_output=True).stdout)


def main():
    build, suite = sys.argv[1:]
    files = {target["id"]: target["filename"] for target in introspect(build, "--targets")}
    tests = [test for test in introspect(build, "--tests")
             if suite in [name.rpartition(":")[2] for name in test["suite"]]]
    if not tests:
        sys.exit(f"{build} has no suite \"{suite}\"")
    needed = {file for test in tests for each in test["depends"] for file in files[each]}
    print("\n".join(sorted(os.path.relpath(file, build) for file in needed)))


if __name__ == "__main__":
    main()
