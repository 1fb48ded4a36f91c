# Sourced by the runs here, with top set to the repository: serves a fresh Usher on free ports until the run ends. It sets work, a
# temporary folder; data, its data folder; USHER_ADDR, its gRPC address; and admin, the address of its REST.
work=$(mktemp -d)
server=
finish() {
  if [ -n "$server" ]; then
    kill "$server" 2> /dev/null || true
    wait "$server" || true
  fi
  rm -rf "$work"
}
trap finish EXIT
data=$work/data
export USHER_DATA_DIR=$data USHER_SCIM_ADDR=127.0.0.1:0 USHER_ADMIN_ADDR=127.0.0.1:0 USHER_GRPC_ADDR=127.0.0.1:0 USHER_OPS_ADDR=127.0.0.1:0
: > "$work/log" # it is read at once
"$top/.bin/usher" serve --dev >> "$work/log" 2>&1 &
server=$!
for _ in $(seq 300); do
  if grep -q 'msg=serving ' "$work/log" || ! kill -0 "$server" 2> /dev/null; then break; fi
  sleep 0.1
done
USHER_ADDR=$(sed -nE 's/^ +gRPC +([0-9.]+:[0-9]+).*/\1/p' "$work/log")
admin=$(sed -nE 's/^ +admin +(http:[^ ]+).*/\1/p' "$work/log")
[ -n "$USHER_ADDR" ] && [ -n "$admin" ] || { echo "$0: Usher does not serve:" >&2; cat "$work/log" >&2; exit 1; }
export USHER_ADDR
