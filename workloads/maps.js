// A map of a million and a half entries, sorted and grouped.
const table = new Map();
for (let i = 0; i < 1_500_000; i++) table.set(`key${i % 900_001}`, i);
const names = [...table.keys()].sort();
const groups = new Map();
for (const name of names) {
  const group = table.get(name) % 1000;
  if (!groups.has(group)) groups.set(group, []);
  groups.get(group).push(name);
}
console.log(table.size, groups.size);
