# Lines that are no rows: file, line and column are named; nothing is published.
try() {
    printf '{"id": "ok", "x": 1}\n%s' "$1" >rows.jsonl
    code shardy build snap rows.jsonl -n 2 $2 $3
}
try 'no json'
try '[1]'
try '"text"'
try '{"id": "a"'
try '{"id": "a",}'
try '{"id": "a"} {}'
try '{"id" "a"}'
try '{id: "a"}'
try '{"id": "a", "x": 01}'
try '{"id": "a", "x": 1.}'
try '{"id": "a", "x": -}'
try '{"id": "a", "x": nul}'
try '{"id": "a", "x": [1, 2}'
try '{"id": "a", "x": "\q"}'
try '{"id": "a", "x": "\u12"}'
try '{"id": "a", "x": "\ud800"}'
try '{"id": "a", "x": "\udc00"}'
try '{"id": "a", "x": "	"}'
try '{"id": "a", "x": "open}'
try "$(printf '{"id": "a", "x": "\377"}')"
try "$(printf '{"id": "\303("}')"
try "{\"id\": \"a\", \"x\": $(head -c 3000 /dev/zero | tr '\0' '[')"
try '{"id": "a", "id": "b"}'
try '{"id": "a", "x": {"y": 1, "y": 2}}'
try '{"id": "a", "x": 9223372036854775808}'
try '{"name": "a"}'
try '{"id": "a"}' --value-field x
try '{"id": "a", "x": null}' --value-field x
ls
