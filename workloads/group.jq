group_by(.group) | map({group: .[0].group, n: length, total: (map(.size) | add), tags: (map(.tags[]) | unique)})
