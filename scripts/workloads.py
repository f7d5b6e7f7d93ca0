#!/usr/bin/env python3
"""The real programs of workloads/, and how alike two runs of each are.

    scripts/workloads.py [--runs N] [NAME...]

Runs each program N times (default 3) with a fixed address layout and prints
the minor faults of every run: what differs here no prediction can hit.
"""
import argparse
import contextlib
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile
import typing

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "workloads"


class Workload(typing.NamedTuple):
    name: str
    kind: str     # "single" or "threaded"
    prepare: str  # for the shell; empty when there is nothing to make
    command: list


def load(names=()):
    """The programs of list.txt, or those named."""
    found = []
    for line in (FOLDER / "list.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            name, kind, prepare, command = line.split("\t")
            found.append(Workload(name, kind, "" if prepare == "-" else prepare, shlex.split(command)))
    unknown = set(names) - {w.name for w in found}
    if unknown:
        sys.exit(f"workloads: no {', '.join(sorted(unknown))} in list.txt; there are {', '.join(w.name for w in found)}")
    return [w for w in found if not names or w.name in names]


def environment(folder):
    """The whole environment of a run: its strings move the stack."""
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(folder), "LC_ALL": "C", "TZ": "UTC",
            "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "PERL_HASH_SEED": "0",
            "OPENBLAS_NUM_THREADS": "1", "GIT_CONFIG_NOSYSTEM": "1"}


@contextlib.contextmanager
def prepared(workload):
    """A fresh copy of the folder, as long as the name of every other one, with
    the program's input made and the program run once, so that the page cache
    is warm."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="quire-workload-"))
    try:
        shutil.copytree(FOLDER, folder, dirs_exist_ok=True)
        env = environment(folder)
        if workload.prepare:
            subprocess.run(["sh", "-c", workload.prepare], cwd=folder, env=env, check=True, timeout=300)
        run(workload, folder)
        yield folder
    finally:
        shutil.rmtree(folder)


def run(workload, folder):
    """Runs the program once; returns its minor and major faults, its children's
    included."""
    child = subprocess.Popen(["setarch", "-R", *workload.command], cwd=folder, env=environment(folder),
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise RuntimeError(f"{workload.name}: {shlex.join(workload.command)} ended with {child.returncode}")
    return usage.ru_minflt, usage.ru_majflt


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    print(f"{'program':12} {'kind':9} {'spread':>7}  minor faults of {args.runs} runs (major)")
    for workload in load(args.names):
        with prepared(workload) as folder:
            runs = [run(workload, folder) for _ in range(args.runs)]
        faults = [minor for minor, _ in runs]
        shown = " ".join(f"{minor}({major})" if major else str(minor) for minor, major in runs)
        print(f"{workload.name:12} {workload.kind:9} {max(faults) - min(faults):7}  {shown}", flush=True)


if __name__ == "__main__":
    main()
