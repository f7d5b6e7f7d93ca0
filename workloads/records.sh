#!/bin/sh
# An array of COUNT records as JSON: records.sh COUNT
exec gawk -v count="$1" 'BEGIN {
  state = 7
  print "["
  for (i = 1; i <= count; i++) {
    state = (state * 1103515245 + 12345) % 2147483648
    printf "{\"id\":%d,\"group\":\"g%d\",\"tags\":[\"t%d\",\"t%d\"],\"size\":%d}%s\n",
      i, state % 503, i % 11, state % 13, state % 100000, i < count ? "," : ""
  }
  print "]"
}'
