"""`quire top` on a real terminal: keys, sizes, signals, and what the terminal is like afterwards.

    top_screen_test.py QUIRE

Needs Debian's python3-pyte, a terminal in Python.
"""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
import unittest

import pyte

QUIRE = os.path.abspath(sys.argv.pop(1))
PATIENCE = 60  # seconds, until something that must come has come
DOWN, F1, F10, ESCAPE = b"\x1bOB", b"\x1bOP", b"\x1b[21~", b"\x1b"
NOBODY = 65534


class Top:
    """A running `quire top` and its terminal."""

    def __init__(self, *words, lines=24, columns=80, user=None, shell=None, **environment):
        self.screen = pyte.Screen(columns, lines)
        self.stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self.master, self.slave = pty.openpty()  # the slave stays open: its modes can be asked for to the end
        self.set_size(lines, columns)
        self.modes = termios.tcgetattr(self.slave)
        env = {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin", **environment}
        self.pid = os.fork()
        if self.pid == 0:
            self.become(["sh", "-mc", shell, QUIRE] if shell else ["quire", "top", "-d", "0.2", *words], user, env)
        self.status = None

    def become(self, words, user, env):
        try:
            os.setsid()
            fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)
            for stream in range(3):
                os.dup2(self.slave, stream)
            os.closerange(3, 64)
            if user is not None:
                os.setgid(user)
                os.setuid(user)
            os.execve(QUIRE if words[0] == "quire" else "/bin/sh", words, env)
        finally:
            os._exit(97)

    def set_size(self, lines, columns):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def read(self):
        """Whatever has come within a moment."""
        if select.select([self.master], [], [], 0.02)[0]:
            data = os.read(self.master, 65536)
            self.raw += data
            self.stream.feed(data)

    def text(self):
        return "\n".join(line.rstrip() for line in self.screen.display)

    def until(self, what, condition):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"{what} did not come; the screen is\n{self.text()}")
            self.read()

    def shows(self, pattern):
        self.until(pattern, lambda: re.search(pattern, self.text(), re.M))

    def press(self, keys):
        os.write(self.master, keys)

    def has_ended(self):
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.status = os.waitstatus_to_exitcode(status) if pid else None
        return self.status is not None

    def ends(self):
        self.until("its end", self.has_ended)
        self.read()
        return self.status

    def close(self):
        if self.status is None and not self.has_ended():
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        for file in (self.master, self.slave):
            if file is not None:
                os.close(file)


class TopOnTerminal(unittest.TestCase):
    def start(self, *words, **how):
        top = Top(*words, **how)
        self.addCleanup(top.close)
        return top

    def assert_restored(self, top):
        """Modes as before, the other screen left, the cursor back."""
        self.assertEqual(termios.tcgetattr(top.slave), top.modes)
        self.assertIn(b"\x1b[?1049h", top.raw)
        self.assertGreater(top.raw.rfind(b"\x1b[?1049l"), top.raw.rfind(b"\x1b[?1049h"))
        self.assertGreater(top.raw.rfind(b"\x1b[?25h") + top.raw.rfind(b"\x1b[?12l\x1b[?25h"),
                           top.raw.rfind(b"\x1b[?25l"))

    def test_keys(self):
        """Help, search, filter, sort menu, user menu, detail; F10 leaves with 0."""
        top = self.start()
        top.shows(r"COMMAND\n>(.*\n){2}")
        top.press(F1)
        top.shows(r"^quire top: folios of the host")
        top.press(ESCAPE)
        top.press(b"\\quire")
        top.shows(r"^>.* quire$")
        top.shows(r"^Filter: quire_")
        top.press(b"x")
        top.shows(r"^no process is to be shown")
        top.press(ESCAPE)
        top.shows(r"COMMAND\n>(.*\n){2}")
        top.press(b"/quire\n")
        top.shows(r"^>.* quire")
        top.press(b"\x1b[17~")
        top.shows(r"^Sort by")
        top.press(ESCAPE + b"u")
        top.shows(r"^> all users")
        top.press(b"\n\n")
        top.shows(r"^quire \(\d+\), of ")
        top.press(F10)  # leaves the detail
        top.shows(r"^>.* quire")
        top.press(F10)
        self.assertEqual(top.ends(), 0)
        self.assert_restored(top)

    def test_moves(self):
        top = self.start()
        top.shows(r"COMMAND\n>(.*\n){2}")
        first = re.search(r"^>\s*(\d+)", top.text(), re.M)[1]
        top.press(DOWN + DOWN)
        top.until("another row", lambda: re.search(r"^>\s*(?!" + first + r"\b)\d+", top.text(), re.M))
        top.press(b"q")
        self.assertEqual(top.ends(), 0)

    def test_resize(self):
        """Drawn anew at the new size, also when it is tiny."""
        top = self.start()
        top.shows(r"^F1 Help")
        for lines, columns in ((50, 200), (10, 40), (3, 9), (24, 80)):
            top.screen.resize(lines, columns)
            top.screen.reset()
            top.set_size(lines, columns)
            top.until(f"keys in line {lines}", lambda n=lines: top.screen.display[n - 1].startswith("F1 Help"[:9]))
        top.press(b"q")
        self.assertEqual(top.ends(), 0)
        self.assert_restored(top)

    def test_signals_restore_the_terminal(self):
        """It ends as the signal says. Ctrl-C is a way to leave."""
        for number, status in ((signal.SIGTERM, -signal.SIGTERM), (signal.SIGHUP, -signal.SIGHUP),
                               (signal.SIGQUIT, -signal.SIGQUIT), (signal.SIGINT, 0),
                               (signal.SIGSEGV, -signal.SIGSEGV), (signal.SIGABRT, -signal.SIGABRT)):
            with self.subTest(number):
                top = self.start()
                top.shows(r"^F1 Help")
                os.kill(top.pid, number)
                self.assertEqual(top.ends(), status)
                self.assert_restored(top)

    def test_ctrl_c_and_ctrl_z(self):
        """As a job of a shell: stopped, the terminal is the shell's; continued, the screen is drawn again."""
        top = self.start(shell='"$0" top -d 0.2; echo stopped; read go; fg; echo ended $?')
        top.shows(r"^F1 Help")
        drawing = termios.tcgetattr(top.slave)
        top.press(b"\x1a")
        top.shows(r"^stopped")
        self.assertEqual(termios.tcgetattr(top.slave)[:4], top.modes[:4])
        top.press(b"\n")
        top.shows(r"^F1 Help")
        self.assertEqual(termios.tcgetattr(top.slave)[:4], drawing[:4])
        top.press(b"\x03")
        top.shows(r"^ended 0")
        self.assertEqual(top.ends(), 0)
        self.assert_restored(top)

    def test_terminal_goes_away(self):
        """A connection that breaks leaves no process behind."""
        top = self.start()
        top.shows(r"^F1 Help")
        os.close(top.slave)
        os.close(top.master)
        top.slave = top.master = None
        deadline = time.monotonic() + PATIENCE
        while not top.has_ended():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)
        self.assertEqual(top.status, -signal.SIGHUP)

    def test_dumb_terminal(self):
        """Plain text, and no escape sequence."""
        top = self.start("-n", "2", TERM="dumb")
        self.assertEqual(top.ends(), 0)
        while select.select([top.master], [], [], 0)[0]:
            top.read()
        self.assertNotIn(b"\x1b", top.raw)
        self.assertEqual(top.raw.count(b"COMMAND"), 2)
        self.assertIn(b"plain text", top.raw)

    def test_colour(self):
        """Only when it is wanted, and nothing is lost without."""
        colour = re.compile(rb"\x1b\[[0-9;]*\b(3[0-7]|38;5;\d+)m")
        for words, environment, coloured in (((), {}, True), ((), {"NO_COLOR": "1"}, False),
                                             (("--color", "always"), {"NO_COLOR": "1"}, True),
                                             (("--color", "never"), {}, False)):
            with self.subTest(words=words, **environment):
                top = self.start("-n", "3", *words, **environment)
                self.assertEqual(top.ends(), 0)
                self.assertEqual(bool(colour.search(top.raw)), coloured)
                self.assertIn(b"COMMAND", top.raw)

    def test_ascii(self):
        """A locale without UTF-8 gets ASCII."""
        top = self.start("-n", "3", LC_ALL="C")
        self.assertEqual(top.ends(), 0)
        self.assertTrue(top.raw.isascii())

    def test_without_privilege(self):
        """Says which tier is active and what is lost."""
        if os.geteuid() != 0:
            self.skipTest("must be root to become somebody else")
        top = self.start(user=NOBODY, columns=200)
        top.shows(r"^Seen by smaps only, .*(refused; )?.*no page frames .*root sees them")
        top.shows(r"^>")
        top.press(b"q")
        self.assertEqual(top.ends(), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
