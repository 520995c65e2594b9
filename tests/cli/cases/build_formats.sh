# What a build reports, in every format; the same input gives the same numbers.
printf '{"id": 1, "v": [1, 2]}\n{"id": 2, "v": [3, 4]}\n{"id": 1, "v": [5, 6]}\n' >rows.jsonl
for f in text table json jsonl; do
    shardy -o $f build snap rows.jsonl -n 2 --vector-field v --metric l2 --index-type flat --run-id $f
done
shardy --prefix snap get 1
echo
shardy --prefix snap -o jsonl search 5,6 --top-k 1
