#!/bin/sh
# demo.sh: build the library and the command, make a snapshot of 4,000 real rows, use it.
#
# usage: demo.sh [DIR]. Programs land in build/demo, the snapshot in DIR (default demo), which is
# replaced. Needs no Python and no network.
set -eu
cd "$(dirname "$0")/.."

log=$(mktemp)
trap 'rm -f "$log"' EXIT

say() { printf '\n%s\n' "$*"; }

# Milliseconds of a clock; POSIX has only seconds, so the finer one is used where it exists.
now() {
    case $(date +%N 2>/dev/null) in
        *[!0-9]* | '') echo "$(date +%s)000" ;;
        *) echo $(($(date +%s%N) / 1000000)) ;;
    esac
}

# Show a command as one would type it, run it, say how long it took.
run() {
    shown=
    for word; do
        case $word in
            *[!A-Za-z0-9_./,=:+-]*) word="'$word'" ;;
        esac
        shown="$shown${shown:+ }$word"
    done
    printf '\n$ %s\n' "$shown"
    began=$(now)
    code=0
    "$@" >"$log" || code=$?
    took=$(($(now) - began))
    cat "$log"
    [ -z "$(tail -c 1 "$log")" ] || echo
    printf '  (%s ms)\n' "$took"
    return "$code"
}

text_of_query() { sed -n "$(($1 + 1))s/.*\"text\": \"\(.*\)\"}$/\1/p" examples/data/queries.jsonl; }

say "== Building the library and the shardy command (release)"
began=$(now)
jobs=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
if ! { cmake -S . -B build/demo -G Ninja -DCMAKE_BUILD_TYPE=Release -DSHARDY_BUILD_TESTS=OFF &&
    cmake --build build/demo --target shardy -j "$jobs"; } >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    exit 1
fi
printf '  (%s ms)\n' "$(($(now) - began))"
PATH=$PWD/build/demo/cli:$PATH
unset SHARDY_CURRENT
SHARDY_PREFIX=${1:-demo}
export SHARDY_PREFIX

say "== A snapshot of 4,000 Debian packages: keys, values and embeddings, 16 shards"
rm -rf "$SHARDY_PREFIX"
run shardy build "$SHARDY_PREFIX" examples/data/packages.jsonl.zst --num-dbs 16 \
    --value-field payload --vectors examples/data/packages.f16.npy --metric cosine \
    --payload-fields section,description

say "== What is in it"
run shardy info

say "== One key"
run shardy get curl

say "== Nearest neighbours: packages like curl"
run shardy search --like curl --top-k 5

for row in 0 3; do
    say "== Nearest neighbours of a text: \"$(text_of_query "$row")\""
    run shardy search --vector-file examples/data/queries.f16.npy --row "$row" --top-k 5
done

say "== Reading every object again"
run shardy verify

say "The snapshot stays: try 'build/demo/cli/shardy --prefix $SHARDY_PREFIX search --like mpg123'."
