# Associative arrays keyed by two fields, joined and split again.
BEGIN {
  state = 99
  for (i = 0; i < 400000; i++) {
    state = (state * 1103515245 + 12345) % 2147483648
    key = "k" (state % 100003)
    sum[key, i % 7] += i
    seen[key] = seen[key] " " i
  }
  for (key in seen) longest = length(seen[key]) > longest ? length(seen[key]) : longest
  print length(sum), length(seen), longest
}
