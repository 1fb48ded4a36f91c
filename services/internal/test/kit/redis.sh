# Runs a Redis server, without persistence, until standard input ends. Argument: the folder for temporary files. When it accepts connections,
# it prints "ready" and the path of its socket. Then it executes commands from its standard input, one per line, and prints "done" after each:
# kill, start (empty, at the same path), freeze, thaw.
set -eu
exec 2>&1
command -v redis-server >/dev/null || { echo "missing redis-server"; exit 1; }
dir=$(mktemp -d "$1/usher-redis-XXXXXX")
as() { if [ "$(id -u)" = 0 ] && id redis >/dev/null 2>&1; then runuser -u redis -- "$@"; else "$@"; fi; }
chmod 777 "$dir"
pid=
start() {
  rm -f "$dir/redis.sock" "$dir/pid"
  as redis-server --port 0 --unixsocket "$dir/redis.sock" --unixsocketperm 777 --save '' --appendonly no --dir "$dir" --logfile "$dir/log" --pidfile "$dir/pid" --daemonize yes >/dev/null
  for _ in $(seq 400); do [ -S "$dir/redis.sock" ] && [ -s "$dir/pid" ] && break; sleep 0.02; done
  pid=$(cat "$dir/pid")
}
# A process that has ended counts as gone, even if its status was not read yet.
gone() { if [ -d /proc/self ]; then ! grep -qs '^State:[[:space:]]*[^Z[:space:]]' "/proc/$pid/status"; else ! kill -0 "$pid" 2>/dev/null; fi; }
# A frozen server reacts only to this signal.
stop() {
  [ -n "$pid" ] || return 0
  kill -KILL "$pid" 2>/dev/null || true
  until gone; do sleep 0.01; done
  pid=
}
trap 'stop; rm -rf "$dir"' EXIT
start
echo "ready $dir/redis.sock"
while read -r word; do
  case $word in
    kill) stop ;;
    start) start ;;
    freeze) kill -STOP "$pid" ;;
    thaw) kill -CONT "$pid" ;;
    *) echo "unknown: $word"; exit 1 ;;
  esac
  echo done
done
