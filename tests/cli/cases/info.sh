make_vec
export SHARDY_PREFIX=snap
for f in text table json jsonl; do shardy -o $f info; done
make_kv
shardy -o jsonl info
