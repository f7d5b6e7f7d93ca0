#!/bin/sh
# Installs the packages of build-package/ on a Debian 12 made for it, which is
# gone afterwards, and uses them there. Needs root and a Debian mirror.
set -eu
cd "$(dirname "$0")/.."

# shellcheck disable=SC2016
in_debian='
set -eu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
apt-get install -qq -y --no-install-recommends /packages/quire_*.deb >/dev/null
quire version
quire replay /usr/share/quire/recordings/sqlite.quire --policy 64K | head -n 3
quire litmus run /usr/share/quire/litmus/cow-64k.litmus /usr/share/quire/litmus/arm64/16k-cow.litmus
apt-get install -qq -y --no-install-recommends man-db g++ pkg-config /packages/libquire-dev_*.deb >/dev/null
man -w quire quire-replay 5 quire-policy 3 libquire
cd /tmp
c++ -std=c++23 /usr/share/doc/libquire-dev/examples/library.cc $(pkg-config --cflags --libs quire fmt)
./a.out
apt-get purge -qq -y quire libquire-dev >/dev/null
left=$(find / -xdev \( -name "quire*" -o -name "libquire*" -o -name _quire \) -not -path "/packages/*")
[ -z "$left" ] || { echo "left behind: $left"; exit 1; }
'
# shellcheck disable=SC2016
exec mmdebstrap --quiet --variant=minbase --format=null \
  --customize-hook='mkdir "$1/packages"; cp build-package/*.deb "$1/packages"' \
  --customize-hook="chroot \"\$1\" sh -c '$in_debian'" bookworm
