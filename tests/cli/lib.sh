# lib.sh: what the test scripts share. Read before every script, which runs without `set -e` so that it
# can show exit codes.

# Three rows with string keys, no vectors: snapshot "snap".
make_kv() {
    rm -rf snap
    printf '%s\n' '{"id": "apple", "value": "red"}' '{"id": "banana", "value": "yellow"}' \
        '{"id": "cherry", "value": "dark red"}' >kv.jsonl
    shardy build snap kv.jsonl -n 2 --value-field value --run-id run1 "$@" >/dev/null
}

# Six rows with vectors of two numbers: snapshot "snap", one shard by default.
make_vec() {
    rm -rf snap
    cat >vec.jsonl <<'ROWS'
{"id": "east", "value": "E", "v": [1, 0], "name": "the east", "rank": 1}
{"id": "north", "value": "N", "v": [0, 1], "name": "the north", "rank": 2}
{"id": "west", "value": "W", "v": [-1, 0], "name": "the west", "rank": 3}
{"id": "south", "value": "S", "v": [0, -1], "name": "the south", "rank": 4}
{"id": "northeast", "value": "NE", "v": [1, 1], "name": "between", "rank": 5}
{"id": "southwest", "value": "SW", "v": [-1, -1], "name": null}
ROWS
    shardy build snap vec.jsonl -n 1 --value-field value --vector-field v --payload-fields name,rank \
        --index-type flat --run-id run1 "$@" >/dev/null
}

# Run a command; its exit code as a line of standard output unless it is 0.
code() {
    "$@"
    set -- $?
    [ "$1" = 0 ] || echo "exit $1"
}

# The only file that matches a pattern below a directory: find_one DIR PATTERN
find_one() {
    find "$1" -type f -path "$2" | sort | head -n 1
}
