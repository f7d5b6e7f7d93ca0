#!/usr/bin/env python3
"""The man pages: there for every verb and format, complete, and clean roff."""
import json
import os
import pathlib
import re
import subprocess
import sys
import unittest

PROGRAM = MAN = None  # build/quire and build/man, of the command line
FORMATS = ["quire-recording.5", "quire-policy.5", "quire-profile.5", "quire-space.5", "quire-litmus.5", "quire-json.5",
           "quire.7", "quire-glossary.7", "libquire.3"]


def output(*words, **more):
    return subprocess.run(words, capture_output=True, text=True, timeout=60, **more)


def shown(page):
    """As a terminal would show it, without the signs for bold and underlined."""
    return re.sub(".\x08", "", output("mandoc", "-Tascii", "-Owidth=200", page).stdout)


class ManPages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.verbs = json.loads(output(PROGRAM, "help", "--json", check=True).stdout)["verbs"]
        cls.pages = sorted(MAN.glob("man*/*.[0-9]"))

    def page_of(self, verb):
        return MAN / "man1" / f"quire-{verb['verb'].replace(' ', '-')}.1"

    def test_every_verb_has_one(self):
        self.assertGreater(len(self.verbs), 10)
        self.assertEqual([v["verb"] for v in self.verbs if not self.page_of(v).exists()], [])

    def test_every_format_and_concept_has_one(self):
        self.assertEqual([f for f in FORMATS if not (MAN / f"man{f[-1]}" / f).exists()], [])

    def test_every_option_stands_among_the_options(self):
        for verb in self.verbs:
            options = re.search(r"^OPTIONS\n(.*?)^EXAMPLES\n", shown(self.page_of(verb)), re.S | re.M).group(1)
            for option in verb.get("options", []):
                term = ", ".join(option["names"]) + (f" {option['value']}" if option["value"] else "")
                with self.subTest(verb=verb["verb"], option=term):
                    self.assertRegex(options, rf"(?m)^ +(\S.*, )?{re.escape(term)}( |,|$)")

    def test_every_example_is_there(self):
        for verb in self.verbs:
            if verb["examples"] and not self.page_of(verb).is_symlink():
                page = shown(self.page_of(verb))
                self.assertEqual([e for e in verb["examples"] if e not in page], [], verb["verb"])

    def test_no_page_sends_to_one_that_is_not_there(self):
        there = {p.name for p in self.pages}
        for page in self.pages:
            named = re.findall(r"((?:lib)?quire[a-z-]*)\((\d)\)", shown(page))
            self.assertEqual([n for n in named if ".".join(n) not in there], [], page.name)

    def test_mandoc_finds_nothing_to_warn_of(self):
        self.assertEqual(output("mandoc", "-Tlint", "-Wwarning", *self.pages).stdout, "")

    def test_groff_finds_nothing_to_warn_of(self):
        env = {**os.environ, "LC_ALL": "C.UTF-8", "MANROFFSEQ": "t", "MANWIDTH": "80"}
        for page in self.pages:
            done = output("man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", page, env=env)
            self.assertEqual((done.returncode, done.stderr), (0, ""), page.name)

    def test_whatis_understands_the_first_line(self):
        for page in self.pages:
            done = output("lexgrog", page)
            self.assertRegex(done.stdout, rf'"{page.stem if not page.is_symlink() else ""}.* - .+"', page.name)


if __name__ == "__main__":
    PROGRAM, MAN = pathlib.Path(sys.argv.pop(1)).resolve(), pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main()
