#!/usr/bin/env python3
"""Runs every benchmark program of a build and prints one table.

    scripts/bench.py BUILD [FILTER]

The last column shows what a benchmark counted itself: events per second, or, for
our engine beside the running kernel, both times and their ratio.
The results stay in BUILD/bench/ as JSON.
"""
import json
import pathlib
import subprocess
import sys

LIBRARY_FIELDS = {"family_index", "per_family_instance_index", "repetitions", "repetition_index", "threads",
                  "iterations", "real_time", "cpu_time", "bytes_per_second"}
NANOSECONDS = {"ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9}


def run(program, out, only):
    """The results of one program. A benchmark that skipped itself is among them."""
    command = [program, f"--benchmark_out={out}", "--benchmark_out_format=json",
               "--benchmark_repetitions=3", "--benchmark_report_aggregates_only=true"]
    if only:
        command.append(f"--benchmark_filter={only}")
    print(f"running {program.name}", file=sys.stderr)
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    text = out.read_text()
    return json.loads(text)["benchmarks"] if text.strip() else []


def medians(results):
    """{name: result}: the median of the repetitions, or the only run."""
    return {r.get("run_name", r["name"]): r for r in results
            if r.get("aggregate_name", "median") == "median" or r.get("error_occurred")}


def duration(nanoseconds):
    for unit, size in (("s", 1e9), ("ms", 1e6), ("us", 1e3)):
        if nanoseconds >= size:
            return f"{nanoseconds / size:.2f} {unit}"
    return f"{nanoseconds:.1f} ns"


def scaled(number):
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.2f} {unit}"
    return f"{number:.4g}"


def cpu(result):
    return result["cpu_time"] * NANOSECONDS[result.get("time_unit", "ns")]


def counters(result):
    """What a benchmark counted itself: everything that is not the library's."""
    shown = {k: v for k, v in result.items() if isinstance(v, (int, float)) and k not in LIBRARY_FIELDS}
    if "items_per_second" in shown:
        shown["items/s"] = shown.pop("items_per_second")
    return ", ".join(f"{scaled(v)} {k}" for k, v in shown.items())


def table(found):
    print("| benchmark | CPU time | counted |\n|---|---:|---:|")
    for name, result in found.items():
        if result.get("error_occurred"):
            print(f"| {name} | skipped: {result['error_message']} | |")
        else:
            print(f"| {name} | {duration(cpu(result))} | {counters(result)} |")


def main(build, only):
    programs = sorted(p for p in build.glob("bench_*") if p.is_file())
    if not programs:
        sys.exit(f"bench: no bench_* program in {build}")
    out = build / "bench"
    out.mkdir(exist_ok=True)
    found = {}
    for program in programs:
        found.update(medians(run(program, out / f"{program.name}.json", only)))
    table(found)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "")
