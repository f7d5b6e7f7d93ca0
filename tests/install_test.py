#!/usr/bin/env python3
"""What another program needs to link libquire, tried from an installed prefix."""
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples/library.cc"
BUILD = None  # the build folder, of the command line


def run(*words, **more):
    """The standard output; a failure shows both streams."""
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, **more)
    if done.returncode != 0:
        raise AssertionError(f"{shlex.join(map(str, words))}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


class InstalledProgram(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.prefix = pathlib.Path(folder.name)
        run("cmake", "--install", BUILD, "--prefix", cls.prefix, "--component", "program")

    def test_it_finds_the_engines_of_other_architectures(self):
        self.assertIn("engines x86-64 arm64 arm64-16k arm64-64k\n", run(self.prefix / "bin/quire", "version"))

    def test_pages_completion_and_data_are_where_they_are_looked_for(self):
        for name in ("man/man1/quire-replay.1", "man/man5/quire-policy.5", "man/man7/quire.7",
                     "bash-completion/completions/quire", "zsh/site-functions/_quire",
                     "fish/vendor_completions.d/quire.fish", "quire/recordings/sqlite.quire",
                     "quire/profiles/reference.toml", "quire/litmus/cow-64k.litmus", "doc/quire/README.md"):
            self.assertTrue((self.prefix / "share" / name).exists(), name)

    def test_the_shipped_recordings_can_be_replayed(self):
        recording = self.prefix / "share/quire/recordings/sqlite.quire"
        self.assertIn("minor faults", run(self.prefix / "bin/quire", "replay", recording, "--policy", "64K"))


class Installed(unittest.TestCase):
    """One prefix for all, moved after it was installed: nothing may name the old place."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        first = cls.folder / "first"
        run("cmake", "--install", BUILD, "--prefix", first, "--component", "development")
        cls.prefix = first.rename(cls.folder / "prefix")
        cls.config = next(cls.prefix.rglob("quire-config.cmake")).parent
        cls.pc = next(cls.prefix.rglob("quire.pc")).parent

    def runs(self, program):
        self.assertRegex(run(program), r"thp_anon=64K:always +16 ")

    def test_a_program_links_it_by_cmake(self):
        build = self.folder / "by-cmake"
        run("cmake", "-S", ROOT / "tests/consumer", "-B", build, f"-DEXAMPLE={EXAMPLE}",
            f"-DCMAKE_PREFIX_PATH={self.prefix}", "-DCMAKE_BUILD_TYPE=Debug")
        run("cmake", "--build", build)
        self.runs(build / "library")

    def test_a_program_links_it_by_pkg_config(self):
        flags = run("pkg-config", "--cflags", "--libs", "quire", "fmt",
                    env={"PKG_CONFIG_PATH": str(self.pc), "PATH": "/usr/bin:/bin"})
        program = self.folder / "by-pkg-config"
        run("c++", "-std=c++23", EXAMPLE, "-o", program, *shlex.split(flags))
        self.runs(program)

    def test_cmake_refuses_a_version_that_does_not_fit(self):
        lists = self.folder / "future/CMakeLists.txt"
        lists.parent.mkdir()
        lists.write_text("cmake_minimum_required(VERSION 3.25)\nproject(future LANGUAGES CXX)\n"
                         "find_package(quire 99 REQUIRED)\n")
        with self.assertRaisesRegex(AssertionError, r'compatible\s+with requested version "99"'):
            run("cmake", "-S", lists.parent, "-B", lists.parent / "b", f"-DCMAKE_PREFIX_PATH={self.prefix}")

    def test_all_public_headers_are_there_and_nothing_else(self):
        wanted = {p.name for p in (ROOT / "include/quire").glob("*.h")}
        self.assertEqual({p.name for p in (self.prefix / "include/quire").iterdir()}, wanted)

    def test_nothing_names_the_place_it_was_built_in(self):
        for path in (*self.config.iterdir(), *self.pc.iterdir()):
            self.assertIsNone(re.search(f"{ROOT}|{self.folder}/first", path.read_text()), path)


if __name__ == "__main__":
    BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main()
