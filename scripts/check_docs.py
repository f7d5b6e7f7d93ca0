#!/usr/bin/env python3
"""Checks the documents against the tree: links lead somewhere, every page is
linked to, every counter and every option of the program is explained in
docs/reference/, and no tracked file names a path or a package host of somebody's machine.

    scripts/check_docs.py [ROOT]
"""
import pathlib
import re
import subprocess
import sys

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^(```|~~~).*?^\1", re.M | re.S)
HEADING = re.compile(r"^#+\s+(.*?)\s*$", re.M)
ENUM = re.compile(r"enum class \w+[^{;]*\{(.*?)\}", re.S)
COMMENT = re.compile(r"//[^\n]*")
# A string that is an option and nothing else; examples mention other programs' options too.
OPTION = re.compile(r'"(?:-\w,)?(--[a-z][a-z0-9-]+)"')
COUNTER_ROW = re.compile(r"^\|\s*`([a-z0-9_]+)`", re.M)
# Written in parts, so that this file does not name what it looks for.
MACHINE = re.compile(r"(?<![\w.])/(?:" + "|".join(["wo" "rk", "ro" "ot", "ho" "me"]) + r")/|\.\./sha" r"red/")
HOST = re.compile(r"https?://[\w.@:-]*(?:regis" r"try|py" r"pi|npm" r"js|crates\.i" r"o|deb\.deb" r"ian|local" r"host)")


def files_of(root):
    """Tracked files and new ones not ignored; all files where git cannot say."""
    listing = subprocess.run(["git", "-C", root, "ls-files", "-co", "--exclude-standard", "-z"],
                             capture_output=True, check=False)
    if listing.returncode == 0:
        names = [root / n for n in listing.stdout.decode().split("\0") if n]
    else:
        names = [p for p in root.rglob("*") if not p.relative_to(root).parts[0].startswith((".git", "build"))]
    return sorted(p for p in names if p.is_file())


def text_of(path):
    """The text of a file; nothing for a binary one."""
    data = path.read_bytes()
    return "" if b"\0" in data else data.decode(errors="replace")


def anchors(text):
    """The anchors of a document's headings, as code hosts make them."""
    plain = (re.sub(r"[^\w\- ]", "", h.replace("`", "").lower()) for h in HEADING.findall(FENCE.sub("", text)))
    return {h.replace(" ", "-") for h in plain}


def links(files):
    """(page, target as written, file it leads to, anchor) of every link to a file of ours."""
    for path in (p for p in files if p.suffix == ".md"):
        for target in LINK.findall(FENCE.sub("", text_of(path))):
            if not re.match(r"[a-z]+:", target):
                name, _, anchor = target.partition("#")
                yield path, target, (path.parent / name).resolve() if name else path, anchor


def broken_links(root, files):
    for path, target, to, anchor in links(files):
        if not to.exists():
            yield f"{path.relative_to(root)}: link to {target}, which does not exist"
        elif anchor and to.suffix == ".md" and anchor not in anchors(text_of(to)):
            yield f"{path.relative_to(root)}: link to {target}, but {to.name} has no such heading"


def unreachable(root, files):
    """Pages of docs/ that no other page links to: nobody will find them."""
    reached = {to for path, _, to, _ in links(files) if to != path}
    for page in files:
        if page.suffix == ".md" and root / "docs" in page.parents and page not in reached:
            yield f"{page.relative_to(root)}: no page links to it; name it in its folder's README.md"


def counters(root):
    for header in sorted((root / "src/stats").glob("*.h")):
        for body in ENUM.findall(COMMENT.sub("", header.read_text())):
            yield from (n for n in re.findall(r"\b[a-z][a-z0-9_]*\b", body))


def options(root):
    """Every --option the command line's sources define or compare with."""
    for source in sorted((root / "src/cli").glob("*.cc")):
        if source.stem.endswith("_test"):
            continue
        yield from OPTION.findall(COMMENT.sub("", source.read_text()))


def unexplained(root):
    reference = "\n".join(p.read_text() for p in sorted((root / "docs/reference").rglob("*.md")))
    known = set(counters(root))
    for name in sorted(known):
        if f"`{name}`" not in reference:
            yield f"docs/reference/: counter `{name}` is not explained"
    page = root / "docs/reference/counters.md"
    for name in COUNTER_ROW.findall(page.read_text()) if page.exists() else []:
        if name not in known:
            yield f"docs/reference/counters.md: `{name}` is no counter of src/stats"
    for option in sorted(set(options(root))):
        if not re.search(re.escape(option) + r"(?![\w-])", reference):
            yield f"docs/reference/: option {option} is not explained"


def machine_names(root, files):
    for path in files:
        for number, line in enumerate(text_of(path).splitlines(), 1):
            for found in (MACHINE.search(line), HOST.search(line)):
                if found:
                    yield f"{path.relative_to(root)}:{number}: names {found.group()}, a place of one machine"


def main(root):
    files = files_of(root)
    broken = [*broken_links(root, files), *unreachable(root, files), *unexplained(root), *machine_names(root, files)]
    for line in broken:
        print(line)
    print(f"{len(files)} files, {len(set(counters(root)))} counters, {len(set(options(root)))} options checked, "
          f"{len(broken)} broken")
    return 1 if broken or not files else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()))
