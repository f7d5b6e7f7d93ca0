#!/usr/bin/env python3
"""Predicts and measures the system time of the programs of workloads/ under
each policy, and writes the table docs/reference/time-accuracy.md explains.

    scripts/time_accuracy.py --profile mine.toml [--rounds N] [--policy P]... [NAME...]

On a quiet host; mine.toml is from `quire calibrate` on it.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys

import accuracy
import workloads

POLICIES = ["16K", "64K", "2M", "all", "16K+64K"]
HEAD = ("| program | policy | system time, 4K | predicted | measured (95 %) | error | noise | beside 4K: predicted, measured | processor time, error |\n"
        "|---|---|---:|---:|---:|---:|---:|---|---:|")


def ms(ns):
    return f"{ns / 1e6:.1f}"


class Row:
    """One program under one policy."""

    def __init__(self, program, answer, policy):
        system, processor = answer["system_time"], answer["processor_time"]
        self.program, self.policy = program, system["policies"][policy]
        self.control, self.noise = system["control_ns"]["median"], system["noise_ns"]
        self.processor = processor["policies"][policy]

    def sign_wrong(self):
        """The measured change is outside the noise, and was predicted the other way."""
        change = self.policy["predicted_ns"] - self.control
        measured = self.policy["measured_change"]
        return (measured == "faster" and change >= 0) or (measured == "slower" and change <= 0)

    def line(self):
        p, measured = self.policy, self.policy["measured_ns"]
        return (f"| {self.program} | {p['policy']} | {ms(self.control)} | {ms(p['predicted_ns'])} | "
                f"{ms(measured['median'])} ({ms(measured['low'])} to {ms(measured['high'])}) | {100 * p['error']:+.0f} % | "
                f"{ms(self.noise)} | {p['predicted_change']}, {p['measured_change']}{' **wrong**' if self.sign_wrong() else ''} | "
                f"{100 * self.processor['error']:+.1f} % |")


def arguments():
    parser = argparse.ArgumentParser(description="System time, predicted against measured, for real programs.")
    parser.add_argument("--quire", default="build/quire", help="the program (default: build/quire)")
    parser.add_argument("--profile", required=True, help="of this host, from quire calibrate")
    parser.add_argument("--rounds", type=int, default=15, help="in each: 4K, then every policy (default: 15)")
    parser.add_argument("--policy", action="append", help=f"a policy, repeatable (default: {' '.join(POLICIES)})")
    parser.add_argument("--out", type=pathlib.Path, help="also write the table here")
    parser.add_argument("--json", type=pathlib.Path, help="write every answer here")
    parser.add_argument("names", nargs="*", help="programs of workloads/list.txt (default: the single-threaded ones)")
    return parser.parse_args()


def main():
    args = arguments()
    quire = str(pathlib.Path(args.quire).resolve())
    options = ["--time", str(args.rounds), "--profile", str(pathlib.Path(args.profile).resolve())]
    rows, answers, failed = [], {}, []
    print(HEAD)
    for workload in workloads.load(args.names):
        if not args.names and workload.kind != "single":
            continue
        try:
            with workloads.prepared(workload) as folder:
                answer = accuracy.verify(quire, workload, folder, args.policy or POLICIES, options)
        except (RuntimeError, OSError, ValueError, subprocess.SubprocessError) as error:
            failed.append(f"| {workload.name} | | | | | | | failed: {error} | |")
            print(failed[-1], flush=True)
            continue
        answers[workload.name] = answer
        for i in range(len(answer["system_time"]["policies"])):
            rows.append(Row(workload.name, answer, i))
            print(rows[-1].line(), flush=True)
    if args.json:
        args.json.write_text(json.dumps(answers, indent=1) + "\n")
    if args.out:
        args.out.write_text("\n".join([HEAD, *(row.line() for row in rows), *failed]) + "\n")
    if not rows:
        return 1
    error = statistics.median(abs(row.policy["error"]) for row in rows)
    of_all = statistics.median(abs(row.processor["error"]) for row in rows)
    outside = [row for row in rows if row.policy["measured_change"] != "same"]
    wrong = [row for row in outside if row.sign_wrong()]
    print(f"{len(answers)} programs, {len(rows)} rows: median error {100 * error:.1f} % of system time, {100 * of_all:.1f} % of processor "
          f"time; {len(outside)} changes outside the noise, {len(wrong)} predicted the wrong way", file=sys.stderr)
    return 3 if wrong or failed else 0


if __name__ == "__main__":
    sys.exit(main())
