#!/usr/bin/env python3
"""What bash, zsh and fish make of half-typed command lines: each is started on a
terminal, asked with the Tab key, and shows the line it then has."""
import os
import pathlib
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = None  # build/quire, of the command line
PATIENCE = 30  # seconds, for a machine that is busy


class Terminal:
    """A shell on a terminal. Control-T shows the line as it is between two signs."""

    def __init__(self, command, env):
        pid, self.fd = pty.fork()
        if pid == 0:
            os.execvpe(command[0], command, env)
        self.pid = pid

    def read_until(self, pattern):
        text, end = "", time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if not select.select([self.fd], [], [], 0.2)[0]:
                continue
            try:
                text += os.read(self.fd, 65536).decode(errors="replace")
            except OSError:  # the shell has gone
                break
            if found := re.search(pattern, text, re.S):
                return found
        raise AssertionError(f"no {pattern} in {text!r}")

    def say(self, text):
        os.write(self.fd, text.encode())

    def close(self):
        os.close(self.fd)
        os.waitpid(self.pid, 0)


class Shell:
    """What each shell is asked; `name`, `start()` and `candidates()` are its own."""

    @classmethod
    def setUpClass(cls):
        if not shutil.which(cls.name):
            raise unittest.SkipTest(f"{cls.name} is not installed")
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        for name in ("mine.quire", "mine.toml", "other.quire", "notes.txt", "x.litmus"):
            (cls.folder / name).touch()
        (cls.folder / "recordings").mkdir()
        cls.env = {"PATH": f"{PROGRAM.parent}:/usr/bin:/bin", "HOME": folder.name, "TERM": "xterm",
                   "LC_ALL": "C.UTF-8", "PWD": folder.name}
        cls.prepare()

    @classmethod
    def prepare(cls):
        pass

    def completed(self, typed):
        """The line after Tab was pressed behind `typed`."""
        os.chdir(self.folder)
        terminal = Terminal(self.start(), self.env)
        try:
            terminal.say(self.setup + "\n")
            terminal.read_until(r"ready-now.*ask> ")
            terminal.say(typed + "\t\x14")
            return terminal.read_until(r"<<(.*?)>>").group(1)
        finally:
            terminal.close()

    def test_completes_a_verb(self):
        self.assertEqual(self.completed("quire calib"), "quire calibrate ")

    def test_completes_the_second_word_of_a_verb(self):
        self.assertEqual(self.completed("quire litmus fu"), "quire litmus fuzz ")

    def test_completes_an_option(self):
        self.assertEqual(self.completed("quire replay mine.quire --pol"), "quire replay mine.quire --policy ")

    def test_completes_a_policy_behind_a_space_and_behind_a_sign(self):
        self.assertEqual(self.completed("quire replay --policy oppo"), "quire replay --policy oppo-64k ")
        self.assertEqual(self.completed("quire replay --policy=oppo"), "quire replay --policy=oppo-64k ")

    def test_completes_words_of_an_option(self):
        self.assertEqual(self.completed("quire record --tier unpr"), "quire record --tier unprivileged ")
        self.assertEqual(self.completed("quire info --color al"), "quire info --color always ")

    def test_completes_a_recording_and_passes_over_other_files(self):
        self.assertEqual(self.completed("quire replay mi"), "quire replay mine.quire ")

    def test_completes_a_file_of_an_option(self):
        self.assertEqual(self.completed("quire replay mine.quire --profile mi"),
                         "quire replay mine.quire --profile mine.toml ")

    def test_completes_a_command_behind_two_dashes(self):
        self.assertEqual(self.completed("quire record -o x -- /usr/bin/base6"),
                         "quire record -o x -- /usr/bin/base64 ")

    def test_offers_every_verb(self):
        listed = subprocess.run([PROGRAM, "__complete", ""], capture_output=True, text=True, check=True).stdout
        verbs = {line.split("\t")[0] for line in listed.splitlines()[1:]}
        self.assertLessEqual({"record", "advise", "map"}, verbs)
        self.assertLessEqual(verbs, self.candidates("quire "))

    def test_offers_sizes_and_live_processes(self):
        self.assertLessEqual({"16K", "64K", "2M"}, self.candidates("quire map --cont "))
        # Among all of them are those that shall not change meanwhile.
        self.assertIn(str(os.getpid()), self.candidates(f"quire map {str(os.getpid())[:-1]}"))


class Bash(Shell, unittest.TestCase):
    name = "bash"
    setup = ("bind 'set bell-style none'; bind -x '\"\\C-t\":printf \"<<%s>>\" \"$READLINE_LINE\"'; "
             "PS1='ask> '; source <(quire completion bash); echo ready''-now")

    def start(self):
        return ["bash", "--norc", "--noprofile", "-i"]

    def candidates(self, typed):
        words = typed.split(" ")
        script = ("source <(quire completion bash); COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); "
                  "COMP_LINE=\"$*\"; COMP_POINT=${#COMP_LINE}; _quire; printf '%s\\n' \"${COMPREPLY[@]}\"")
        return set(subprocess.run(["bash", "--norc", "-c", script, "bash", *words], env=self.env, check=True,
                                  capture_output=True, text=True).stdout.split())


class BashCompletion(Bash):
    """Together with the package bash-completion, which most people have."""
    library = pathlib.Path("/usr/share/bash-completion/bash_completion")
    setup = f"source {library}; " + Bash.setup

    @classmethod
    def prepare(cls):
        if not cls.library.exists():
            raise unittest.SkipTest("bash-completion is not installed")

    def test_is_found_by_its_name(self):
        """As a package installs it, without being read before."""
        folder = self.folder / ".local/share/bash-completion/completions"
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "completion/quire.bash", folder / "quire")
        self.setup = self.setup.replace("source <(quire completion bash); ", "")
        self.test_completes_a_verb()

    def test_completes_options_of_the_command_behind_two_dashes(self):
        self.assertEqual(self.completed("quire record -o x -- dd coun"), "quire record -o x -- dd count=")


class Zsh(Shell, unittest.TestCase):
    name = "zsh"
    setup = ("autoload -Uz compinit && compinit -D -u; unsetopt beep; PROMPT='ask> '; "
             "show() { zle -I; print -r -- \"<<$BUFFER>>\" }; zle -N show; bindkey '^T' show; "
             "source <(quire completion zsh); print ready''-now")

    def start(self):
        return ["zsh", "-f", "-i"]

    def candidates(self, typed):
        """As listed below the line."""
        os.chdir(self.folder)
        terminal = Terminal(self.start(), {**self.env, "LINES": "400", "COLUMNS": "100"})
        try:
            terminal.say("stty rows 400 columns 100; LISTMAX=9999; " + self.setup + "\n")
            terminal.read_until(r"ready-now.*ask> ")
            terminal.say(typed + "\x04\x14")  # Control-D lists
            text = terminal.read_until(r"^(.*?)<<").group(1)
        finally:
            terminal.close()
        return {line.split()[0] for line in re.sub(r"\x1b\[[0-9;?]*\w", "", text).splitlines() if line.split()} | \
            ({self.completed(typed).split()[-1]})


class ZshAutoload(Zsh):
    """As a package installs it: a file that zsh reads when it is asked for the first time."""
    setup = "fpath=($HOME/functions $fpath); " + re.sub("source <.*?; ", "", Zsh.setup)

    @classmethod
    def prepare(cls):
        (cls.folder / "functions").mkdir()
        shutil.copy(ROOT / "completion/quire.zsh", cls.folder / "functions/_quire")


class Fish(Shell, unittest.TestCase):
    name = "fish"

    def completed(self, typed):
        """fish tells its completions itself; of a single one it makes the word."""
        found = self.candidates(typed)
        self.assertEqual(len(found), 1, found)
        return " ".join([*typed.split(" ")[:-1], *found]) + " "

    def candidates(self, typed):
        done = subprocess.run(["fish", "--no-config", "-c", "quire completion fish | source; complete -C $argv[1]",
                               typed], env=self.env, cwd=self.folder, capture_output=True, text=True, check=True)
        return {line.split("\t")[0] for line in done.stdout.splitlines()}


if __name__ == "__main__":
    PROGRAM = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main()
