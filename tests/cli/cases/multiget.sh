make_kv
export SHARDY_PREFIX=snap
for f in text table json jsonl; do code shardy -o $f multiget cherry durian apple; done
code shardy -q multiget cherry durian --strict
printf 'apple\n\nbanana\r\nbanana\n' | shardy multiget -
: | code shardy multiget -
printf 'a\0b\n' | code shardy multiget -
shardy multiget apple --value-encoding hex
