# Strings, symbols and arrays through the collector.
state = 5
words = Array.new(500_000) do
  state = (state * 1103515245 + 12345) % 2147483648
  "word#{state % 70_001}"
end
tally = words.tally
by_length = tally.keys.group_by(&:length)
sorted = words.sort.each_slice(1000).map { |slice| slice.join(",").length }
puts [tally.size, by_length.size, sorted.sum].join(" ")
