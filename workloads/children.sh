# Hundreds of short children: command substitutions, pipelines, a subshell.
i=0
total=0
while [ $i -lt 120 ]; do
  word=$(printf 'item-%04d' $i)
  length=$(echo "$word" | wc -c)
  upper=$(echo "$word" | tr a-z A-Z | sed 's/ITEM/THING/')
  total=$((total + length + ${#upper}))
  (expr $i \* 3 >/dev/null)
  i=$((i + 1))
done
echo $total
