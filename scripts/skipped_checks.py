#!/usr/bin/env python3
"""Lists the checks a test run skipped, by reason.

    scripts/skipped_checks.py DIR...    folders of GoogleTest XML results
"""
import collections
import pathlib
import sys
import xml.etree.ElementTree as ElementTree


def reason(skipped):
    """The text given to GTEST_SKIP, without the file and line before it."""
    lines = [line.strip() for line in skipped.get("message", "").splitlines()]
    words = [line for line in lines[1:] if line] or [line for line in lines if line]
    return " ".join(words) or "no reason given"


def read(path, skips):
    """Adds the skipped checks of one result file, {reason: {program: [check]}};
    returns how many ran."""
    ran = 0
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        skipped = case.find("skipped")
        if skipped is not None:
            skips[reason(skipped)][path.stem].append(f'{case.get("classname")}.{case.get("name")}')
        elif case.get("status") == "run":
            ran += 1
    return ran


def main(folders):
    skips = collections.defaultdict(lambda: collections.defaultdict(list))
    paths = [p for folder in folders for p in sorted(pathlib.Path(folder).glob("*.xml"))]
    ran = sum(read(path, skips) for path in paths)
    skipped = sum(len(checks) for programs in skips.values() for checks in programs.values())
    print(f"{ran} checks of {len(paths)} test programs ran, {skipped} skipped")
    for why, programs in sorted(skips.items()):
        print(f"  skipped, {why}:")
        for program, checks in programs.items():
            print(f"    {program}: {', '.join(checks)}")


if __name__ == "__main__":
    main(sys.argv[1:])
