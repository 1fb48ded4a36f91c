# Runs a PostgreSQL server until standard input ends. Arguments: the folder for temporary files, and "durable" for a server whose commits
# survive a kill. When it accepts connections, it prints "ready" and the folder of its socket. Then it executes commands from its standard
# input, one per line, and prints "done" after each: kill (at once, as a crash does), start (at the same place), freeze, thaw.
set -eu
exec 2>&1
bin=$(ls -d /usr/lib/postgresql/*/bin /opt/homebrew/opt/postgresql*/bin 2>/dev/null | sort -V | tail -1)
[ -n "$bin" ] || bin=$(dirname "$(command -v initdb)") || { echo "missing initdb"; exit 1; }
dir=$(mktemp -d "$1/usher-pg-XXXXXX")
# PostgreSQL refuses to run as root.
as() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }
[ "$(id -u)" != 0 ] || chown postgres "$dir"
cd "$dir"
options="-h '' -k $dir -c max_connections=400 -c shared_buffers=128MB"
[ "${2:-}" = durable ] || options="$options -F -c synchronous_commit=off -c full_page_writes=off -c wal_level=minimal -c max_wal_senders=0"
start() { as "$bin/pg_ctl" -D "$dir/data" -w -t 60 -l "$dir/log" -o "$options" start >/dev/null || { cat "$dir/log"; exit 1; }; }
# The server and its sessions. The server comes first, because it could start another session meanwhile.
signal() {
  pid=$(head -1 "$dir/data/postmaster.pid" 2>/dev/null) || return 0
  kill "-$1" "$pid"
  kill "-$1" $(ps -o pid= --ppid "$pid") 2>/dev/null || true
}
stop() {
  signal CONT 2>/dev/null || true
  as "$bin/pg_ctl" -D "$dir/data" -m immediate -w stop >/dev/null 2>&1 || true
}
trap 'stop; rm -rf "$dir"' EXIT
as "$bin/initdb" -D "$dir/data" -U usher -A trust -E UTF8 --locale=C --no-sync >/dev/null
start
echo "ready $dir"
while read -r word; do
  case $word in
    kill) stop ;;
    start) start ;;
    freeze) signal STOP ;;
    thaw) signal CONT ;;
    *) echo "unknown: $word"; exit 1 ;;
  esac
  echo done
done
