#!/bin/sh
# A repository with some history, the same objects on every machine:
# repository.sh DIRECTORY
set -eu
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.org
git init -q -b main "$1"
cd "$1"
git config gc.auto 0
i=0
while [ $i -lt 100 ]; do
  gawk -v seed="$i" 'BEGIN {
    state = seed + 1
    for (f = 0; f < 60; f++) {
      name = "file" (f * 7 + seed % 5) ".txt"
      for (line = 0; line < 400; line++) {
        state = (state * 1103515245 + 12345) % 2147483648
        print (line % 9 == seed % 9 ? state : line * f) " line " line > name
      }
      close(name)
    }
  }'
  git add .
  stamp="$((1700000000 + i * 60)) +0000"
  GIT_AUTHOR_DATE=$stamp GIT_COMMITTER_DATE=$stamp git commit -q -m "step $i"
  i=$((i + 1))
done
# From here on every repack starts from the same state.
git -c pack.threads=1 repack -a -d -f -q
