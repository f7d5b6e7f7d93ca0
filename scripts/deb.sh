#!/bin/sh
# Builds the Debian packages and lets lintian judge them.
#
#   scripts/deb.sh        they are then in build-package/
#
# The same sources give the same packages, byte for byte: times are those of
# SOURCE_DATE_EPOCH, by default of the last commit.
set -eu
cd "$(dirname "$0")/.."
jobs=${JOBS:-$(nproc)}
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH

cmake --preset package --log-level=WARNING >/dev/null
cmake --build --preset package -j "$jobs"
rm -f build-package/*.deb
(cd build-package && cpack >/dev/null)
lintian --fail-on error,warning build-package/*.deb
ls build-package/*.deb
