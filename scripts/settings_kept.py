#!/usr/bin/env python3
"""Shows that this host's huge-page settings are, whatever happens, as before.

    scripts/settings_kept.py [--quire build/quire] [--rounds N] [--seed N]

In each round, as root: a verify that ends; one that is killed with SIGKILL at a
random moment; apply and restore; an apply killed so, and restore; two verifies at
once; two applies at once, and restore. After each all files are compared. Exit
status 1 when one differs.
"""
import argparse
import collections
import pathlib
import random
import signal
import subprocess
import sys
import time

TREE = pathlib.Path("/sys/kernel/mm/transparent_hugepage")
PROGRAM = ["/usr/bin/python3", "-S", "-c", "x = [bytes(4096) for _ in range(5000)]"]
LONGEST = 60  # seconds that one process may take


def settings():
    """What every writable file holds."""
    files = [p for p in TREE.rglob("*") if p.is_file() and p.stat().st_mode & 0o200]
    return {str(p.relative_to(TREE)): p.read_text() for p in sorted(files)}


class Host:
    """Runs the program in all the ways that change settings."""

    def __init__(self, quire, rng):
        self.quire, self.rng, self.before = quire, rng, settings()
        self.changed = 0  # applies after which something was different

    def start(self, *words):
        return subprocess.Popen([self.quire, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)

    def run(self, *words):
        return self.start(*words).wait(LONGEST)

    def killed(self, longest, *words):
        child = self.start(*words)
        time.sleep(self.rng.uniform(0, longest))
        child.send_signal(signal.SIGKILL)
        child.wait(LONGEST)

    def verify_words(self):
        return ["verify", "--policy", self.rng.choice(["64K", "2M", "all"]), "--", *PROGRAM]

    def apply_words(self):
        return ["apply", self.rng.choice(["64K", "2M", "all", "4K", "16K+64K"])]

    def verify(self):
        self.run(*self.verify_words())

    def verify_killed(self):
        self.killed(1.5, *self.verify_words())

    def apply_restore(self):
        self.run(*self.apply_words())
        self.changed += settings() != self.before
        self.run("restore")

    def apply_killed(self):
        self.killed(0.02, *self.apply_words())
        self.run("restore")

    def two_verifies(self):
        for child in [self.start(*self.verify_words()) for _ in range(2)]:
            child.wait(LONGEST)

    def two_applies(self):
        for child in [self.start(*self.apply_words()) for _ in range(2)]:
            child.wait(LONGEST)
        self.run("restore")


def same_soon(before):
    """The watchdog of a killed process needs a moment."""
    end = time.monotonic() + 10
    while settings() != before and time.monotonic() < end:
        time.sleep(0.05)
    now = settings()
    return [f"{path}: {before[path].strip()} before, {now.get(path, '?').strip()} now" for path in before if now.get(path) != before[path]]


def main():
    parser = argparse.ArgumentParser(description="Settings are as before, whatever happens.")
    parser.add_argument("--quire", default="build/quire")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    host = Host(str(pathlib.Path(args.quire).resolve()), random.Random(args.seed))
    ways = [host.verify, host.verify_killed, host.apply_restore, host.apply_killed, host.two_verifies, host.two_applies]
    before, done = host.before, collections.Counter()
    for _ in range(args.rounds):
        for way in ways:
            way()
            done[way.__name__] += 1
            if wrong := same_soon(before):
                host.run("restore")
                print(f"after {way.__name__}, seed {args.seed}: " + "; ".join(wrong), file=sys.stderr)
                return 1
    if host.changed == 0:
        print("no apply changed anything, so nothing is shown", file=sys.stderr)
        return 1
    print(f"seed {args.seed}: {len(before)} files the same after each of " + ", ".join(f"{n} {way}" for way, n in done.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
