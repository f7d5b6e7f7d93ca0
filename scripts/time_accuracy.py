#!/usr/bin/env python3
"""Predicts and measures the system time of the programs of workloads/ under
each policy, and writes the table docs/reference/time-accuracy.md explains.

    scripts/time_accuracy.py --profile mine.toml [--rounds N | --minutes M] [--policy P]... [NAME...]

All programs are recorded first, which needs no quiet; then each is timed, on a
quiet host. mine.toml is from `quire calibrate` on it.
"""
import argparse
import contextlib
import json
import os
import pathlib
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
import typing

import workloads

POLICIES = ["16K", "64K", "2M", "all", "16K+64K"]
FEWEST_ROUNDS, MOST_ROUNDS = 7, 25  # of --minutes
HEAD = ("| program | policy | system time, 4K | predicted | measured (95 %) | error | noise | beside 4K: predicted, measured | processor time, error |\n"
        "|---|---|---:|---:|---:|---:|---:|---|---:|")


def ms(ns):
    return f"{ns / 1e6:.1f}"


class Row:
    """One program under one policy."""

    def __init__(self, program, answer, policy):
        system, processor = answer["system_time"], answer["processor_time"]
        self.program, self.policy = program, system["policies"][policy]
        self.control, self.noise = system["control_ns"]["mean"], system["noise_ns"]
        self.processor = processor["policies"][policy]

    def sign_wrong(self):
        """The measured change is outside the noise, and was predicted the other way."""
        change = self.policy["predicted_ns"] - self.control
        measured = self.policy["measured_change"]
        return (measured == "faster" and change >= 0) or (measured == "slower" and change <= 0)

    def line(self):
        p, measured = self.policy, self.policy["measured_ns"]
        return (f"| {self.program} | {p['policy']} | {ms(self.control)} | {ms(p['predicted_ns'])} | "
                f"{ms(measured['mean'])} ({ms(measured['low'])} to {ms(measured['high'])}) | {100 * p['error']:+.0f} % | "
                f"{ms(self.noise)} | {p['predicted_change']}, {p['measured_change']}{' **wrong**' if self.sign_wrong() else ''} | "
                f"{100 * self.processor['error']:+.1f} % |")


class Recorded(typing.NamedTuple):
    """A program with its recording."""
    workload: workloads.Workload
    file: str
    folder: pathlib.Path  # in which it ran, and will run

    @staticmethod
    def make(quire, workload, folder, file):
        # The program's own output is nobody's.
        command = [quire, "record", "-o", file, "--", "sh", "-c", 'exec "$@" >/dev/null', "sh", *workload.command]
        run = subprocess.run(command, cwd=folder, env=workloads.environment(folder), stdin=subprocess.DEVNULL,
                             stderr=subprocess.PIPE, text=True, timeout=600, check=False)
        if run.returncode != 0:
            raise RuntimeError(f"{shlex.join(command)} ended with {run.returncode}: {run.stderr}")
        return Recorded(workload, file, folder)

    def seconds(self):
        begin = time.monotonic()
        workloads.run(self.workload, self.folder)
        return time.monotonic() - begin


def rounds_within(seconds, run, policies):
    """How many rounds fit, when a run takes so long: one run each of the control
    and of every policy, each after memory was warmed."""
    warming = 0.15
    return max(FEWEST_ROUNDS, min(MOST_ROUNDS, int(seconds / ((policies + 1) * (run + warming)))))


def timed(quire, recorded, policies, rounds, profile):
    """The answer of verify for one program."""
    command = [quire, "verify", "--json", "--only-times", "--time", str(rounds), "--profile", profile, recorded.file]
    for policy in policies:
        command += ["--policy", policy]
    run = subprocess.run(command, cwd=recorded.folder, env=workloads.environment(recorded.folder), stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, text=True, timeout=1800, check=False)
    if run.returncode != 0:
        raise RuntimeError(f"{shlex.join(command)} ended with {run.returncode}")
    return json.loads(run.stdout)


def arguments():
    parser = argparse.ArgumentParser(description="System time, predicted against measured, for real programs.")
    parser.add_argument("--quire", default="build/quire", help="the program (default: build/quire)")
    parser.add_argument("--profile", required=True, help="of this host, from quire calibrate")
    parser.add_argument("--rounds", type=int, default=15, help="in each: 4K, then every policy (default: 15)")
    parser.add_argument("--minutes", type=float, help="instead: for all programs, each as many rounds as fit, "
                        f"{FEWEST_ROUNDS} to {MOST_ROUNDS}")
    parser.add_argument("--wait-for", type=pathlib.Path, metavar="FILE", help="when all are recorded, wait until there is such a file")
    parser.add_argument("--policy", action="append", help=f"a policy, repeatable (default: {' '.join(POLICIES)})")
    parser.add_argument("--out", type=pathlib.Path, help="also write the table here")
    parser.add_argument("--json", type=pathlib.Path, help="write every answer here")
    parser.add_argument("names", nargs="*", help="programs of workloads/list.txt (default: the single-threaded ones)")
    return parser.parse_args()


def keep(args, lines, answers):
    """After each program: what was measured stays when this is ended."""
    if args.json:
        args.json.write_text(json.dumps(answers, indent=1) + "\n")
    if args.out:
        args.out.write_text("\n".join(lines) + "\n")


def summary(answers, rows):
    """The last line, and how many changes were predicted the wrong way."""
    error = statistics.median(abs(row.policy["error"]) for row in rows)
    of_all = statistics.median(abs(row.processor["error"]) for row in rows)
    outside = [row for row in rows if row.policy["measured_change"] != "same"]
    wrong = sum(row.sign_wrong() for row in outside)
    return (f"{len(answers)} programs, {len(rows)} rows: median error {100 * error:.1f} % of system time, {100 * of_all:.1f} % of "
            f"processor time; {len(outside)} changes outside the noise, {wrong} predicted the wrong way"), wrong


def time_all(args, programs):
    """Prints the table; its lines, rows and answers."""
    policies, lines, rows, answers = args.policy or POLICIES, [HEAD], [], {}
    print(HEAD)
    for recorded in programs:
        name, rounds = recorded.workload.name, args.rounds
        try:
            if args.minutes:
                rounds = rounds_within(args.minutes * 60 / len(programs), recorded.seconds(), len(policies))
            answer = timed(args.quire, recorded, policies, rounds, args.profile)
        except (RuntimeError, OSError, ValueError, subprocess.SubprocessError) as error:
            lines.append(f"| {name} | | | | | | | failed: {error} | |")
            print(lines[-1], flush=True)
            continue
        answers[name] = answer
        new = [Row(name, answer, i) for i in range(len(policies))]
        rows += new
        lines += [row.line() for row in new]
        print("\n".join(row.line() for row in new), flush=True)
        keep(args, lines, answers)
    return rows, answers


def main():
    args = arguments()
    # Programs run in folders of their own.
    args.quire, args.profile = str(pathlib.Path(args.quire).resolve()), str(pathlib.Path(args.profile).resolve())
    with contextlib.ExitStack() as folders:
        recordings = folders.enter_context(tempfile.TemporaryDirectory())
        programs = [
            Recorded.make(args.quire, w, folders.enter_context(workloads.prepared(w)), os.path.join(recordings, f"{w.name}.quire"))
            for w in workloads.load(args.names) if args.names or w.kind == "single"
        ]
        while args.wait_for and not args.wait_for.exists():
            time.sleep(5)
        rows, answers = time_all(args, programs)
    if not rows:
        return 1
    text, wrong = summary(answers, rows)
    print(text, file=sys.stderr)
    return 3 if wrong or len(answers) < len(programs) else 0


if __name__ == "__main__":
    sys.exit(main())
