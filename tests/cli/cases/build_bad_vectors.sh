# Vectors that cannot be stored: the row's line, its key and the rule are named; nothing is published.
for i in $(seq 1 30); do echo "{\"id\": \"row$i\", \"v\": [1, 2, 3]}"; done >good
replace() { sed "17s/.*/$1/" good | code shardy build snap -n 4 --vector-field v $2 $3; }
replace '{"id": "row17", "v": [1, 2]}'
replace '{"id": "row17", "v": []}'
replace '{"id": "row17", "v": [0, 0, -0.0]}'
replace '{"id": "row17", "v": [1, 1e39, 3]}'
replace '{"id": "row17", "v": [1, 1e999, 3]}'
replace '{"id": "row17", "v": [1, "2", 3]}'
replace '{"id": "row17", "v": "1,2,3"}'
replace '{"id": "row17", "v": null}'
replace '{"id": "row17"}'
replace '{"id": "row17", "v": [1, 2, 3]}' --dim 4
code shardy build snap good -n 4 --vector-field v --dim 70000
code shardy build snap good -n 4 --vector-field v --quantization pq
: | code shardy build snap -n 4 --vector-field v
ls
# A zero vector is fine where no angle is asked for.
sed '17s/.*/{"id": "row17", "v": [0, 0, 0]}/' good |
    shardy build snap -n 4 --vector-field v --metric l2 >/dev/null
shardy --prefix snap search 0,0,0 -k 1
