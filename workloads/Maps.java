import java.util.ArrayList;
import java.util.HashMap;
import java.util.TreeMap;

/** A hash map of a million and a half entries, then a tree of its groups. */
public final class Maps {
    public static void main(String[] args) {
        HashMap<String, Integer> table = new HashMap<>();
        for (int i = 0; i < 1_500_000; i++) {
            table.merge("key" + i % 900_001, i, Integer::sum);
        }
        TreeMap<Integer, ArrayList<String>> groups = new TreeMap<>();
        table.forEach((key, value) -> groups.computeIfAbsent(Math.floorMod(value, 1000), k -> new ArrayList<>()).add(key));
        System.out.println(table.size() + " " + groups.size());
    }
}
