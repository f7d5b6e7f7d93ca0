#!/usr/bin/env python3
"""Every example of every verb's --help, run as it stands, in a folder that has what it names.

What would take minutes is shortened, and what would change this host's settings for good runs
dry (SHORTER). An example that lacks a privilege or a program is skipped with the reason."""
import fcntl
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
LOCK = "/run/quire/settings.lock"
THP = pathlib.Path("/sys/kernel/mm/transparent_hugepage")
PROGRAM = None  # build/quire, of the command line
PATIENCE = 600  # seconds, for one example on a machine that is busy
FINDING, PRIVILEGE = 3, 4  # docs/reference/exit-codes.md

SHORTER = [
    (r"quire (apply|restore)(?! --dry-run)", r"quire \1 --dry-run"),
    (r"quire calibrate( --rounds \d+)?", "quire calibrate --rounds 6"),
    (r"--runs \d{3,}", "--runs 20"),
    (r"quire top( -b -n 1)?(?=$| --sort)", "quire top -b -n 1 --interval 0.1"),  # tests/top_screen_test.py has the screen
    (r"-d 15 -o /var/lib/node_exporter/", "-o "),  # once, instead of for ever
    (r"quire litmus fuzz --seed", "quire litmus fuzz --runs 20 --seed"),
]
# Bad news is an answer of these, and about this host or its noise, not about the example.
MAY_FIND = {"doctor", "verify", "litmus", "litmus run", "litmus fuzz"}
# What examples stand for that not every machine has: small programs of that name.
STAND_INS = {"java": "dd if=/dev/zero of=/dev/null bs=1M count=4 status=none", "make": "true",
             "pgrep": f"echo {os.getpid()}", "perf": f"cat {ROOT}/tests/corpus/perf_script/small"}


def settings():
    """Of this host, to be the same afterwards; read while nobody has them changed."""
    try:
        with open(LOCK) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            return read_settings()
    except OSError:  # nobody ever changed them, or not who runs this
        return read_settings()


def read_settings():
    return {p: p.read_text() for p in THP.rglob("*") if p.is_file() and "stats" not in p.parts and
            os.access(p, os.R_OK) and p.stat().st_mode & 0o200}


def script(path, *lines):
    path.write_text("#!/bin/sh\n" + "\n".join(lines) + "\n")
    path.chmod(0o755)


def furnish(folder):
    """The files that examples name."""
    (folder / "script.py").write_text("print(len(bytes(8 << 20)))\n")
    script(folder / "server", "exec dd if=/dev/zero of=/dev/null bs=1M count=4 status=none")
    (folder / "bin").mkdir()
    for name, line in STAND_INS.items():
        script(folder / "bin" / name, line)
    shutil.copytree(ROOT / "traces", folder / "traces")
    shutil.copytree(ROOT / "litmus", folder / "litmus")
    shutil.copy(ROOT / "litmus/cow-16k.litmus", folder / "mine.litmus")
    for kind in ("strace", "lackey"):
        shutil.copy(ROOT / f"tests/corpus/{kind}/small", folder / f"{kind}.txt")
    shutil.copy(ROOT / "profiles/reference.toml", folder / "mine.toml")
    (folder / "space.toml").write_text('policies = ["4K", "64K"]\n')
    (folder / "found").mkdir()
    (folder / "sosreport-db1/proc/1").mkdir(parents=True)
    thp = folder / "sosreport-db1/sys/kernel/mm/transparent_hugepage"
    thp.mkdir(parents=True)
    (thp / "enabled").write_text("always [madvise] never\n")


def run(words, folder, env):
    """As a person would in bash. What takes too long is asked to end, so that it puts back what it changed."""
    with subprocess.Popen(["bash", "-o", "pipefail", "-c", words], cwd=folder, env=env, text=True, start_new_session=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            out, err = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGTERM)
            out, err = process.communicate(timeout=PATIENCE)
            raise AssertionError(f"{words}: took more than {PATIENCE} seconds\n{out[-500:]}{err[-500:]}") from None
    return subprocess.CompletedProcess(words, process.returncode, out, err)


class Examples(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        holder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(holder.cleanup)
        cls.folder = pathlib.Path(holder.name)
        furnish(cls.folder)
        cls.env = {**os.environ, "PATH": f"{PROGRAM.parent}:{cls.folder}/bin:{os.environ['PATH']}"}
        cls.described = json.loads(subprocess.run([PROGRAM, "help", "--json"], capture_output=True, check=True).stdout)

    def a_recording(self):
        """mine.quire, as it was before an example wrote another. What is recorded here can be run here."""
        kept = self.folder / "kept.quire"
        if not kept.exists():
            run(f"quire record -o {kept} -- python3 script.py", self.folder, self.env)
        shutil.copy(kept, self.folder / "mine.quire")

    def why_not(self, example):
        """The program of this machine that an example needs and is not there, or nothing."""
        for command in re.findall(r"(?:^|\| )([a-z0-9]+) ", example):
            if subprocess.run(["bash", "-c", f"type {command}"], env=self.env, capture_output=True).returncode != 0:
                return f"{command} is not installed"
        return None

    def run_example(self, verb, example):
        if reason := self.why_not(example):
            self.skipTest(reason)
        words = example
        for pattern, instead in SHORTER:
            words = re.sub(pattern, instead, words)
        done = run(words, self.folder, self.env)
        if done.returncode == PRIVILEGE or "settings.lock" in done.stderr:
            self.skipTest(((done.stderr or done.stdout).strip() or f"exit code {done.returncode}").splitlines()[-1])
        fine = {0, FINDING} if verb in MAY_FIND else {0}
        self.assertIn(done.returncode, fine, f"{words}\n{done.stdout[-500:]}{done.stderr[-500:]}")

    def run_all(self, verb, examples):
        self.assertEqual(len(examples), 3)
        self.a_recording()
        for example in examples:
            with self.subTest(verb=verb, example=example):
                self.run_example(verb, example)

    def test_of_every_verb(self):
        before = settings()
        for verb in self.described["verbs"]:
            self.run_all(verb["verb"], verb["examples"])
        self.assertEqual(settings(), before)

    def test_of_the_program(self):
        self.run_all("verify", self.described["examples"])


if __name__ == "__main__":
    PROGRAM = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main(verbosity=2)
