#!/usr/bin/env python3
"""Makes two images of real memory: a python heap and a compiler's heap.

    scripts/memory_images.py FOLDER [--mib N] [--only python|gcc]

python.image  a python that has parsed its own library into syntax trees
gcc.image     cc1plus, stopped while it compiles workloads/heavy.cc

Each is N MiB (default 32) of the program's anonymous writable mappings in order of
address, pages of zeroes left out. The programs run with a fixed address layout. The
images hold what the programs had in memory: keep them in a build folder.
"""
import argparse
import ctypes
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

PAGE = 4096
MIB = 1 << 20
HEAVY = pathlib.Path(__file__).resolve().parent.parent / "workloads/heavy.cc"
LONGEST = 120  # seconds until a program must have its memory
NO_RANDOM_LAYOUT = 0x0040000  # personality(2): ADDR_NO_RANDOMIZE
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}

# Runs in the program whose memory is taken. Trees of all modules, and an index of the names in them.
PYTHON_HEAP = """
import ast, pathlib, sys, sysconfig
library, wanted = pathlib.Path(sysconfig.get_paths()["stdlib"]), int(sys.argv[1])
trees, names = {}, {}
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096
for path in sorted(library.rglob("*.py")):
    if resident() > wanted:
        break
    try:
        text = path.read_text()
        trees[path.name] = (text, ast.parse(text))
    except (SyntaxError, UnicodeDecodeError, ValueError):
        continue
    for node in ast.walk(trees[path.name][1]):
        if isinstance(node, ast.Name):
            names.setdefault(node.id, []).append((path.name, node.lineno))
print("ready", flush=True)
sys.stdin.read()
"""


def fixed_layout():
    ctypes.CDLL(None).personality(NO_RANDOM_LAYOUT)


def start(command, **more):
    return subprocess.Popen(command, env=ENVIRONMENT, preexec_fn=fixed_layout, start_new_session=True, **more)


def end(program):
    """Ends the program and what it has started: it has a session of its own."""
    if program.poll() is None:
        os.killpg(program.pid, signal.SIGKILL)
    program.wait()


def anonymous(maps):
    """(start, end) of each private writable mapping without a file: heap, arenas, stack."""
    line = re.compile(r"(\w+)-(\w+) rw.p \w+ 00:00 0\s*(\S*)")
    for text in maps.splitlines():
        found = line.fullmatch(text)
        if found and found[3] in ("", "[heap]", "[stack]"):
            yield int(found[1], 16), int(found[2], 16)


def pages(pid):
    """The pages that hold something else than zeroes, in order of address."""
    zeroes = bytes(PAGE)
    maps = pathlib.Path(f"/proc/{pid}/maps").read_text()
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for begin, behind in anonymous(maps):
            for at in range(begin, behind, MIB):
                memory.seek(at)
                piece = memory.read(min(MIB, behind - at))
                for n in range(0, len(piece), PAGE):
                    if piece[n:n + PAGE] != zeroes:
                        yield piece[n:n + PAGE]


def save(pid, path, size):
    """Writes the first `size` bytes of the process's memory; says how many there were."""
    written = 0
    with open(path, "wb") as out:
        for page in pages(pid):
            if written < size:
                written += out.write(page)
    if written < size:
        sys.exit(f"memory_images: {path.name} has only {written / MIB:.1f} MiB of {size / MIB:.0f}; ask for fewer (--mib)")
    print(f"{path}: {written / MIB:.0f} MiB")


def anonymous_size(pid):
    found = re.search(r"^RssAnon:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M)
    return int(found[1]) * 1024 if found else 0


def child_of(pid):
    """The compiler proper, a child of the driver; None until it has started it."""
    for word in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        if pathlib.Path(f"/proc/{word}/comm").read_text().strip() == "cc1plus":
            return int(word)
    return None


def python_image(path, size):
    # Half as much again: a third of it may be zeroes, or belong to files.
    program = start([sys.executable, "-I", "-c", PYTHON_HEAP, str(size * 3 // 2)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        if program.stdout.readline().strip() != b"ready":
            sys.exit("memory_images: the python program ended early")
        save(program.pid, path, size)
    finally:
        end(program)


def gcc_image(path, size):
    program = start(["g++", "-std=c++20", "-O2", "-S", str(HEAVY), "-o", os.devnull])
    latest = time.monotonic() + LONGEST
    try:
        while (compiler := child_of(program.pid)) is None or anonymous_size(compiler) < size * 5 // 4:
            if program.poll() is not None or time.monotonic() > latest:
                sys.exit(f"memory_images: the compiler never had {size * 5 / 4 / MIB:.0f} MiB; ask for fewer (--mib)")
            time.sleep(0.002)
        os.kill(compiler, signal.SIGSTOP)
        save(compiler, path, size)
    finally:
        end(program)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--mib", type=int, default=32, help="size of each image (default 32)")
    parser.add_argument("--only", choices=("python", "gcc"), help="make one of them: python can have several hundred MiB, the compiler cannot")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    for name, make in (("python", python_image), ("gcc", gcc_image)):
        if options.only in (None, name):
            make(options.folder / f"{name}.image", options.mib * MIB)


if __name__ == "__main__":
    main()
