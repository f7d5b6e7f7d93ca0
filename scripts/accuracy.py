#!/usr/bin/env python3
"""Predicts and measures every program of workloads/ under each policy, and
writes the table docs/reference/accuracy.md explains.

    scripts/accuracy.py [--quire build/quire] [--policy P]... [NAME...]
"""
import argparse
import json
import pathlib
import shlex
import subprocess
import sys

import workloads

POLICIES = ["64K", "2M", "all", "16K+64K"]
HEAD = ("| program | policy | faults predicted | faults measured | error | folios | verdict |\n"
        "|---|---|---:|---:|---:|---|---|")


def verify(quire, workload, folder, policies, options=()):
    """The answer of one `quire verify`."""
    command = [quire, "verify", "--json", *options]
    for policy in policies:
        command += ["--policy", policy]
    # The program's own output would mix with the answer.
    command += ["--", "sh", "-c", 'exec "$@" >/dev/null', "sh", *workload.command]
    run = subprocess.run(command, cwd=folder, env=workloads.environment(folder), stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, text=True, timeout=1800, check=False)
    if run.returncode not in (0, 3):  # 3: a prediction is off; the answer is there
        raise RuntimeError(f"{shlex.join(command)} ended with {run.returncode}")
    return json.loads(run.stdout)


class Row:
    """One program under one policy, over one or several recordings."""

    def __init__(self, workload, policy, answers):
        self.workload, self.policy = workload, policy
        self.predicted = [a["predicted"] for a in answers]
        self.measured = [a["measured"] for a in answers]

    def sizes(self):
        names = {size for side in self.predicted + self.measured for size in side["folios"]}
        return sorted(names, key=lambda size: int(size.removesuffix("kB")))

    @staticmethod
    def median(numbers):
        return sorted(numbers)[len(numbers) // 2]

    def quantity(self, of):
        """(lowest prediction, highest prediction, measured) of one number."""
        predicted = [of(side) for side in self.predicted]
        return min(predicted), max(predicted), self.median([of(side) for side in self.measured])

    def faults(self):
        return self.quantity(lambda side: side["minor_faults"])

    def folios(self):
        """The sizes whose measured count the prediction does not hold."""
        every = ((size, self.quantity(lambda side, s=size: side["folios"].get(s, 0))) for size in self.sizes())
        return {size: (low, high, seen) for size, (low, high, seen) in every if not low <= seen <= high}

    def gap(self):
        """How far the measured faults lie outside the prediction."""
        low, high, seen = self.faults()
        return max(low - seen, seen - high, 0)

    def tolerance(self):
        return max(4, self.faults()[2] // 1000) if self.workload.kind == "single" else 0

    def good(self):
        return not self.folios() and self.gap() <= self.tolerance()

    def line(self):
        low, high, seen = self.faults()
        band = str(low) if low == high else f"{low}-{high}"
        error = seen - min(max(seen, low), high)
        folios = ", ".join(f"{size} {a if a == b else f'{a}-{b}'}/{c}" for size, (a, b, c) in self.folios().items())
        verdict = ("exact" if self.workload.kind == "single" else "in band") if self.good() else "off"
        if verdict == "off" and self.gap() > self.tolerance():
            verdict += f" by {self.gap()} faults"
        return (f"| {self.workload.name} | {self.policy} | {band} | {seen} | {error:+d} ({100 * error / max(seen, 1):+.2f} %) | "
                f"{folios or ('identical' if self.workload.kind == 'single' else 'in band')} | {verdict} |")


def rows_of(quire, workload, policies, recordings):
    times = recordings if workload.kind == "threaded" else 1
    with workloads.prepared(workload) as folder:
        answers = [verify(quire, workload, folder, policies)["policies"] for _ in range(times)]
    return [Row(workload, policy, [answer[i] for answer in answers]) for i, policy in enumerate(policies)]


def arguments():
    parser = argparse.ArgumentParser(description="Predicted against measured, for real programs.")
    parser.add_argument("--quire", default="build/quire", help="the program (default: build/quire)")
    parser.add_argument("--policy", action="append", help=f"a policy, repeatable (default: {' '.join(POLICIES)})")
    parser.add_argument("--recordings", type=int, default=10, help="of a threaded program (default: 10)")
    parser.add_argument("--out", type=pathlib.Path, help="also write the table here")
    parser.add_argument("--json", type=pathlib.Path, help="write every number here")
    parser.add_argument("names", nargs="*", help="programs of workloads/list.txt (default: all)")
    return parser.parse_args()


def main():
    args = arguments()
    quire = str(pathlib.Path(args.quire).resolve())
    policies = args.policy or POLICIES
    lines, numbers, off = [HEAD], [], 0
    print(HEAD)
    for workload in workloads.load(args.names):
        try:
            rows = rows_of(quire, workload, policies, args.recordings)
        except (RuntimeError, OSError, ValueError, subprocess.SubprocessError) as error:
            lines.append(f"| {workload.name} | | | | | | failed: {error} |")
            print(lines[-1], flush=True)
            off += 1
            continue
        for row in rows:
            lines.append(row.line())
            print(lines[-1], flush=True)
            numbers.append({"program": workload.name, "kind": workload.kind, "policy": row.policy,
                            "predicted": row.predicted, "measured": row.measured})
            off += not row.good()
    if args.out:
        args.out.write_text("\n".join(lines) + "\n")
    if args.json:
        args.json.write_text(json.dumps(numbers, indent=1) + "\n")
    print(f"{len(lines) - 1 - off} of {len(lines) - 1} rows agree", file=sys.stderr)
    return 3 if off else 0


if __name__ == "__main__":
    sys.exit(main())
