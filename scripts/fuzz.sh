#!/bin/sh
# Builds the libFuzzer targets with clang-19 and runs each for FUZZ_SECONDS.
# New inputs collect in build-fuzz/corpus/; what crashed is kept beside them
# and belongs into tests/corpus/ together with its fix.
set -eu
cd "$(dirname "$0")/.."
cmake --preset fuzz --log-level=WARNING >/dev/null
targets=$(ninja -C build-fuzz -t targets all | sed -n 's/^\(fuzz_[a-z0-9_]*\): .*/\1/p' | sort -u)
[ -n "$targets" ] || { echo "fuzz: no *_fuzz.cc in src/" >&2; exit 1; }
# shellcheck disable=SC2086
cmake --build --preset fuzz -j "${JOBS:-$(nproc)}" --target $targets

for target in $targets; do
  name=${target#fuzz_}
  found=build-fuzz/corpus/$name
  mkdir -p "$found"
  set -- "$found"
  [ ! -d "tests/corpus/$name" ] || set -- "$found" "tests/corpus/$name"
  echo "== $target"
  "build-fuzz/$target" -max_total_time="${FUZZ_SECONDS:-60}" -timeout=10 -rss_limit_mb=2048 \
    -print_final_stats=1 -artifact_prefix="$found/crash-" "$@" 2>"build-fuzz/$target.log" || {
    tail -n 40 "build-fuzz/$target.log" >&2
    echo "fuzz: $target failed; the input is under $found/" >&2
    exit 1
  }
  grep -E 'stat::(number_of_executed_units|new_units_added)|DONE' "build-fuzz/$target.log" | tail -n 3
done
