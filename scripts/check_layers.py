#!/usr/bin/env python3
"""Checks that no folder of src/ includes a folder below it in src/LAYERS."""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
layers = [line.strip() for line in (root / "src/LAYERS").read_text().splitlines()
          if line.strip() and not line.startswith("#")]
rank = {name: i for i, name in enumerate(layers)}
include = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)
broken = []
files = 0

for folder in sorted(p.name for p in (root / "src").iterdir() if p.is_dir()):
    if folder not in rank and any((root / "src" / folder).iterdir()):
        broken.append(f"src/{folder}: not in src/LAYERS; add it at its place")

for path in sorted((root / "src").rglob("*")):
    if path.suffix not in {".h", ".cc", ".c"}:
        continue
    files += 1
    own = path.relative_to(root / "src").parts[0]
    for target in include.findall(path.read_text(errors="replace")):
        other = target.split("/")[0]
        if other in rank and own in rank and rank[other] > rank[own]:
            broken.append(f"{path.relative_to(root)}: includes {target}, but {own} lies below {other}")

for path in sorted((root / "include").rglob("*.h")):
    files += 1
    for target in include.findall(path.read_text()):
        if not target.startswith("quire/"):
            broken.append(f"{path.relative_to(root)}: a public header includes {target}; only quire/ may be")

for line in broken:
    print(line)
print(f"{files} files checked against {len(layers)} layers, {len(broken)} broken")
sys.exit(1 if broken or files == 0 else 0)
