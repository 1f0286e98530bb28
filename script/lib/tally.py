#!/usr/bin/python3
"""Adds up what the test runners report and prints one closing line, `N passed, N failed`.

    tally.py [--step NAME=STATUS]… FILE…

FILE is a meson test log (testlog.json, one JSON object a line; cmocka's own lines inside are counted
one by one) or a JUnit XML file (pytest). A --step is a check of its own, passed if STATUS is 0. A
FILE that is missing counts as one failure: a runner that died must not look like success.
"""
import json
import os
import re
import sys
import xml.etree.ElementTree as tree


def of_meson(path):
    passed, failed, skipped, names = 0, 0, 0, []
    with open(path, encoding="utf-8") as log:
        for line in log:
            test = json.loads(line)
            text = test.get("stdout", "") + test.get("stderr", "")
            ok = len(re.findall(r"^\[       OK \]", text, re.M))
            # The summary repeats each failed name: count the verdicts, "[  FAILED  ] name" after RUN.
            bad = re.findall(r"^\[  FAILED  \] (?!.*tests?: )(\S+)", text, re.M)
            bad = sorted(set(bad))
            if test["result"] in ("OK", "EXPECTEDFAIL"):
                passed += max(ok, 1)
            elif test["result"] == "SKIP":
                skipped += 1
            else:
                passed += ok
                failed += max(len(bad), 1)
                names += [f"{test['name']}: {name}" for name in bad] or [
                    f"{test['name']}: {test['result']}"]
    return passed, failed, skipped, names


def of_junit(path):
    passed, failed, skipped, names = 0, 0, 0, []
    for case in tree.parse(path).getroot().iter("testcase"):
        kinds = {child.tag for child in case}
        if kinds & {"failure", "error"}:
            failed += 1
            names.append(f"{case.get('classname')}::{case.get('name')}")
        elif "skipped" in kinds:
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped, names


def main(arguments):
    total = [0, 0, 0]
    names = []
    for argument in arguments:
        if argument.startswith("--step="):
            name, status = argument[len("--step="):].rsplit("=", 1)
            good = status == "0"
            total[0 if good else 1] += 1
            if not good:
                names.append(name)
            continue
        if not os.path.exists(argument):
            total[1] += 1
            names.append(f"{argument}: missing")
            continue
        passed, failed, skipped, bad = (of_junit if argument.endswith(".xml") else of_meson)(argument)
        total[0] += passed
        total[1] += failed
        total[2] += skipped
        names += bad
    for name in names:
        print(f"failed: {name}")
    print(f"{total[0]} passed, {total[1]} failed" + (f", {total[2]} skipped" if total[2] else ""))
    return 1 if total[1] else 0


sys.exit(main(sys.argv[1:]))
