#!/usr/bin/env python3
"""Makes the man pages from what there is: docs/reference/*.md and the verbs themselves.

    quire help --json > verbs.json; scripts/man_pages.py verbs.json OUT

A page of docs/reference that begins with <!-- man: quire-profile(5) - what it is --> is that
man page. A verb's page is its section of command-line.md, its options as `quire help --json`
tells them (in the words of the section's tables where it has some), and its examples.
pandoc reads the Markdown and writes the pages; in between they are pandoc's document tree.
"""
import concurrent.futures
import datetime
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs/reference"
SPEC = re.compile(r"<!-- man: (\S+)\((\d)\) - (.+?) -->")
TABLE_WIDTH = 66  # columns that a table may have
BETWEEN = 3  # columns between two of a table


def pandoc(text, *words):
    return subprocess.run(["pandoc", *words], input=text, capture_output=True, text=True, check=True).stdout


def text(*words):
    """Inlines of plain text."""
    return [{"t": "Str", "c": " ".join(words)}]


def strong(words):
    return {"t": "Strong", "c": text(words)}


def emph(words):
    return {"t": "Emph", "c": text(words)}


def para(*inlines):
    return {"t": "Para", "c": list(inlines)}


def heading(words, level=1):
    return {"t": "Header", "c": [level, ["", [], []], text(words)]}


def code_block(lines):
    return {"t": "CodeBlock", "c": [["", [], []], "\n".join(lines)]}


def definitions(pairs):
    """Pairs of (inlines, blocks)."""
    return {"t": "DefinitionList", "c": [[term, [blocks]] for term, blocks in pairs]}


def walk(node, change):
    """The tree with every element replaced by what `change` makes of it."""
    if isinstance(node, list):
        return [walk(n, change) for n in node]
    if isinstance(node, dict):
        return change({k: walk(v, change) for k, v in node.items()})
    return node


def plain(node):
    """The words of inlines or blocks."""
    words = []

    def collect(n):
        if n.get("t") in ("Str", "Code"):
            words.append(n["c"] if n["t"] == "Str" else n["c"][1])
        elif n.get("t") in ("Space", "SoftBreak"):
            words.append(" ")
        return n
    walk(node, collect)
    return "".join(words)


def rows(table):
    """(heading, rows) of a table: a list of blocks each cell."""
    _, _, _, (_, head), bodies, _ = table["c"]
    cells = [[cell[4] for cell in row[1]] for row in head]
    body = [[cell[4] for cell in row[1]] for part in bodies for row in part[3]]
    return (cells[0] if cells else []), body


class Docs:
    """The Markdown pages, and where each is found as a man page."""

    def __init__(self, verbs):
        self.verbs = verbs
        self.pages = {}  # file name -> (name, section, summary)
        self.trees = {}
        for path in sorted(DOCS.glob("*.md")):
            words = path.read_text()
            if spec := SPEC.match(words):
                self.pages[path.name] = spec.groups()
            self.trees[path.name] = json.loads(pandoc(words, "-f", "gfm", "-t", "json"))["blocks"]
        self.anchors = {b["c"][1][0] for b in self.trees["command-line.md"] if b["t"] == "Header"}

    def place(self, target):
        """The man page that a link leads to, as (name, section), or None."""
        file, _, anchor = target.partition("#")
        if file == "command-line.md" or not file and anchor in self.anchors:
            return (f"quire-{anchor}", "1") if anchor in self.verbs else ("quire", "1")
        if file == "exit-codes.md":
            return "quire", "1"
        return self.pages[file][:2] if file in self.pages else None

    def for_man(self, blocks):
        """Links become page names, tables what a terminal can show."""
        def change(node):
            if node.get("t") == "Link":
                _, inlines, (target, _) = node["c"]
                if target.startswith("http"):
                    return node
                to = self.place(target)
                if to is None:
                    return {"t": "Span", "c": [["", [], []], inlines]}
                reference = [strong(to[0]), *text(f"({to[1]})")]
                if plain(inlines).endswith(".md") or plain(inlines).replace("quire ", "quire-") == to[0]:
                    return {"t": "Span", "c": [["", [], []], reference]}
                return {"t": "Span", "c": [["", [], []], [*inlines, *text(" ("), *reference, *text(")")]]}
            if node.get("t") == "Table":
                return terminal_table(node)
            return strong(node["c"][1]) if node.get("t") == "Code" else node
        return [b for b in walk(blocks, change) if b["t"] != "RawBlock"]

    def body(self, name):
        """A whole page but its title."""
        return self.for_man([b for b in self.trees[name] if not (b["t"] == "Header" and b["c"][0] == 1)])

    def section(self, file, anchor):
        """What stands below a heading of level 2, up to the next."""
        inside, found = False, []
        for block in self.trees[file]:
            if block["t"] == "Header" and block["c"][0] <= 2:
                inside = block["c"][1][0] == anchor
            elif inside:
                found.append(block)
        return found

    def preface(self, file):
        """What stands before the first heading of level 2."""
        found = []
        for block in self.trees[file]:
            if block["t"] == "Header" and block["c"][0] == 2:
                break
            found.append(block)
        return found[1:]


def terminal_table(table):
    """Two columns are terms and what they mean; so are more that would not fit."""
    head, body = rows(table)
    if len(head) == 2:
        return definitions([(inlines_of(row[0]) or text("-"), row[1] or [para()]) for row in body])
    widths = [max(len(plain(row[i])) for row in [head, *body]) + BETWEEN for i in range(len(head))]
    if sum(widths) <= TABLE_WIDTH:
        return table
    return definitions([(inlines_of(row[0]) or text("-"), [told(head[1:], row[1:])]) for row in body])


def told(head, cells):
    """Cells, each behind the heading of its column."""
    inlines = []
    for title, cell in zip(head, cells):
        if cell:
            inlines += [*text("; " if inlines else ""), *inlines_of(title), *text(": "), *inlines_of(cell)]
    return para(*inlines)


def inlines_of(blocks):
    return [inline for block in blocks for inline in block["c"]]


def is_option_table(block):
    return block["t"] == "Table" and plain(rows(block)[0][0]).strip() == "option"


def option_texts(blocks):
    """What tables of options say: a list of (option names, blocks)."""
    found = []
    for block in filter(is_option_table, blocks):
        for row in rows(block)[1]:
            names = re.findall(r"(?<![\w-])--?[a-z][a-z-]*", plain(row[0]))
            if names:
                found.append((names, row[-1]))
    return found


def option_term(option):
    inlines = []
    for name in option["names"]:
        inlines += [*text(", "), strong(name)] if inlines else [strong(name)]
    if option["value"]:
        inlines += [*text(" "), emph(option["value"])]
    return inlines


def options(verb, own, common):
    """The verb's options, each as its section tells it, else as help does. Those that one row
    tells together stay together."""
    pairs, last = [], None
    for option in verb["options"]:
        told = next((row for row in [*own, *common] if set(row[0]) & set(option["names"])), None)
        if told is not None and told is last:
            pairs[-1][0].extend([*text(", "), *option_term(option)])
            continue
        last = told
        blocks = told[1] if told else [para(*text(option["help"]))]
        pairs.append((option_term(option), blocks))
    known = {name for option in verb["options"] for name in option["names"]}
    for names, _ in own:
        for name in names:
            if name not in known and len(name) > 2:
                raise SystemExit(f"command-line.md: quire {verb['verb']} has no option {name}")
    return definitions(pairs)


def synopsis(verb):
    lines = []
    for line in verb["synopsis"].split("\n"):
        inlines = [strong(f"quire {verb['verb']}")]
        for word in re.findall(r"[A-Z]{2,}|[^A-Z]+|[A-Z]", " " + line if line else ""):
            inlines.append(emph(word) if re.fullmatch("[A-Z]+", word) else text(word)[0])
        lines.append(para(*inlines))
    return lines


def see_also(pages, own):
    inlines = []
    for name, section in sorted(set(pages) - {own}, key=lambda p: (p[1], p[0])):
        inlines += [*(text(", ") if inlines else []), strong(name), *text(f"({section})")]
    return [heading("SEE ALSO"), para(*inlines)]


def linked(docs, blocks):
    """The pages that the Markdown links to."""
    found = []

    def collect(node):
        if node.get("t") == "Link" and (to := docs.place(node["c"][2][0])):
            found.append(to)
        return node
    walk(blocks, collect)
    return found


def part_of(section, verb):
    """Of a section about several verbs what stands behind the command line of one."""
    inside, found = False, []
    for block in section:
        if block["t"] == "CodeBlock":
            inside = block["c"][1].startswith(f"quire {verb} ")
        elif inside:
            found.append(block)
    return found


class Pages:
    """All pages as trees: (name, section) -> blocks."""

    def __init__(self, described):
        self.verbs = described["verbs"]
        self.top = [v for v in self.verbs if " " not in v["verb"]]
        self.docs = Docs({v["verb"] for v in self.top})
        self.common = option_texts(self.docs.preface("command-line.md"))
        self.about = described["about"][0].lower() + described["about"][1:].rstrip(".")
        self.examples = described["examples"]
        self.made = {}  # another name of a page is the name of that page
        for verb in self.top:
            self.add_verb(verb)
        for file, spec in self.docs.pages.items():
            self.add_page(file, *spec)
        self.add_program()

    def start(self, name, summary):
        return [heading("NAME"), para(*text(f"{name} - {summary}"))]

    def add_verb(self, verb):
        name = "quire-" + verb["verb"]
        parts = [v for v in self.verbs if v["verb"].startswith(verb["verb"] + " ")] or [verb]
        section = self.docs.section("command-line.md", verb["verb"])
        if not section:
            raise SystemExit(f"command-line.md: no section about {verb['verb']}")
        blocks = [*self.start(name, verb["summary"]), heading("SYNOPSIS")]
        for part in parts:
            blocks += synopsis(part)
        blocks += [heading("DESCRIPTION"), *self.description(section)]
        blocks += [heading("OPTIONS")]
        for part in parts:
            if part is not verb:
                blocks.append(heading(part["verb"], 2))
                self.made["quire-" + part["verb"].replace(" ", "-"), "1"] = name
            own = option_texts(section if part is verb else part_of(section, part["verb"]))
            blocks += self.docs.for_man([options(part, own, self.common)])
        blocks += [heading("EXAMPLES"), code_block(verb["examples"])]
        blocks += [heading("EXIT STATUS"), *self.exit_status()]
        blocks += see_also([("quire", "1"), *linked(self.docs, section)], (name, "1"))
        self.made[name, "1"] = blocks

    def description(self, section):
        """Without the lines that SYNOPSIS and OPTIONS have."""
        def repeated(block):
            return is_option_table(block) or (block["t"] == "CodeBlock" and block["c"][1].startswith("quire "))
        return self.docs.for_man([b for b in section if not repeated(b)])

    def exit_status(self):
        table = next(b for b in self.docs.trees["exit-codes.md"] if b["t"] == "Table")
        return self.docs.for_man([table])

    def add_page(self, file, name, section, summary):
        blocks = [*self.start(name, summary), heading("DESCRIPTION"), *self.docs.body(file)]
        blocks += see_also([("quire", "1"), *linked(self.docs, self.docs.trees[file])], (name, section))
        self.made[name, section] = blocks

    def add_program(self):
        preface = [b for b in self.docs.preface("command-line.md")
                   if not (b["t"] == "CodeBlock" or b["t"] == "Table" and plain(rows(b)[0][0]).strip() == "verb")]
        blocks = [*self.start("quire", self.about),
                  heading("SYNOPSIS"), para(strong("quire"), *text(" "), emph("VERB"), *text(" [options]")),
                  heading("DESCRIPTION"), *self.docs.for_man(preface), heading("VERBS"),
                  definitions([([strong(f"quire-{v['verb']}"), *text("(1)")], [para(*text(v["summary"]))])
                               for v in self.top]),
                  heading("COLOUR"), *self.docs.for_man(self.docs.section("command-line.md", "colour")),
                  heading("EXAMPLES"), code_block(self.examples),
                  heading("EXIT STATUS"), *self.docs.body("exit-codes.md")]
        self.made["quire", "1"] = blocks + see_also([p for p, b in self.made.items() if not isinstance(b, str)],
                                                    ("quire", "1"))


def date():
    """Of the sources, as packagers say it, so that a page depends on nothing else."""
    if epoch := os.environ.get("SOURCE_DATE_EPOCH"):
        return datetime.datetime.fromtimestamp(int(epoch), datetime.timezone.utc).date().isoformat()
    log = subprocess.run(["git", "-C", ROOT, "log", "-1", "--format=%cs"], capture_output=True, text=True)
    return log.stdout.strip() or datetime.date.today().isoformat()


def roff(name, section, blocks, version, day):
    def meta(value):
        return {"t": "MetaInlines", "c": text(value)}
    tree = {"pandoc-api-version": [1, 22, 2, 1], "blocks": blocks,
            "meta": {"title": meta(name.upper()), "section": meta(section), "date": meta(day),
                     "footer": meta(f"Quire {version}"), "header": meta("Quire")}}
    page = pandoc(json.dumps(tree), "-s", "-f", "json", "-t", "man")
    # Blocks of code are set apart already, terminals have no other font for them; and a heading
    # begins a paragraph.
    page = re.sub(r"^(\.nf\n)\\f\[C\]|\\f\[R\](\n\.fi)$", r"\1\2", page, flags=re.M)
    return re.sub(r"^(\.S[HS] .*\n)\.PP\n", r"\1", page, flags=re.M)


def write(path, blocks, version, day):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    if isinstance(blocks, str):
        path.symlink_to(blocks + path.suffix)
    else:
        path.write_text(roff(path.stem, path.suffix[1:], blocks, version, day))


def main(verbs, out):
    described = json.loads(pathlib.Path(verbs).read_text())
    version, day, out = described["tool_version"], date(), pathlib.Path(out)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        done = [pool.submit(write, out / f"man{section}" / f"{name}.{section}", blocks, version, day)
                for (name, section), blocks in Pages(described).made.items()]
        for page in done:
            page.result()


if __name__ == "__main__":
    main(*sys.argv[1:])
