#!/usr/bin/env python3
"""The day of a phone, replayed under four policies: a table and a picture.

    scripts/phone_day.py [--quire build/quire] [--seed 1] [--hours 16] [--out FOLDER]

Makes the recording (quire generate phone-day), replays it on what a phone of 4 GiB has for
anonymous memory and zram's pool (2900 MiB) with 4 GiB of zram, and writes FOLDER/table.md,
FOLDER/phone-day.svg and the answers as JSON. Table and picture are those of
docs/reference/phone-day.md.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import time

# 4 GiB less what is not anonymous memory on a phone: docs/reference/phone-day.md.
RAM = "2900M"
POLICIES = [
    # name in the table, policy, swap
    ("4K only", "4K", "zram:lz4:4K:4G"),
    ("64K, small swap-in", "swap-in-single thp_anon=64K:always", "zram:lz4:4K:4G"),
    ("64K, large swap-in", "64K", "zram:lz4:4K:4G"),
    ("64K, units of 64 KiB", "64K", "zram:lz4:64K:4G"),
]
COLOURS = ["#6b7280", "#c2410c", "#0369a1", "#15803d"]
ORDER_64K = "64kB"


def replay(quire, day, policy, swap, lru):
    machine = f"ram={RAM} swap={swap} lru={lru} swappiness=100"
    begin = time.monotonic()
    answer = subprocess.run(
        [quire, "replay", day, "--policy", policy, "--machine", machine, "--timeline", "200", "--json", "--jobs", "1"],
        stdout=subprocess.PIPE, check=False)
    if answer.returncode not in (0, 3) or not answer.stdout:
        sys.exit(f"phone_day: replay under {policy} ended with {answer.returncode}")
    result = json.loads(answer.stdout)["policies"][0]
    result["samples"] = rows_of(result["timeline"]["samples"])
    result["seconds"] = time.monotonic() - begin
    return result


def rows_of(columns):
    """The columns of a timeline as one object for each sample."""
    sizes = columns["anon_bytes"]
    return [{"time_us": at, "anon_bytes": {size: sizes[size][i] for size in sizes}}
            for i, at in enumerate(columns["time_us"])]


def share_of_large(sample):
    """Of anonymous memory, the share in 64K folios."""
    anon = sample["anon_bytes"]
    total = sum(anon.values())
    return anon.get(ORDER_64K, 0) / total if total else 0.0


def of_size(result, name):
    return result["counters"][f"hugepages-{ORDER_64K}"][name]


def share_after(hours):
    """Of the last sample of the first so many hours; of a shorter day, of its last."""
    def value(result):
        until = [s for s in result["samples"] if s["time_us"] <= hours * 3.6e9]
        return f"{100 * share_of_large(until[-1]):.0f} %"
    return value


def share_at_the_end(result):
    """Before the last apps are put away: at 97 % of the samples."""
    samples = result["samples"]
    return f"{100 * share_of_large(samples[min(len(samples) - 1, int(0.97 * len(samples)))]):.0f} %"


def table(results):
    lines = ["| | " + " | ".join(name for name, _, _ in POLICIES) + " |",
             "|---|" + "---|" * len(POLICIES)]
    lines.append("| policy | " + " | ".join(f"`{policy}`" for _, policy, _ in POLICIES) + " |")
    lines.append("| swap | " + " | ".join(f"`{swap}`" for _, _, swap in POLICIES) + " |")

    def row(label, value):
        lines.append(f"| {label} | " + " | ".join(value(r) for r in results) + " |")

    row("resident anonymous memory in 64K folios after 1 h", share_after(1))
    for hours in (4, 8, 12, 15):
        row(f"after {hours} h", share_after(hours))
    row("at the end of the day", share_at_the_end)
    row("64K folios swapped out whole", lambda r: f"{of_size(r, 'swpout'):,}")
    row("swapped in whole", lambda r: f"{of_size(r, 'swpin'):,}")
    row("large swap-in fell back", lambda r: f"{of_size(r, 'swpin_fallback'):,}")
    row("major faults", lambda r: f"{r['major_faults']:,}")
    row("minor faults", lambda r: f"{r['minor_faults']:,}")
    row("pages swapped out", lambda r: f"{r['swapped_out_pages']:,}")
    row("pages swapped in", lambda r: f"{r['swapped_in_pages']:,}")
    row("most in swap, pages of 4 KiB in MiB", lambda r: f"{r['peak_swap_bytes'] >> 20:,}")
    row("most memory of zram, MiB", lambda r: f"{r['peak_zram_bytes'] >> 20:,}")
    return "\n".join(lines) + "\n"


def speeds(results):
    """What differs from host to host, and from build to build."""
    for (name, _, _), r in zip(POLICIES, results):
        uses = (r["touches"] + r["accessed_pages"]) / r["elapsed_ns"] * 1e3
        print(f"{name}: {r['seconds']:.1f} s, {uses:.2f} million pages used or touched a second, "
              f"state hash {r['state_hash'][:8]}", file=sys.stderr)


def picture(results):
    width, height, left, top = 720, 320, 56, 40
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width + left + 190} {height + top + 50}" '
           'font-family="sans-serif" font-size="12">',
           f'<rect width="100%" height="100%" fill="white"/>',
           f'<text x="{left}" y="20" font-size="14">Anonymous memory in 64K folios through the day of a phone</text>']
    for percent in range(0, 101, 20):
        y = top + height - percent / 100 * height
        out.append(f'<line x1="{left}" x2="{left + width}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e5e7eb"/>')
        out.append(f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{percent} %</text>')
    end = max(r["samples"][-1]["time_us"] for r in results)
    hours = end / 3.6e9
    for hour in range(0, int(hours) + 1, 2):
        x = left + hour / hours * width
        out.append(f'<text x="{x:.1f}" y="{top + height + 18}" text-anchor="middle">{hour} h</text>')
    for (name, _, _), colour, dash, result in zip(POLICIES, COLOURS, ("", "6 3", "", "2 2"), results):
        points = " ".join(
            f'{left + s["time_us"] / end * width:.1f},{top + height - share_of_large(s) * height:.1f}'
            for s in result["samples"] if s["time_us"] <= end * 0.995)
        out.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>')
    for i, ((name, _, _), colour, dash) in enumerate(zip(POLICIES, COLOURS, ("", "6 3", "", "2 2"))):
        y = top + 14 + 20 * i
        x = left + width + 12
        out.append(f'<line x1="{x}" x2="{x + 24}" y1="{y}" y2="{y}" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>')
        out.append(f'<text x="{x + 30}" y="{y + 4}">{name}</text>')
    return "\n".join(out) + "\n</svg>\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quire", default="build/quire")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--hours", default="16")
    parser.add_argument("--lru", default="classic", help="classic, mglru, dual or dual-mglru")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("phone-day"))
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    day = args.out / "day.quire"
    begin = time.monotonic()
    subprocess.run([args.quire, "generate", "phone-day", "-o", day, "--seed", args.seed, "--hours", args.hours],
                   check=True)
    made = time.monotonic() - begin
    results = []
    for name, policy, swap in POLICIES:
        results.append(replay(args.quire, day, policy, swap, args.lru))
        for note in results[-1]["notes"]:
            print(f"  {note}", file=sys.stderr)
    (args.out / "answers.json").write_text(json.dumps(results))
    (args.out / "table.md").write_text(table(results))
    (args.out / "phone-day.svg").write_text(picture(results))
    print(table(results), end="")
    speeds(results)
    print(f"made in {made:.1f} s, all in {time.monotonic() - begin:.1f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
