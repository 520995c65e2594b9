# A key that is not stored: 0, or 1 with --strict; quiet is quiet.
make_kv
export SHARDY_PREFIX=snap
code shardy get durian
code shardy get durian --strict
code shardy -q get durian --strict
for f in table json jsonl; do code shardy -o $f get durian; done
code shardy -o jsonl get durian --strict
code shardy get ''
