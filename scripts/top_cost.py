#!/usr/bin/env python3
"""Measures the CPU time of `quire top` itself, as root, beside a process with much memory in 4 KiB pages:
one that waits, and one that runs. Changes no setting.

    scripts/top_cost.py BUILD [GIB] [SECONDS]
"""
import os
import pathlib
import pty
import select
import signal
import sys
import time

from map_cost import touched

INTERVAL = "2"
SETTLED = 6  # seconds: the first interval may take more than its budget


def cpu_of(pid):
    """Seconds of user and system time."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def share_of_top(quire, seconds, words):
    """Of one cpu, of a screen of 120 x 40 that somebody watches."""
    pid, screen = pty.fork()
    if pid == 0:
        env = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "120", "LINES": "40", "LC_ALL": "C.UTF-8"}
        os.execve(quire, ["quire", "top", "-d", INTERVAL, *words], env)
    watch(screen, SETTLED)
    before, start = cpu_of(pid), time.monotonic()
    watch(screen, seconds)
    share = (cpu_of(pid) - before) / (time.monotonic() - start)
    os.write(screen, b"q")
    os.waitpid(pid, 0)
    return share


def watch(screen, seconds):
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if select.select([screen], [], [], left)[0]:
            os.read(screen, 1 << 16)


def beside(gib, then, measure):
    """What `measure` says while a process has the memory and does `then`."""
    ready, say = os.pipe()
    child = os.fork()
    if child == 0:
        memory = touched(gib, "order")
        os.write(say, b"x")
        while memory:
            then()
    try:
        os.read(ready, 1)
        return measure(child)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(ready)
        os.close(say)


def main(build, gib=1, seconds=30):
    processes = sum(name.isdigit() for name in os.listdir("/proc"))
    print(f"| `quire top -d {INTERVAL}`, of one cpu | all {processes} processes | only this one, `-p` |\n|---|---:|---:|")
    for what, then in (("waits", signal.pause), ("runs", lambda: None)):
        shares = [beside(gib, then, lambda pid, words=words: share_of_top(build / "quire", seconds, words(pid)))
                  for words in (lambda pid: [], lambda pid: ["-p", str(pid)])]
        print(f"| {gib} GiB that {what} | " + " | ".join(f"{100 * share:.1f} %" for share in shares) + " |", flush=True)


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 4:
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]).resolve(), *map(int, sys.argv[2:]))
