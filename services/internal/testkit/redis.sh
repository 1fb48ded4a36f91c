# Runs a Redis server, without persistence, until standard input ends. Argument: the folder for temporary files. Prints "ready" and the
# path of its socket when it takes connections.
set -eu
exec 2>&1
command -v redis-server >/dev/null || { echo "there is no redis-server on this machine"; exit 1; }
dir=$(mktemp -d "$1/usher-redis-XXXXXX")
as() { if [ "$(id -u)" = 0 ] && id redis >/dev/null 2>&1; then runuser -u redis -- "$@"; else "$@"; fi; }
chmod 777 "$dir"
pid=
stop() { [ -z "$pid" ] || kill "$pid" 2>/dev/null || true; rm -rf "$dir"; }
trap stop EXIT
as redis-server --port 0 --unixsocket "$dir/redis.sock" --unixsocketperm 777 --save '' --appendonly no --dir "$dir" --logfile "$dir/log" --pidfile "$dir/pid" --daemonize yes >/dev/null
for _ in $(seq 200); do [ -S "$dir/redis.sock" ] && [ -s "$dir/pid" ] && break; sleep 0.05; done
pid=$(cat "$dir/pid")
echo "ready $dir/redis.sock"
cat >/dev/null
