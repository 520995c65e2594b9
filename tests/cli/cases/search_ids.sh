# Vector ids of their own; payloads of other kinds.
printf '%s\n' '{"id": "a", "n": 7, "v": [1, 0], "p": "plain text"}' \
    '{"id": "b", "n": 8, "v": [0, 1], "p": {"x":  1}}' '{"id": "c", "n": 9, "v": [1, 1], "p": null}' \
    '{"id": "d", "n": 10, "v": [2, 1]}' |
    shardy build snap -n 2 --vector-field v --vector-id-field n --payload-field p --index-type ivf \
        --quantization none --index-param num_partitions=1 >/dev/null
export SHARDY_PREFIX=snap
shardy search --like 8
shardy -o jsonl search 1,0
code shardy search --like b
shardy info | grep vector
