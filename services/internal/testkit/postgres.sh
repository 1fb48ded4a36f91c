# Runs a PostgreSQL server until standard input ends. Arguments: the folder for temporary files, and "durable" for a server
# that keeps its promises when it is killed. Prints "ready" and the folder of its socket when it takes connections.
set -eu
exec 2>&1
bin=$(ls -d /usr/lib/postgresql/*/bin /opt/homebrew/opt/postgresql*/bin 2>/dev/null | sort -V | tail -1)
[ -n "$bin" ] || bin=$(dirname "$(command -v initdb)") || { echo "there is no initdb on this machine"; exit 1; }
dir=$(mktemp -d "$1/usher-pg-XXXXXX")
# PostgreSQL refuses to run as root.
as() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }
[ "$(id -u)" != 0 ] || chown postgres "$dir"
cd "$dir"
stop() { as "$bin/pg_ctl" -D "$dir/data" -m immediate -w stop >/dev/null 2>&1 || true; rm -rf "$dir"; }
trap stop EXIT
as "$bin/initdb" -D "$dir/data" -U usher -A trust -E UTF8 --locale=C --no-sync >/dev/null
options="-h '' -k $dir -c max_connections=400 -c shared_buffers=128MB"
[ "${2:-}" = durable ] || options="$options -F -c synchronous_commit=off -c full_page_writes=off -c wal_level=minimal -c max_wal_senders=0"
as "$bin/pg_ctl" -D "$dir/data" -w -t 60 -l "$dir/log" -o "$options" start >/dev/null || { cat "$dir/log"; exit 1; }
echo "ready $dir"
cat >/dev/null
