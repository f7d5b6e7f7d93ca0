#!/usr/bin/env python3
"""Writes the machine profiles of hardware that others have published figures of.

    scripts/published_profiles.py [--check]

A publication has a few of a profile's figures. Those are taken as they stand;
all others are the reference machine's, times how much slower or faster the
published machine is where both have a figure (the geometric mean). Each table
says which of its figures are published. --check changes nothing: it says
whether the files are what this script writes.
"""
import math
import pathlib
import sys
import tomllib

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "profiles"
PAGES = {"4K": 1, "16K": 4, "32K": 8, "64K": 16, "128K": 32, "256K": 64, "512K": 128, "1M": 256, "2M": 512}
GIB = 1 << 18  # pages


def of_one_gib(seconds):
    """Nanoseconds for one folio of each size, from seconds for 1 GiB of them."""
    return {size: s * 1e9 * PAGES[size] / GIB for size, s in seconds.items()}


# Fork of 1 GiB, 14.0 ms before the work was batched, less this share after. Its folios
# of 2 MiB were mapped by PTEs, which a profile's are not: left out.
FORK_LESS = {"4K": .02, "16K": .16, "32K": .24, "64K": .26, "128K": .28, "256K": .29, "512K": .30, "1M": .30}
PUBLISHED = [
    {"name": "xeon-silver-4210r", "cpu": "Intel Xeon Silver 4210R", "kernel": "6.8-rc with batched fork, version 2",
     "date": "2024-01-25", "source": "fork of 1 GiB by folio size, mail 20240125193227.444072",
     "table": "fork", "figures": of_one_gib({size: 0.0140 * (1 - less) for size, less in FORK_LESS.items()})},
    {"name": "intel-i5-madv-free", "cpu": "Intel Core i5", "kernel": "6.9-rc without lazy freeing of large folios",
     "date": "2024-04-18", "source": "MADV_FREE of 1 GiB, which split each folio, mail 20240418134435.6092",
     "table": "split", "figures": of_one_gib({"16K": 2.990, "64K": 2.458, "1M": 2.184})},
]


def factor(published, reference):
    figures = published["figures"]
    logs = [math.log(ns / reference[published["table"]][size][0]) for size, ns in figures.items()]
    return math.exp(sum(logs) / len(logs))


def text_of(published, reference):
    scale = factor(published, reference)
    lines = [f"# Of {published['source']}.", f"# What is not said to be published is the reference machine's, times {scale:.3f}.",
             *(f"{key} = '{published[key]}'" for key in ("cpu", "date", "kernel", "name")), "rounds = 0"]
    for table, rows in ((t, r) for t, r in reference.items() if isinstance(r, dict)):
        known = published["figures"] if table == published["table"] else {}
        lines += ["", *([f"# published: {', '.join(known)}"] if known else []), f"[{table}]"]
        for name, times in rows.items():
            scaled = [known[name]] * 3 if name in known else [t * scale for t in times]
            lines.append(f"{name} = [{', '.join(f'{t:.1f}' for t in scaled)}]")
    return "\n".join(lines) + "\n"


def main():
    reference = tomllib.loads((FOLDER / "reference.toml").read_text())
    stale = []
    for published in PUBLISHED:
        file = FOLDER / f"{published['name']}.toml"
        text = text_of(published, reference)
        if "--check" not in sys.argv:
            file.write_text(text)
        elif not file.exists() or file.read_text() != text:
            stale.append(file.name)
    for name in stale:
        print(f"published_profiles: profiles/{name} is not what this script writes: run it", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
