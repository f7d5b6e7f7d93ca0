"""What `quire top --openmetrics` writes, read by a strict parser of the format: Debian's
python3-prometheus-client. The file of a textfile collector is whole whenever it is looked at.

    openmetrics_test.py QUIRE
"""
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.parser import text_string_to_metric_families as parse_classic

QUIRE = os.path.abspath(sys.argv.pop(1))
PATIENCE = 60  # seconds


def metrics(*words):
    return subprocess.run([QUIRE, "top", "--openmetrics", *words], check=True, stdout=subprocess.PIPE,
                          timeout=PATIENCE).stdout.decode()


class OpenMetrics(unittest.TestCase):
    def check(self, text):
        families = {family.name: family for family in text_string_to_metric_families(text)}
        self.assertEqual(families["quire_build"].samples[0].value, 1)
        self.assertGreater(families["quire_memory_bytes"].samples[0].value, -1)
        self.assertEqual({family.type for family in families.values()}, {"counter", "gauge"})
        return families

    def test_host(self):
        families = self.check(metrics())
        self.assertFalse([name for name in families if name.startswith("quire_process")])
        if os.path.isdir("/sys/kernel/mm/transparent_hugepage/hugepages-64kB/stats"):
            sizes = {sample.labels["size"] for sample in families["quire_thp_anon_fault_alloc"].samples}
            self.assertIn("65536", sizes)
            self.assertIn("2097152", sizes)

    def test_processes(self):
        """As many as asked for; this one is named as it names itself, quotes and all."""
        name = 'a "b\\\n'
        with open("/proc/self/comm", "w", encoding="utf-8") as comm:
            comm.write(name)
        families = self.check(metrics("--processes", "1", "--pid", str(os.getpid())))
        sample, = families["quire_process_resident_memory_bytes"].samples
        self.assertEqual(sample.labels, {"pid": str(os.getpid()), "name": name})
        self.assertGreater(sample.value, 1 << 20)
        ages = families["quire_process_sample_age_seconds"].samples
        self.assertEqual(len(ages), 1)
        three = self.check(metrics("--processes", "3"))
        self.assertLessEqual(len(three["quire_process_resident_memory_bytes"].samples), 3)

    def test_classic_reader(self):
        """The textfile collector reads the older format: it must understand every line."""
        names = {family.name for family in parse_classic(metrics())}
        self.assertIn("quire_memory_bytes", names)

    def test_file_is_always_whole(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "quire.prom")
            with subprocess.Popen([QUIRE, "top", "--openmetrics", "-d", "0.1", "-o", path]) as writer:
                try:
                    self.read_while_written(writer, path)
                finally:
                    writer.send_signal(signal.SIGTERM)
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o644)

    def read_while_written(self, writer, path):
        """Until five different texts have been seen."""
        seen = set()
        deadline = time.monotonic() + PATIENCE
        while len(seen) < 5:
            self.assertLess(time.monotonic(), deadline)
            self.assertIsNone(writer.poll())
            try:
                with open(path, encoding="utf-8") as file:
                    text = file.read()
            except FileNotFoundError:
                continue
            self.assertTrue(text.endswith("# EOF\n"))
            if text not in seen:
                self.check(text)
            seen.add(text)


if __name__ == "__main__":
    unittest.main(verbosity=2)
