#!/usr/bin/env python3
"""Measures what real memory compresses to, by codec and unit, and prints Markdown.

    scripts/compress_table.py BUILD [IMAGE...] [--repetitions N]

Without images it makes two (scripts/memory_images.py). Ours are measured by
BUILD/bench_compress: the plain codec, and in and out of a pool as zram stores it. As root
the same images go through a zram device of the running kernel, made for this and taken away
again, in each algorithm that it has. Times are CPU time, medians of the repetitions, in
nanoseconds for each KiB of the image. The last table sets zstd at 64 KiB against 4 KiB
and the bars; exit status 3 when one is missed.
"""
import argparse
import json
import mmap
import os
import pathlib
import statistics
import subprocess
import sys
import time

CODECS = ("lz4", "lzo", "zstd")
UNITS = ("4K", "16K", "64K")
# The kernel's algorithm, and the codec of ours it is set beside.
LIVE = (("lz4", "lz4"), ("lzo", "lzo"), ("lzo-rle", "lzo"))
CONTROL = pathlib.Path("/sys/class/zram-control")
REQUEST = 1 << 20  # bytes for each read and write of the device


# --- ours ---

def ours(build, images, repetitions):
    """{(image, codec, unit, what): result}: the medians of the benchmark program."""
    out = build / "bench/image.json"
    out.parent.mkdir(exist_ok=True)
    environment = {**os.environ, "QUIRE_IMAGES": ":".join(map(str, images))}
    subprocess.run([build / "bench_compress", "--benchmark_filter=^image/", f"--benchmark_out={out}",
                    "--benchmark_out_format=json", "--benchmark_min_time=0.1", f"--benchmark_repetitions={repetitions}",
                    "--benchmark_enable_random_interleaving=true", "--benchmark_report_aggregates_only=true"],
                   env=environment, stdout=subprocess.DEVNULL, check=True)
    results = {}
    for result in json.loads(out.read_text())["benchmarks"]:
        if result.get("aggregate_name", "median") == "median":
            results[tuple(result["run_name"].split("/")[1:5])] = result
    if not results:
        sys.exit("compress_table: the benchmark program measured nothing")
    return results


def nanoseconds(result):
    return result["per_KiB"] * 1e9


# --- the running kernel ---

class Zram:
    """A zram device of our own, for as long as a with block lasts. A child takes it away: it waits for the end of a
    pipe that only we hold, and so sees every way out."""

    def __init__(self, algorithm, size):
        self.algorithm, self.size = algorithm, size

    def __enter__(self):
        self.number = (CONTROL / "hot_add").read_text().strip()
        self.folder = pathlib.Path(f"/sys/block/zram{self.number}")
        ended, self.alive = os.pipe()
        self.remover = os.fork()
        if self.remover == 0:
            os.close(self.alive)
            os.setsid()
            os.read(ended, 1)
            os._exit(self.remove())
        os.close(ended)
        try:
            (self.folder / "comp_algorithm").write_text(self.algorithm)
            (self.folder / "disksize").write_text(str(self.size))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        os.close(self.alive)
        if os.waitpid(self.remover, 0)[1] != 0:
            sys.exit(f"compress_table: zram{self.number} could not be removed: write {self.number} to {CONTROL}/hot_remove")

    def remove(self):
        """0 when it is gone. A parent that was killed may have it open for a moment yet."""
        for _ in range(200):
            try:
                (self.folder / "reset").write_text("1")
                (CONTROL / "hot_remove").write_text(self.number)
                return 0
            except OSError:
                time.sleep(0.01)
        return 1

    def stored(self):
        """(bytes compressed to, bytes of memory used)."""
        fields = (self.folder / "mm_stat").read_text().split()
        return int(fields[1]), int(fields[2])


def live_algorithms():
    """The algorithms the kernel's zram has; none where we may not make a device."""
    if not os.access(CONTROL / "hot_add", os.R_OK) or os.geteuid() != 0:
        return []
    folder = pathlib.Path("/sys/block/zram0/comp_algorithm")
    if folder.exists():
        return folder.read_text().replace("[", "").replace("]", "").split()
    with Zram("lzo-rle", REQUEST) as device:
        return (device.folder / "comp_algorithm").read_text().replace("[", "").replace("]", "").split()


def transfer(call, device, memory, size):
    """Seconds of CPU time to read or write the image, past the page cache."""
    before = time.process_time()
    for at in range(0, size, REQUEST):
        with memoryview(memory)[at:at + REQUEST] as piece:
            if call(device, [piece], at) != len(piece):
                sys.exit("compress_table: the device took or gave less than asked for")
    return time.process_time() - before


def live_once(algorithm, image):
    """(write ns per KiB, read ns per KiB, ratio, stored ratio) of the image on a fresh device."""
    data = image.read_bytes()
    data = data[:len(data) // REQUEST * REQUEST]
    with Zram(algorithm, len(data)) as zram, mmap.mmap(-1, len(data)) as memory, mmap.mmap(-1, len(data)) as back:
        memory[:] = data
        back[:] = bytes(len(data))
        device = os.open(f"/dev/zram{zram.number}", os.O_RDWR | os.O_DIRECT)
        try:
            write = transfer(os.pwritev, device, memory, len(data))
            compressed, used = zram.stored()
            read = transfer(os.preadv, device, back, len(data))
        finally:
            os.close(device)
        if back[:] != data:
            sys.exit("compress_table: the device gave other bytes than it got")
        kib = len(data) / 1024
        return write / kib * 1e9, read / kib * 1e9, len(data) / compressed, len(data) / used


def live(images, repetitions):
    """{(image, algorithm): the median of each figure}."""
    known, results = live_algorithms(), {}
    for image in images:
        for algorithm, _ in LIVE:
            if algorithm in known:
                runs = [live_once(algorithm, image) for _ in range(repetitions)]
                results[image.stem, algorithm] = [statistics.median(column) for column in zip(*runs)]
    return results


# --- tables ---

def print_ours(results, images):
    print("| image | codec | unit | ratio | compress | decompress | stored | store | load | stored, chains of units |\n"
          "|---|---|---|---:|---:|---:|---:|---:|---:|---:|")
    for image in images:
        for codec in CODECS:
            for unit in UNITS:
                of = {what: results.get((image.stem, codec, unit, what))
                      for what in ("compress", "decompress", "store", "load", "store_in_units")}
                units = f"{of['store_in_units']['stored']:.2f}" if of["store_in_units"] else ""
                print(f"| {image.stem} | {codec} | {unit} | {of['compress']['ratio']:.2f} | {nanoseconds(of['compress']):.0f} "
                      f"| {nanoseconds(of['decompress']):.0f} | {of['store']['stored']:.2f} | {nanoseconds(of['store']):.0f} "
                      f"| {nanoseconds(of['load']):.0f} | {units} |")


def print_live(results, kernel, images):
    if not kernel:
        print("\nThe running kernel was not measured: making a zram device takes root and a kernel with zram.")
        return
    print("\n| image | kernel's zram | ratio | stored | write | read | ours, 4K: ratio | stored | store | load |\n"
          "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    for image in images:
        for algorithm, codec in LIVE:
            if (image.stem, algorithm) not in kernel:
                print(f"| {image.stem} | {algorithm}: not in this kernel |")
                continue
            write, read, ratio, stored = kernel[image.stem, algorithm]
            plain, store, load = (results[image.stem, codec, "4K", what] for what in ("compress", "store", "load"))
            print(f"| {image.stem} | {algorithm} | {ratio:.2f} | {stored:.2f} | {write:.0f} | {read:.0f} | {plain['ratio']:.2f} "
                  f"| {store['stored']:.2f} | {nanoseconds(store):.0f} | {nanoseconds(load):.0f} |")


def print_bars(results, images):
    """zstd at 64 KiB against 4 KiB. Whether every bar is met."""
    print("\n| zstd, 64K against 4K | better ratio | less time to compress | less time to decompress | less memory stored in |\n"
          "|---|---:|---:|---:|---:|")
    met = True
    for image in images:
        small, large = ({what: results[image.stem, "zstd", unit, what] for what in ("compress", "decompress", "store")}
                        for unit in ("4K", "64K"))
        ratio = large["compress"]["ratio"] / small["compress"]["ratio"] - 1
        times = [1 - nanoseconds(large[what]) / nanoseconds(small[what]) for what in ("compress", "decompress")]
        memory = 1 - small["store"]["stored"] / large["store"]["stored"]
        met = met and ratio >= 0.11 and times[0] >= 0.35
        print(f"| {image.stem} | {100 * ratio:.1f} % | {100 * times[0]:.1f} % | {100 * times[1]:.1f} % | {100 * memory:.1f} % |")
    print("| bar | 11 % | 35 % | | |")
    return met


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("images", type=pathlib.Path, nargs="*")
    parser.add_argument("--repetitions", type=int, default=5)
    options = parser.parse_args()
    images = options.images
    if not images:
        folder = options.build / "images"
        subprocess.run([sys.executable, pathlib.Path(__file__).parent / "memory_images.py", folder], stdout=sys.stderr, check=True)
        images = [folder / "python.image", folder / "gcc.image"]
    kernel = live(images, options.repetitions)
    results = ours(options.build, images, options.repetitions)
    print_ours(results, images)
    print_live(results, kernel, images)
    return 0 if print_bars(results, images) else 3


if __name__ == "__main__":
    sys.exit(main())
