#!/usr/bin/env python3
"""Runs every benchmark program of a build and prints one table.

    scripts/bench.py BUILD [FILTER]

The last column shows what a benchmark counted itself, such as events per second. Benchmarks
named beside_kernel/ do the same on our engine and on the running kernel, in turn; a second
table sets the two side by side. The results stay in BUILD/bench/ as JSON.
"""
import json
import pathlib
import subprocess
import sys

LIBRARY_FIELDS = {"family_index", "per_family_instance_index", "repetitions", "repetition_index", "threads",
                  "iterations", "real_time", "cpu_time", "bytes_per_second"}
BESIDE = "beside_kernel/"
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
    return {short(r.get("run_name", r["name"])): r for r in results
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


def short(name):
    """Without what the library adds to a name: iterations, repeats, kind of time."""
    return "/".join(p for p in name.split("/") if p != "manual_time" and not p.startswith(("iterations:", "repeats:")))


def alone(found):
    print("| benchmark | CPU time | counted |\n|---|---:|---:|")
    for name, result in found.items():
        if result.get("error_occurred"):
            print(f"| {name} | skipped: {result['error_message']} | |")
        else:
            print(f"| {name} | {duration(cpu(result))} | {counters(result)} |")


def beside(found):
    """Medians of each side, and of the ratios of the pairs: below 1 we are the faster one."""
    print("\n| operation | engine | kernel | engine / kernel |\n|---|---:|---:|---:|")
    for name, result in found.items():
        name = name.removeprefix(BESIDE)
        if result.get("error_occurred"):
            print(f"| {name} | | | skipped: {result['error_message']} |")
        else:
            engine, kernel = duration(result["engine_ns"]), duration(result["kernel_ns"])
            print(f"| {name} | {engine} | {kernel} | {result['ratio']:.2f} |")


def tables(found):
    pairs = {n: r for n, r in found.items() if n.startswith(BESIDE)}
    if len(pairs) < len(found):
        alone({n: r for n, r in found.items() if n not in pairs})
    if pairs:
        beside(pairs)


def main(build, only):
    programs = sorted(p for p in build.glob("bench_*") if p.is_file())
    if not programs:
        sys.exit(f"bench: no bench_* program in {build}")
    out = build / "bench"
    out.mkdir(exist_ok=True)
    found = {}
    for program in programs:
        found.update(medians(run(program, out / f"{program.name}.json", only)))
    tables(found)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "")
