PRAGMA cache_size = -65536;
CREATE TABLE readings (id INTEGER PRIMARY KEY, sensor TEXT, value REAL, note TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400000)
INSERT INTO readings SELECT i, 'sensor-' || (i * 7919 % 5003), i * 0.5, 'note ' || (i % 97) FROM n;
CREATE INDEX by_sensor ON readings (sensor, value);
SELECT count(*), count(DISTINCT sensor), round(sum(value), 1) FROM readings;
SELECT sensor, count(*) AS c, round(avg(value), 2) FROM readings GROUP BY sensor ORDER BY c DESC, sensor LIMIT 3;
DELETE FROM readings WHERE id % 3 = 0;
UPDATE readings SET note = note || ' seen' WHERE id % 5 = 1;
SELECT count(*), max(length(note)) FROM readings;
