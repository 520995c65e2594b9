make_kv -n 4
for f in text table json jsonl; do shardy --prefix snap -o $f shards; done
