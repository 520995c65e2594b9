# Of rows with one key the last one wins, value and vector.
printf '%s\n' '{"id": "a", "f": "1", "v": [1, 0]}' '{"id": "b", "f": "2", "v": [0, 1]}' \
    '{"id": "a", "f": "3", "v": [0, -1]}' |
    shardy -o jsonl build snap -n 1 --value-field f --vector-field v --index-type flat --run-id r
shardy --prefix snap scan
shardy --prefix snap search 1,0
shardy --prefix snap search 0,-1
