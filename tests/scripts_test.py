#!/usr/bin/env python3
"""The checking scripts find what they are there to find."""
import collections
import contextlib
import io
import pathlib
import sys
import tempfile
import unittest
import unittest.mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "scripts"))
import accuracy  # noqa: E402
import compress_table  # noqa: E402
import memory_images  # noqa: E402
import published_profiles  # noqa: E402
import time_accuracy  # noqa: E402
import check_docs  # noqa: E402
import skipped_checks  # noqa: E402
import workloads  # noqa: E402


class Tree(unittest.TestCase):
    """A small project in a temporary folder."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = pathlib.Path(self.folder.name).resolve()
        self.write("src/stats/counters.h", "enum class VmEvent : int {\n  pgfault,  // a fault\n  kCount,\n};\n")
        self.write("src/cli/main.cc", 'x("--policy", "what to replay"); // --comment\n--count;\n')
        self.write("docs/reference/counters.md", "| `pgfault` | a fault |\n\n`--policy P`\n")

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


class CheckDocs(Tree):
    def links(self):
        return list(check_docs.broken_links(self.root, check_docs.files_of(self.root)))

    def machine(self):
        return list(check_docs.machine_names(self.root, check_docs.files_of(self.root)))

    def test_accepts_a_tree_in_order(self):
        self.write("README.md", "[counters](docs/reference/counters.md) [site](https://example.org)\n")
        self.assertEqual(self.links() + list(check_docs.unexplained(self.root)) + self.machine(), [])

    def test_finds_a_link_to_nothing(self):
        self.write("README.md", "[gone](docs/gone.md)\n")
        self.assertEqual(len(self.links()), 1)

    def test_finds_a_link_to_a_missing_heading(self):
        self.write("docs/a.md", "# One `thing`, here\n[good](#one-thing-here) [bad](#two)\n")
        self.assertEqual(len(self.links()), 1)

    def test_finds_a_page_nobody_links_to(self):
        self.write("docs/README.md", "[a](a.md)\n")
        self.write("README.md", "[docs](docs/README.md) [counters](docs/reference/counters.md)\n")
        self.write("docs/a.md", "itself: [a](a.md)\n")
        self.write("docs/b.md", "itself: [b](b.md)\n")
        self.assertEqual(list(check_docs.unreachable(self.root, check_docs.files_of(self.root))),
                         ["docs/b.md: no page links to it; name it in its folder's README.md"])

    def test_leaves_code_blocks_alone(self):
        self.write("README.md", "```\n[no](link.md)\n```\n")
        self.assertEqual(self.links(), [])

    def test_finds_an_unexplained_counter(self):
        self.write("src/stats/counters.h", "enum class VmEvent : int { pgfault, pgreuse, kCount };\n")
        self.assertEqual(list(check_docs.unexplained(self.root)),
                         ["docs/reference/: counter `pgreuse` is not explained"])

    def test_finds_a_counter_that_is_none(self):
        self.write("docs/reference/counters.md", "| `pgfault` | |\n| `pgold` | |\n`--policy`\n")
        self.assertEqual(len(list(check_docs.unexplained(self.root))), 1)

    def test_finds_an_unexplained_option_and_no_option_of_an_example(self):
        self.write("src/cli/replay.cc", 'f("-o,--output"); g("--polic"); h("quire record -- ./server --once");\n')
        self.assertEqual([line.split()[2] for line in check_docs.unexplained(self.root)], ["--output", "--polic"])

    def test_finds_a_place_of_one_machine(self):
        self.write("notes.txt", "see /ho" "me/somebody/x\n")
        self.write("list.txt", "from https://regis" "try.example.org/x\n")
        self.assertEqual(len(self.machine()), 2)


class SkippedChecks(Tree):
    def test_groups_by_the_reason_given(self):
        self.write("results/live.xml", """<testsuites><testsuite>
          <testcase name="a" classname="Bpf" status="run" result="skipped">
            <skipped message="src/live/x_test.cc:12&#x0A;needs root&#x0A;"/></testcase>
          <testcase name="b" classname="Bpf" status="run" result="completed"/>
          </testsuite></testsuites>""")
        skips = collections.defaultdict(lambda: collections.defaultdict(list))
        ran = skipped_checks.read(self.root / "results/live.xml", skips)
        self.assertEqual(ran, 1)
        self.assertEqual({why: dict(by) for why, by in skips.items()}, {"needs root": {"live": ["Bpf.a"]}})


def side(faults, **folios):
    return {"minor_faults": faults, "folios": {size.removeprefix("of_"): n for size, n in folios.items()}}


class AccuracyRow(unittest.TestCase):
    """The verdict of the table, on answers made up for it."""

    def row(self, kind, *answers):
        workload = workloads.Workload("program", kind, "", ["true"])
        return accuracy.Row(workload, "64K", [{"predicted": p, "measured": m} for p, m in answers])

    def test_is_exact_within_four_faults_and_identical_folios(self):
        row = self.row("single", (side(1000, of_64kB=7), side(1004, of_64kB=7)))
        self.assertTrue(row.good())
        self.assertIn("| identical | exact |", row.line())

    def test_is_off_by_five_faults_of_a_thousand(self):
        row = self.row("single", (side(1000), side(1005)))
        self.assertFalse(row.good())
        self.assertIn("off by 5 faults", row.line())

    def test_is_off_by_one_folio(self):
        row = self.row("single", (side(1000, of_64kB=7), side(1000, of_64kB=8)))
        self.assertFalse(row.good())
        self.assertIn("64kB 7/8", row.line())

    def test_counts_a_size_only_one_side_names(self):
        self.assertFalse(self.row("single", (side(1000), side(1000, of_16kB=1))).good())

    def test_a_threaded_program_may_lie_anywhere_in_its_band_and_nowhere_else(self):
        inside = self.row("threaded", (side(100), side(105)), (side(110), side(104)), (side(103), side(106)))
        self.assertTrue(inside.good())
        outside = self.row("threaded", (side(100), side(111)), (side(110), side(112)), (side(103), side(113)))
        self.assertFalse(outside.good())


class WorkloadList(unittest.TestCase):
    def test_every_line_is_a_program_of_a_known_kind(self):
        found = workloads.load()
        self.assertGreaterEqual(len([w for w in found if w.kind == "single"]), 8)
        self.assertEqual({w.kind for w in found}, {"single", "threaded"})
        self.assertEqual(len({w.name for w in found}), len(found))


class TimeAccuracy(unittest.TestCase):
    def row(self, predicted, measured_change):
        times = {"control_ns": {"mean": 100.0}, "noise_ns": 5.0, "policies": [
            {"policy": "64K", "predicted_ns": predicted, "measured_ns": {"mean": 80.0, "low": 79.0, "high": 81.0}, "error": 0.1,
             "predicted_change": "same", "measured_change": measured_change}]}
        return time_accuracy.Row("x", {"system_time": times, "processor_time": times}, 0)

    def test_only_a_measured_change_can_be_predicted_the_wrong_way(self):
        self.assertTrue(self.row(110.0, "faster").sign_wrong())
        self.assertTrue(self.row(90.0, "slower").sign_wrong())
        self.assertFalse(self.row(99.0, "faster").sign_wrong())
        self.assertFalse(self.row(110.0, "same").sign_wrong())


    def test_short_programs_get_more_rounds_within_limits(self):
        self.assertEqual(time_accuracy.rounds_within(72, run=3.0, policies=5), time_accuracy.FEWEST_ROUNDS)
        self.assertEqual(time_accuracy.rounds_within(72, run=0.85, policies=5), 12)
        self.assertEqual(time_accuracy.rounds_within(72, run=0.01, policies=5), time_accuracy.MOST_ROUNDS)


class PublishedProfiles(unittest.TestCase):
    REFERENCE = {"name": "r", "fork": {"4K": [100.0, 90.0, 110.0], "64K": [400.0, 390.0, 410.0]}, "work": {"table": [10.0, 9.0, 11.0]}}
    PUBLISHED = {"name": "x", "cpu": "c", "kernel": "k", "date": "d", "source": "s", "table": "fork", "figures": {"4K": 50.0}}

    def test_what_is_published_stands_and_the_rest_is_scaled(self):
        text = published_profiles.text_of(self.PUBLISHED, self.REFERENCE)
        self.assertIn("4K = [50.0, 50.0, 50.0]", text)
        self.assertIn("64K = [200.0, 195.0, 205.0]", text)
        self.assertIn("table = [5.0, 4.5, 5.5]", text)

    def test_the_files_that_ship_are_what_the_script_writes(self):
        with unittest.mock.patch.object(sys, "argv", ["published_profiles.py", "--check"]):
            self.assertEqual(published_profiles.main(), 0)


class MemoryImages(unittest.TestCase):
    MAPS = ("00400000-00452000 r-xp 00000000 08:02 173521 /usr/bin/x\n"
            "00652000-00655000 rw-p 00052000 08:02 173521 /usr/bin/x\n"
            "00e24000-011f7000 rw-p 00000000 00:00 0 [heap]\n"
            "7f0000000000-7f0000021000 rw-p 00000000 00:00 0 \n"
            "7f0000021000-7f0004000000 ---p 00000000 00:00 0 \n"
            "7f0005000000-7f0005001000 rw-s 00000000 00:01 1024 /dev/zero (deleted)\n"
            "7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0 [stack]\n")

    def test_only_memory_of_no_file_is_taken(self):
        self.assertEqual(list(memory_images.anonymous(self.MAPS)),
                         [(0xe24000, 0x11f7000), (0x7f0000000000, 0x7f0000021000), (0x7ffc00000000, 0x7ffc00021000)])


class CompressTable(unittest.TestCase):
    IMAGES = [pathlib.Path("x.image")]

    def results(self, ratio, time):
        def of(unit_ratio, unit_time):
            return {"ratio": unit_ratio, "stored": unit_ratio, "per_KiB": unit_time}
        return {("x", "zstd", unit, what): of(*figures) for unit, figures in (("4K", (4.0, 1e-6)), ("64K", (ratio, time)))
                for what in ("compress", "decompress", "store")}

    def met(self, ratio, time):
        with contextlib.redirect_stdout(io.StringIO()):
            return compress_table.print_bars(self.results(ratio, time), self.IMAGES)

    def test_both_bars_must_be_met(self):
        self.assertTrue(self.met(4.5, 0.6e-6))
        self.assertFalse(self.met(4.4, 0.6e-6))
        self.assertFalse(self.met(4.5, 0.7e-6))


if __name__ == "__main__":
    unittest.main()
