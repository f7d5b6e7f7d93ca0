#!/usr/bin/env python3
"""Makes small wrong changes to the engine, one at a time, and checks that the
experiments of litmus/ notice each of them.

  scripts/mutations.py [--only WORD] [--folder DIR]

The sources are copied to a folder of their own, where the engine for arm64 is
built: it is the quickest to build, and what is changed is common to all. A
change that no experiment notices is printed, and the exit code is 1; a change
whose text is not found any more, or that does not compile, is an error (2).
"""
import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent

# What is wrong, in which file, the right text, the wrong one.
MUTATIONS = [
    ("a fault tries the size below the largest", "src/vm/fault_anon.cc",
     "    const Order order = orders.highest();\n    if (const auto head",
     "    const Order order = orders.below(orders.highest()).empty() ? orders.highest() : orders.below(orders.highest()).highest();\n"
     "    if (const auto head"),
    ("a populated page in the block is no obstacle", "src/vm/fault_anon.cc",
     "addr.align_down(order)), order.pages().raw())) {", "addr.align_down(order)), 1)) {"),
    ("any block beside it is as good as a full one", "src/vm/fault_anon.cc",
     "!has_none(mm.tables().pte(pmd, at), order.pages().raw());", "!has_none(mm.tables().pte(pmd, at), 1);"),
    ("a full block of another mapping is a neighbour", "src/vm/fault_anon.cc",
     "return vma.range.covers({at, at + size}) && !has_none", "return !has_none"),
    ("a declined size is not counted", "src/vm/fault_anon.cc",
     "mm.counters().add(MthpStat::anon_fault_declined, order);", ""),
    ("a block may end beyond the mapping", "src/vm/fault_anon.cc",
     "while (!orders.empty() && !vma.block_fits(addr, orders.highest()))", "while (false)"),
    ("the fault's counter is forgotten", "src/vm/fault_anon.cc",
     "if (fresh->order != kOrder0) mm.counters().add(MthpStat::anon_fault_alloc, fresh->order);", ""),
    ("a folio's gauge is not lowered when it is freed", "src/folio/folios.cc",
     "if (f.kind() == FrameKind::kAnon) counters_.add(MthpStat::nr_anon, order, -1);", ""),
    ("fork keeps the exclusive mark", "src/folio/folios.cc",
     "    f->anon_exclusive = 0;\n    f->add_map();", "    f->add_map();"),
    ("a folio loses a page and nobody notes it", "src/folio/folios.cc",
     "    if (f->mapcount == 0) ++last;\n  }\n  folio.nr_pages_mapped -= last;\n  // Pages a PMD",
     "  }\n  folio.nr_pages_mapped -= last;\n  // Pages a PMD"),
    ("losing the last map of all pages counts as partly mapped", "src/folio/folios.cc",
     "if (last != 0 && folio.entire_mapcount == 0 && folio.nr_pages_mapped != 0) {",
     "if (last != 0 && folio.entire_mapcount == 0) {"),
    ("the mark of a partly mapped folio is counted each time", "src/folio/folios.cc",
     "if (why == Why::kPartiallyMapped && !folio.partially_mapped) {", "if (why == Why::kPartiallyMapped) {"),
    ("a folio of which one page is left is reused", "src/vm/wp.cc", "maps > 1 && !folios", "!folios"),
    ("a shared large folio is reused", "src/vm/wp.cc", "!folios.maybe_mapped_shared(head) && ", ""),
    ("a reused page is not marked as exclusive", "src/vm/wp.cc",
     "f.anon_exclusive = 1;  // this page only, also of a large folio", ""),
    ("a small page that others hold is reused", "src/vm/wp.cc",
     "if (mm.folios().refcount(head) != 1) return false;", ""),
    ("fork leaves the parent's pages writable", "src/vm/fork.cc",
     "if (cow) parent.tables().wrprotect_ptes(from, n);", ""),
    ("the PMD that fork shares stays writable", "src/vm/fork.cc",
     "parent.tables().set_pmd(from, Native::write_protect(from));", ""),
    ("mappings that fork leaves out are copied", "src/vm/fork.cc",
     "if (vma.flags.has(VmFlag::kDontCopy)) continue;", ""),
    ("a folio stays locked when a page of it goes", "src/vm/rmap.cc",
     "  if (vma.flags.has(VmFlag::kLocked)) mm.folios().munlock(mm.folios().head_of(page));\n", ""),
    ("what is locked is freed lazily", "src/vm/madvise_free.cc", " || mm.folios().mlocked(head)", ""),
    ("splitting a PMD is not counted", "src/vm/huge_pmd.cc",
     "  mm.counters().add(VmEvent::thp_split_pmd);\n", ""),
    ("the pieces of a PMD forget whose they are", "src/vm/huge_pmd.cc",
     "f.anon_exclusive != 0 ? Exclusive::kYes : Exclusive::kNo;", "Exclusive::kNo;"),
    ("a huge zero page is mapped although it is switched off", "src/vm/huge_pmd.cc",
     "if (kind != AccessKind::kWrite && mm.system().settings.use_zero_page) return map_huge_zero(mm, vma, pmd);",
     "if (kind != AccessKind::kWrite) return map_huge_zero(mm, vma, pmd);"),
    ("mprotect makes pages of others writable", "src/vm/protect.cc",
     "mm.memory().frame(page).anon_exclusive != 0;", "true;"),
    ("a move leaves the old entries", "src/vm/move.cc", "    mm.tables().clear_ptes(from + i, n);\n", ""),
    ("MADV_FREE takes pages that others map", "src/vm/madvise_free.cc",
     "if (folios.mapcount(head) != n) return n;  // others would see it go", ""),
    ("collapse takes one empty page too many", "src/vm/collapse.cc",
     "++tally.none_or_zero <= limits.max_ptes_none", "++tally.none_or_zero <= limits.max_ptes_none + 1"),
    ("khugepaged takes one shared page too many", "src/vm/collapse.cc",
     "++tally.shared > limits.max_ptes_shared", "++tally.shared > limits.max_ptes_shared + 1"),
    ("a split does not free pages of zeroes", "src/split/splitter.cc",
     "if (alone && gives_back", "if (false && alone && gives_back"),
    ("a split counts at the new size", "src/split/splitter.cc",
     "system_.counters.add(MthpStat::split, order);", "system_.counters.add(MthpStat::split, request.to);"),
    ("a size set to madvise serves everybody", "src/policy/fault_orders.cc",
     "if (hints.hugepage) orders = orders | masks.madvise;", "orders = orders | masks.madvise;"),
    ("a size that inherits ignores who was advised", "src/policy/fault_orders.cc",
     "(global == GlobalEnabled::madvise && hints.hugepage)", "global == GlobalEnabled::madvise"),
    ("MADV_COLLAPSE serves a mapping that refuses", "src/policy/fault_orders.cc",
     "if (thp_disabled(facts)) return {};", "if (facts.caller != Caller::forced_collapse && thp_disabled(facts)) return {};"),
]


def copy_sources(folder):
    for name in ("CMakeLists.txt", "CMakePresets.json", "cmake", "profiles", "src", "include"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name)
        else:
            shutil.copy(source, folder / name)


    # A wrong change may well leave something unused.
    lists = folder / "CMakeLists.txt"
    lists.write_text(lists.read_text().replace(" -Werror)", ")"))


def build(folder):
    return subprocess.run(["cmake", "--build", folder / "build", "--target", "quire-arm64"],
                          capture_output=True, text=True)


def noticed_by(folder):
    """The experiments that do not hold, or that the engine did not survive."""
    names = []
    for file in sorted((ROOT / "litmus").rglob("*.litmus")):
        if "\narch arm64-" in file.read_text():  # other page sizes have engines of their own
            continue
        done = subprocess.run([folder / "build" / "quire-arm64", file], capture_output=True, text=True, timeout=60)
        if done.returncode != 0 or json.loads(done.stdout)["verdict"] == "FAILS":
            names.append(file.stem)
    return names


def try_one(folder, mutation):
    what, name, right, wrong = mutation
    path = folder / name
    text = path.read_text()
    if text.count(right) != 1:
        sys.exit(f"mutations: {name}: \"{right}\" is there {text.count(right)} times, expected once: {what}")
    path.write_text(text.replace(right, wrong))
    try:
        built = build(folder)
        if built.returncode != 0:
            sys.exit(f"mutations: {what}: does not compile\n{built.stdout[-2000:]}")
        return noticed_by(folder)
    finally:
        path.write_text(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="WORD", default="", help="only changes whose description has this word")
    parser.add_argument("--folder", metavar="DIR", help="build here, and keep it (default: a temporary folder)")
    args = parser.parse_args()
    chosen = [m for m in MUTATIONS if args.only in m[0]]
    if not chosen:
        sys.exit(f"mutations: no change has the word {args.only!r}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(args.folder or temporary)
        folder.mkdir(exist_ok=True)
        if not (folder / "src").exists():
            copy_sources(folder)
        subprocess.run(["cmake", "-G", "Ninja", "-S", folder, "-B", folder / "build", "-DCMAKE_BUILD_TYPE=RelWithDebInfo",
                        "-DQUIRE_TESTS=OFF", "-DQUIRE_BENCH=OFF", "--log-level=WARNING"],
                       check=True, stdout=subprocess.DEVNULL)
        built = build(folder)
        if built.returncode != 0 or noticed_by(folder):
            sys.exit(f"mutations: the engine as it is does not pass\n{built.stdout[-2000:]}")
        missed = 0
        for mutation in chosen:
            names = try_one(folder, mutation)
            missed += not names
            shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
            print(f"{'caught' if names else 'MISSED'}  {mutation[0]}" + (f": {shown}" if names else ""), flush=True)
        print(f"{len(chosen) - missed} of {len(chosen)} changes are noticed")
        return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
