# No rows are a snapshot too.
: | shardy -o jsonl build snap -n 3 --run-id r
shardy --prefix snap scan
shardy --prefix snap shards
shardy --prefix snap verify
