#!/bin/sh
# Builds the named presets and runs their tests as one suite with one summary.
#
#   scripts/test.sh release asan-manager
set -eu
cd "$(dirname "$0")/.."
jobs=${JOBS:-$(nproc)}

suite=build-suite
mkdir -p "$suite"
: >"$suite/CTestTestfile.cmake"
results=
runner=

for preset in "$@"; do
  case $preset in
    release) dir=build ;;
    *) dir=build-$preset ;;
  esac
  # ThreadSanitizer needs the classic address layout.
  [ "$preset" != tsan ] || runner="setarch -R"
  echo "== build $preset"
  cmake --preset "$preset" --log-level=WARNING >/dev/null
  cmake --build --preset "$preset" -j "$jobs"
  echo "subdirs(\"$PWD/$dir\")" >>"$suite/CTestTestfile.cmake"
  rm -rf "$dir/test-results"
  results="$results $dir/test-results"
done

status=0
# shellcheck disable=SC2086
$runner ctest --test-dir "$suite" -j "$jobs" --output-on-failure --no-tests=error || status=$?
# shellcheck disable=SC2086
scripts/skipped_checks.py $results
exit "$status"
