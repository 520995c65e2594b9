# A file system without room: one error, nothing is published, nothing stays.
mkdir small
unshare -rm true 2>/dev/null || { echo "cannot mount here"; exit 77; }
seq 1 20000 | sed 's/.*/{"id": &, "f": "a value that takes some room in its block, number &"}/' >rows.jsonl
unshare -rm sh -c '
    mount -t tmpfs -o size=512k tmpfs small 2>/dev/null || { echo "cannot mount here"; exit 77; }
    echo "{\"id\": 1}" | shardy build small/snap -n 2 >/dev/null
    shardy build small/snap rows.jsonl -n 2
    echo "exit $?"
    shardy --prefix small/snap scan
    find small -name "*.sst" | wc -l
    find small -name "*tmp*" | wc -l'
