# A server on a socket of its own, loaded by redis-benchmark, then stopped.
set -eu
redis-server --port 0 --unixsocket ./redis.sock --save '' --appendonly no --daemonize no --logfile redis.log &
server=$!
until redis-cli -s ./redis.sock ping >/dev/null 2>&1; do sleep 0.05; done
redis-benchmark -s ./redis.sock -q -n 100000 -r 50000 -d 100 -P 8 -t set,lpush,hset >/dev/null
redis-cli -s ./redis.sock shutdown nosave || true
wait $server
