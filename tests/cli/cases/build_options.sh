# Options of the key-value part and of the manifest reach the snapshot.
make_kv --compression zstd --block-size 1k --bloom-bits 16 --sst-size 64k --threads 2 \
    --custom '{"owner": "fruit"}'
shardy --prefix snap -o json info --custom | grep -o '"owner": *"fruit"'
shardy --prefix snap get cherry
echo
shardy --prefix snap verify
