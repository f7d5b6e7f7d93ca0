#!/bin/sh
# Installs the Debian packages Quire needs and this machine lacks.
#
#   scripts/setup.sh [LIST...]      default: scripts/packages.txt
#
# Asks only the local package database when nothing is missing, so every make
# target can call it. QUIRE_SKIP_SETUP=1 leaves the machine alone.
set -eu

[ "${QUIRE_SKIP_SETUP:-0}" = 1 ] && exit 0
here=$(dirname "$0")
[ $# -gt 0 ] || set -- "$here/packages.txt"

die() {
  echo "setup: $*" >&2
  exit 1
}

command -v dpkg-query >/dev/null 2>&1 ||
  die "this is no Debian; install what $* names and set QUIRE_SKIP_SETUP=1"

wanted=$(sed 's/#.*//' "$@" | tr -s ' \t\n' '\n' | sort -u)
# dpkg-query fails when it knows nothing of one name; its list is what counts.
# shellcheck disable=SC2016,SC2086
installed=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' $wanted 2>/dev/null | sed -n 's/^ii *//p' || true)

missing=
for name in $wanted; do
  case "
$installed
" in
    *"
$name
"*) ;;
    *) missing="$missing $name" ;;
  esac
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
  as_root=
elif command -v sudo >/dev/null 2>&1; then
  as_root=sudo
else
  die "packages are missing; run as root: apt-get install -y$missing"
fi

echo "setup: installing$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() {
  # shellcheck disable=SC2086
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@" >"$log" 2>&1 || {
    tail -n 15 "$log" >&2
    die "apt-get $1 failed; run by hand: $as_root apt-get install -y$missing"
  }
}
apt update
# shellcheck disable=SC2086
apt install -y --no-install-recommends $missing
