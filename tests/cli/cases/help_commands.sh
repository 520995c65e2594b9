# The help of every command, and that --help gives the same.
for c in build get multiget scan search info shards route verify help version; do
    echo "---- $c"
    shardy help $c
    shardy help $c >one
    shardy $c --help >two
    cmp one two
done
