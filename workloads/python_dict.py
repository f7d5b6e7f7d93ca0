"""A dictionary of a million entries, rebuilt as sorted lists."""
table = {}
for i in range(1_000_000):
    table[f"key-{i * 7919 % 1_000_003}"] = (i, i * i)
names = sorted(table)
sums = [table[name][0] + len(name) for name in names]
del table
groups = {}
for name, total in zip(names, sums):
    groups.setdefault(total % 1000, []).append(name)
print(len(names), sum(sums), len(groups))
