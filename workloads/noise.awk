#!/usr/bin/gawk -f
# Half-regular lines, the same on every machine: noise.awk BYTES
BEGIN {
  left = ARGV[1]; state = 12345
  while (left > 0) {
    state = (state * 1103515245 + 12345) % 2147483648
    line = sprintf("%010d %s row %d %x", state, substr("alphabetagammadeltaepsilonzeta", 1 + state % 20, 9), left % 1000, state * 7)
    print line
    left -= length(line) + 1
  }
}
