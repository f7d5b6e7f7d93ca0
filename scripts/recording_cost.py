#!/usr/bin/env python3
"""What recording costs the program: CPU time with and without, events lost, bytes.

    scripts/recording_cost.py [--quire build/quire] [--runs N] [NAME...]

Runs each program of workloads/ N times (default 7) plain and recorded in turn. Plain means
small pages only and a fixed layout, as the recorder sets them. The ratio is the median over
the pairs of the program's own user and system time; the last column adds the recorder's.
"""
import argparse
import ctypes
import json
import os
import pathlib
import resource
import shlex
import statistics
import subprocess
import sys
import tempfile

import workloads

PR_SET_THP_DISABLE = 41
ADDR_NO_RANDOMIZE = 0x0040000


def small_pages():
    """In the child before exec: what the recorder sets."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) != 0 or libc.personality(ADDR_NO_RANDOMIZE) < 0:
        os._exit(127)


def cpu_of(command, folder, env, preexec=None):
    """User and system seconds of a command and its waited-for children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run = subprocess.run(command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL, preexec_fn=preexec, timeout=900, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if run.returncode != 0:
        raise RuntimeError(f"{shlex.join(command)} ended with {run.returncode}")
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def pair(quire, workload, folder, env, file):
    """One plain and one recorded run: (plain, recorded, whole, what info says)."""
    plain = cpu_of(workload.command, folder, env, small_pages)
    whole = cpu_of([quire, "record", "-o", file, "--", *workload.command], folder, env)
    info = json.loads(subprocess.run([quire, "info", "--json", file], stdout=subprocess.PIPE, check=True).stdout)["results"]
    recorded = info["summary"]["cpu_user_ns"] + info["summary"]["cpu_sys_ns"]
    return plain, recorded / 1e9, whole, info


def line(name, pairs):
    info = pairs[-1][3]
    plain = statistics.median(p[0] for p in pairs)
    ratio = statistics.median(p[1] / p[0] for p in pairs)
    whole = statistics.median(p[2] / p[0] for p in pairs)
    lost = sum(p[3]["summary"]["lost_events"] for p in pairs)
    events = info["events"]
    return (f"| {name} | {plain:.2f} s | {ratio:.2f} | {whole:.2f} | {events} | {lost} | "
            f"{info['file_bytes'] / max(events, 1):.2f} |")


def main():
    parser = argparse.ArgumentParser(description="What recording costs the program.")
    parser.add_argument("--quire", default="build/quire", help="the program (default: build/quire)")
    parser.add_argument("--runs", type=int, default=7, help="pairs of runs (default: 7)")
    parser.add_argument("names", nargs="*", help="programs of workloads/list.txt (default: all)")
    args = parser.parse_args()
    quire = str(pathlib.Path(args.quire).resolve())
    print("| program | CPU plain | recorded / plain | with the recorder | events | lost | bytes an event |\n"
          "|---|---:|---:|---:|---:|---:|---:|")
    failed = 0
    for workload in workloads.load(args.names):
        try:
            with workloads.prepared(workload) as folder, tempfile.TemporaryDirectory() as place:
                env = workloads.environment(folder)
                file = os.path.join(place, "r.quire")
                print(line(workload.name, [pair(quire, workload, folder, env, file) for _ in range(args.runs)]),
                      flush=True)
        except (RuntimeError, OSError, ValueError, KeyError, subprocess.SubprocessError) as error:
            print(f"| {workload.name} | failed: {error} | | | | | |", flush=True)
            failed += 1
    return 2 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
