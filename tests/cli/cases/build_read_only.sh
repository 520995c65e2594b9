# A directory that cannot be written to.
mkdir fixed
unshare -rm true 2>/dev/null || { echo "cannot mount here"; exit 77; }
echo '{"id": 1}' >rows.jsonl
unshare -rm sh -c '
    mount -t tmpfs -o ro tmpfs fixed 2>/dev/null || { echo "cannot mount here"; exit 77; }
    shardy build fixed rows.jsonl -n 1
    echo "exit $?"
    shardy build fixed/below rows.jsonl -n 1
    echo "exit $?"'
