#!/usr/bin/env python3
"""Times `quire map --rollup` on a process with much memory, as root: 4 KiB pages touched in
order, the same touched in a scattered order, and 2 MiB folios made by MADV_COLLAPSE. Changes no setting.

    scripts/map_cost.py BUILD [GIB]
"""
import ctypes
import mmap
import os
import pathlib
import re
import resource
import statistics
import subprocess
import sys
import time

PAGE, HUGE = 4096, 2 << 20
MADV_COLLAPSE = 25
RUNS = 5


def touched(gib, how):
    """The memory, which must be kept, all of it written to."""
    size = gib << 30
    memory = mmap.mmap(-1, size + HUGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    begin = -ctypes.addressof(ctypes.c_char.from_buffer(memory)) % HUGE
    memory.madvise(mmap.MADV_HUGEPAGE if how == "huge" else mmap.MADV_NOHUGEPAGE)
    if how == "huge":
        for at in range(begin, begin + size, HUGE):
            memory[at] = 1
            memory.madvise(MADV_COLLAPSE, at, HUGE)
        return memory
    pages = size // PAGE
    stride = 2654435761 if how == "scattered" else 1
    for i in range(pages):
        memory[begin + i * stride % pages * PAGE] = 1
    return memory


def in_a_child(gib, how, look):
    """What `look` says of a process that has touched its memory and waits."""
    from_child, to_us = os.pipe()
    until, end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(end)  # else it would wait for itself
        memory = touched(gib, how)
        os.write(to_us, b"x")
        os.read(until, 1)
        os._exit(0 if memory else 1)
    os.close(to_us)
    try:
        if os.read(from_child, 1) != b"x":
            sys.exit(f"the process with {gib} GiB has ended")
        return look(child)
    finally:
        os.close(end)
        os.close(until)
        os.close(from_child)
        os.waitpid(child, 0)


def timed(quire, pid):
    """Median seconds of wall clock and of CPU, and the answer."""
    walls, cpus = [], []
    for _ in range(RUNS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        start = time.monotonic()
        answer = subprocess.run([quire, "map", "--rollup", str(pid)], capture_output=True, text=True, check=True).stdout
        walls.append(time.monotonic() - start)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpus.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    return statistics.median(walls), statistics.median(cpus), answer


def main(build, gib):
    print(f"| {gib} GiB of | wall clock | CPU | bytes found |\n|---|---:|---:|---:|")
    for how, row in (("order", "anon-page-4kB"), ("scattered", "anon-page-4kB"),
                     ("huge", "anon-thp-pmd-aligned-2048kB")):
        wall, cpu, answer = in_a_child(gib, how, lambda pid: timed(build / "quire", pid))
        found = re.search(rf"^{row}: +(\d+) kB", answer, re.M)
        print(f"| {row}, {how} | {wall:.2f} s | {cpu:.2f} s | {int(found[1]) / 2**20 if found else 0:.2f} GiB |",
              flush=True)


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 3:
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 10)
