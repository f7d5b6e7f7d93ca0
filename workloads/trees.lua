-- Trees built and dropped while a long-lived table grows.
local function tree(depth)
  if depth == 0 then return {} end
  return {tree(depth - 1), tree(depth - 1)}
end
local function count(t) return t[1] and 1 + count(t[1]) + count(t[2]) or 1 end

local kept, total = {}, 0
for i = 1, 24 do
  total = total + count(tree(14))
  for j = 1, 20000 do kept[#kept + 1] = i * j end
end
local names = {}
for i = 1, 200000 do names["name" .. i % 150001] = i end
print(total, #kept)
