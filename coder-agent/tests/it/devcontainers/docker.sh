#!/bin/sh
# A fake of Docker's command line: containers are folders below $FAKE_STATE, commands run on the host.
set -eu
state="$FAKE_STATE/containers"
mkdir -p "$state"
echo "docker $*" >>"$FAKE_STATE/calls"
case "$1" in
ps) ls "$state" ;;
inspect)
    shift 3
    printf '['
    comma=
    for id in "$@"; do
        [ -f "$state/$id/json" ] || continue
        printf '%s' "$comma"
        cat "$state/$id/json"
        comma=,
    done
    printf ']\n'
    ;;
cp)
    id="${3%%:*}"
    path="$state/$id/root${3#*:}"
    mkdir -p "$(dirname "$path")"
    cp "$2" "$path"
    ;;
rm)
    shift
    while [ "${1#--}" != "$1" ]; do shift; done
    rm -r "${state:?}/$1"
    ;;
exec)
    shift
    while [ "${1#--}" != "$1" ]; do
        case "$1" in
        --user) FAKE_USER="$2" && shift 2 ;;
        --env) shift 2 ;;
        *) shift ;;
        esac
    done
    export FAKE_USER="${FAKE_USER:-}" FAKE_CONTAINER="$1"
    root="$state/$1/root"
    [ -d "$root" ] || { echo "Error: No such container: $1" >&2; exit 1; }
    shift
    # Paths of the binary are those inside.
    count=$#
    while [ "$count" -gt 0 ]; do
        word="$1"
        shift
        case "$word" in /.coder-agent*) word="$root$word" ;; esac
        set -- "$@" "$word"
        count=$((count - 1))
    done
    export TMPDIR="$root/tmp"
    mkdir -p "$TMPDIR"
    exec "$@"
    ;;
*) echo "docker: $1 is not faked" >&2; exit 125 ;;
esac
