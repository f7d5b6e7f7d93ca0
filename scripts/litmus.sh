#!/bin/sh
# The long comparison of Quire with this kernel: every file of litmus/ on both
# sides, then random experiments of several seeds, then random ones with swap, a fresh
# zram each. Needs root and Linux 6.18.
#
#   LITMUS_SEEDS      seeds (default: 1 2 3 4 5)
#   LITMUS_RUNS       experiments of each seed (default: 2000)
#   LITMUS_SWAP_SEED  seed of those with swap (default: 1)
#   LITMUS_SWAP_RUNS  how many of them (default: 10000; 0: none)
#   LITMUS_FOUND      folder for what they disagree about (default: litmus-found)
set -u
cd "$(dirname "$0")/.." || exit 1
seeds=${LITMUS_SEEDS:-1 2 3 4 5}
runs=${LITMUS_RUNS:-2000}
swap_seed=${LITMUS_SWAP_SEED:-1}
swap_runs=${LITMUS_SWAP_RUNS:-10000}
swap_chunk=1000 # of one call: what it found is told when it ends
found=${LITMUS_FOUND:-litmus-found}
mkdir -p "$found"
status=0

echo "every file on both sides"
report=$(build/quire litmus run --on both litmus/*.litmus)
[ $? -ne 3 ] || status=3 # 4: a policy that no kernel has
printf '%s\n' "$report" | grep -v '^holds'
for seed in $seeds; do
  build/quire litmus fuzz --seed "$seed" --runs "$runs" --folder "$found" || status=$?
done
first=0
while [ "$first" -lt "$swap_runs" ]; do
  runs=$((swap_runs - first < swap_chunk ? swap_runs - first : swap_chunk))
  build/quire litmus fuzz --swap --seed "$swap_seed" --first "$first" --runs "$runs" --folder "$found" || status=$?
  first=$((first + runs))
done
if [ "$status" -eq 0 ]; then rmdir "$found" 2>/dev/null; fi
exit "$status"
