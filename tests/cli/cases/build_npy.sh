# Every version and number type of .npy gives the same vectors.
printf '{"id": "a"}\n\n{"id": "b"}\n{"id": "c"}\n' >rows.jsonl
for v in 1 2 3; do
    for t in '<f2' '<f4' '<f8'; do
        $TOOL npy m.npy $t 3 2 version=$v
        shardy build snap rows.jsonl -n 2 --vectors m.npy --metric l2 --index-type flat >/dev/null
        shardy --prefix snap search 1,2
    done
done
shardy --prefix snap search --vector-file m.npy --row 2 -k 1
