#!/usr/bin/env python3
"""The page of `quire report` in a real browser: drawn, quiet, closed to the network, deaf to hostile names.

    report_browser_test.py QUIRE RECORDING FOLDER     FOLDER keeps the pages and pictures
"""
import copy
import json
import pathlib
import subprocess
import sys
import unittest

from webdriver import Browser

PROGRAM = RECORDING = FOLDER = None  # of the command line
HOSTILE = "</script><script>window.hit=1</script>\"><img src=x onerror=\"window.hit=2\">{{data}}"


def quire(*words):
    return subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, timeout=240, check=True).stdout


def everywhere(value, name):
    """The answer with this in place of all its texts that a recording can choose."""
    if isinstance(value, list):
        return [everywhere(one, name) for one in value]
    if not isinstance(value, dict):
        return value
    chosen = {"process", "name", "path", "comm", "cwd"}
    return {key: name if key in chosen and isinstance(one, str) else [name] if key in {"argv", "notes", "doubts"} else everywhere(one, name)
            for key, one in value.items()}


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.page = FOLDER / "report.html"
        quire("report", RECORDING, "-o", cls.page)
        cls.browser = cls.enterClassContext(Browser())
        cls.browser.log("performance")

    def setUp(self):
        self.browser.colours("light")
        self.browser.open(self.page)
        self.browser.run("return document.fonts.ready.then(() => true)")

    def tearDown(self):
        """No page may complain, and none may ask for anything but itself."""
        said = [entry["message"] for entry in self.browser.log("browser")]
        self.assertEqual(said, [])
        self.assertEqual([u for u in self.requests() if not u.startswith(("file://", "data:", "chrome:", "about:"))], [])

    def requests(self):
        events = [json.loads(entry["message"])["message"] for entry in self.browser.log("performance")]
        return [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]

    def blank_pictures(self):
        return self.browser.run("""
            return [...document.querySelectorAll('[data-picture]')].filter((holder) => {
              const canvases = [...holder.querySelectorAll('canvas')];
              return canvases.length === 0 || canvases.some((c) => {
                const pixels = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
                const seen = new Set();
                for (let i = 0; i < pixels.length; i += 4) seen.add(`${pixels[i]},${pixels[i + 1]},${pixels[i + 2]},${pixels[i + 3]}`);
                return seen.size < 4;
              });
            }).map((holder) => holder.dataset.picture);""")

    def test_everything_is_drawn(self):
        names = self.browser.run("return [...document.querySelectorAll('[data-picture]')].map((h) => h.dataset.picture)")
        self.assertEqual(names, ["cost-0", "faults-0", "pareto-0", "memory-0", "map-0", "folios-0"])
        self.assertEqual(self.blank_pictures(), [])

    def test_twelve_points_stand_in_order(self):
        titles = self.browser.run("return [...document.querySelectorAll('section h2')].map((h) => h.textContent)")
        self.assertEqual([t.split(".")[0] for t in titles if t[0].isdigit()], [str(n) for n in range(1, 13)])

    def test_verdict_is_on_the_first_screen(self):
        bottom = self.browser.run("return document.querySelector('.verdict .sentence').getBoundingClientRect().bottom")
        self.assertLess(bottom, 200)

    def test_by_day_and_by_night(self):
        """Both legible: text and paper of either differ by far, and the other way round."""
        lightness = {}
        for scheme in ("light", "dark"):
            self.browser.colours(scheme)
            self.browser.open(self.page)
            self.assertEqual(self.blank_pictures(), [])
            lightness[scheme] = self.browser.run("""
                const grey = (c) => c.match(/\\d+/g).slice(0, 3).reduce((sum, v) => sum + Number(v), 0) / 3;
                const style = getComputedStyle(document.body);
                return [grey(style.backgroundColor), grey(style.color)];""")
            self.browser.picture(FOLDER / f"report-{scheme}.png")
        self.assertGreater(lightness["light"][0] - lightness["light"][1], 150)
        self.assertGreater(lightness["dark"][1] - lightness["dark"][0], 150)

    def test_paper_is_white_by_night_too(self):
        self.browser.colours("dark")
        self.browser.open(self.page)
        self.browser.run("""
            window.printed = null;
            window.addEventListener('beforeprint', () => { window.printed = getComputedStyle(document.documentElement).getPropertyValue('--paper').trim(); });""")
        self.browser.pdf(FOLDER / "report.pdf")
        self.assertEqual(self.browser.run("return window.printed"), "#ffffff")
        self.assertTrue((FOLDER / "report.pdf").read_bytes().startswith(b"%PDF"))
        self.assertFalse(self.browser.run("return document.documentElement.classList.contains('on-paper')"))

    def hover(self):
        """Points at what the folio map says is resident, and reads what it tells."""
        place = self.browser.run("""
            const canvas = document.querySelector('.folio-map canvas');
            canvas.scrollIntoView({ block: 'center' });
            const box = canvas.getBoundingClientRect();
            return [box.left, box.top, box.width, box.height];""")
        for down in range(2, 98, 3):
            for across in (0.5, 0.75, 0.25):
                self.browser.point_at(place[0] + place[2] * across, place[1] + place[3] * down / 100)
                told = self.browser.run("return document.querySelector('.folio-map .readout').textContent")
                if "why no larger" in told:
                    return told
        return told

    def test_hovering_tells_mapping_and_reason(self):
        told = self.hover()
        self.assertRegex(told, r"\[(heap|stack|anon)\] of python3 · 0x[0-9a-f]+ · event [0-9,]+")
        self.assertRegex(told, r"folios of \d+ [KM]iB")
        self.assertRegex(told, r"why no larger: \w+")

    def test_keys_read_the_map(self):
        self.browser.run("document.querySelector('.folio-map canvas').focus()")
        self.browser.press("\ue014", "\ue015")  # right, down
        self.assertIn("event", self.browser.run("return document.querySelector('.folio-map .readout').textContent"))

    def test_even_a_script_inside_reaches_nobody(self):
        """The page's own policy forbids what an escape that was forgotten would allow."""
        self.browser.run("""
            document.body.append(Object.assign(new Image(), { src: 'https://example.invalid/x.png' }));
            document.body.append(Object.assign(document.createElement('script'), { textContent: 'window.hit = 3' }));
            fetch('https://example.invalid/').catch(() => { window.refused = true; });""")
        self.browser.wait_for("return window.refused")
        self.assertIsNone(self.browser.run("return window.hit ?? null"))
        said = [entry["message"] for entry in self.browser.log("browser")]
        self.assertEqual([m for m in said if "Content Security Policy" not in m], [])
        self.assertGreaterEqual(len(said), 3)
        self.browser.log("performance")  # blocked ones are listed too

    def test_another_policy_can_be_chosen(self):
        self.browser.run("document.querySelectorAll('.choices button')[2].click()")
        pressed = self.browser.run("return [...document.querySelectorAll('.choices button')].map((b) => b.getAttribute('aria-pressed'))")
        self.assertEqual([i for i, p in enumerate(pressed) if p == "true"], [2])
        self.assertEqual(self.blank_pictures(), [])

    def test_numbers_name_their_place(self):
        titles = self.browser.run("return [...document.querySelectorAll('td.n[title]')].map((c) => c.title)")
        self.assertGreater(len(titles), 200)
        self.assertEqual([t for t in titles if not t[:3] in ("A /", "B /")], [])

    def hostile_page(self):
        replay = json.loads(quire("replay", RECORDING, "--json", "--timeline", "20", "--by-mapping", "--policy", "64K"))
        answer = everywhere(copy.deepcopy(replay), HOSTILE)
        answer["policies"][0]["policy"] = HOSTILE
        answer["policies"][0]["timeline"]["folio_map"]["reasons"] = [HOSTILE] * 32
        run, page = FOLDER / "hostile.json", FOLDER / "hostile.html"
        run.write_text(json.dumps(answer))
        quire("report", run, "-o", page)
        return page

    def test_hostile_names_do_nothing(self):
        self.browser.open(self.hostile_page())
        told = self.hover()
        self.assertIn("<img src=x onerror=", told)  # as text
        self.assertIsNone(self.browser.run("return window.hit ?? null"))
        self.assertEqual(self.browser.run("return [document.images.length, document.scripts.length]"), [0, 3])
        self.assertEqual(self.blank_pictures(), [])


if __name__ == "__main__":
    PROGRAM, RECORDING, FOLDER = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    FOLDER.mkdir(parents=True, exist_ok=True)
    unittest.main(argv=sys.argv[:1], verbosity=2)
