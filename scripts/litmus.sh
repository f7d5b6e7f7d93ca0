#!/bin/sh
# The long comparison of Quire with this kernel: every file of litmus/ on both
# sides, then random experiments of several seeds. Needs root and Linux 6.18.
#
#   LITMUS_SEEDS   seeds (default: 1 2 3 4 5)
#   LITMUS_RUNS    experiments of each seed (default: 2000)
#   LITMUS_FOUND   folder for what they disagree about (default: litmus-found)
set -u
cd "$(dirname "$0")/.." || exit 1
seeds=${LITMUS_SEEDS:-1 2 3 4 5}
runs=${LITMUS_RUNS:-2000}
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
if [ "$status" -eq 0 ]; then rmdir "$found" 2>/dev/null; fi
exit "$status"
