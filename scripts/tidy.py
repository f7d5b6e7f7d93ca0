#!/usr/bin/env python3
"""Runs clang-tidy-19 with .clang-tidy over the product sources of a build.

    scripts/tidy.py BUILD [SOURCE...]

A source is looked at again only when something that could change the answer
is newer than its stamp: itself, any header, the list of checks.
"""
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys

NO_PRODUCT = re.compile(r"_(test|prop|bench|fuzz)\.cc$")


def product_sources(build, root):
    """The sources of src/ that the build compiles, tests left out."""
    entries = json.loads((build / "compile_commands.json").read_text())
    files = {pathlib.Path(entry["file"]).resolve() for entry in entries}
    return sorted(f for f in files if (root / "src") in f.parents and f.suffix == ".cc" and not NO_PRODUCT.search(f.name))


def stamp_of(source, stamps):
    return stamps / f"{source.parent.name}.{source.name}"


def stale(sources, stamps, root):
    shared = [p for folder in ("src", "include") for p in (root / folder).rglob("*.h")] + [root / ".clang-tidy"]
    newest = max(p.stat().st_mtime for p in shared)

    def fresh(source):
        stamp = stamp_of(source, stamps)
        return stamp.exists() and stamp.stat().st_mtime > max(newest, source.stat().st_mtime)

    return [s for s in sources if not fresh(s)]


def check(source, build, stamps):
    """True when clang-tidy finds nothing. The database is g++'s: clang does
    not know all of its warning options."""
    run = subprocess.run(["clang-tidy-19", "--quiet", "--extra-arg=-Wno-unknown-warning-option", "-p", build, source],
                         capture_output=True, text=True, check=False)
    if run.returncode == 0:
        stamp_of(source, stamps).touch()
        return True
    print(run.stdout.strip() or run.stderr.strip(), flush=True)
    return False


def main(build, only):
    root = pathlib.Path(__file__).resolve().parent.parent
    build = pathlib.Path(build).resolve()
    stamps = build / "tidy"
    stamps.mkdir(exist_ok=True)
    sources = [pathlib.Path(s).resolve() for s in only] or product_sources(build, root)
    todo = stale(sources, stamps, root)
    print(f"tidy: {len(todo)} of {len(sources)} sources to look at", flush=True)
    with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("JOBS") or os.cpu_count())) as pool:
        bad = list(pool.map(lambda s: check(s, build, stamps), todo)).count(False)
    print(f"tidy: {bad} sources with findings" if bad else "tidy: clean")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
