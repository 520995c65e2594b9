export SHARDY_PREFIX=nowhere
for c in info shards 'get a' 'multiget a' scan 'search 1,2' 'route a' verify; do code shardy $c; done
for c in info shards 'get a' 'multiget a' scan 'search 1,2' 'route a' verify; do code shardy -o json $c; done 2>&1 |
    grep -v '^shardy: \|^exit 1$'
mkdir empty
code shardy --prefix empty info
echo text >file
code shardy --prefix file info
code shardy --prefix s3://bucket/x info
