printf '%s\n' '{"id": "a/1", "f": "x\ty\nz\\"}' '{"id": "a/2", "f": ""}' '{"id": "b", "f": "1"}' \
    '{"id": "a", "f": "2"}' '{"id": "ä", "f": "3"}' | shardy build snap -n 3 --value-field f >/dev/null
export SHARDY_PREFIX=snap
for f in text table json jsonl; do echo "-- $f"; shardy -o $f scan; done
echo -- bounds
shardy scan --prefix-key a/
shardy scan --start a/2
shardy scan --end a/2 --keys-only
shardy scan --start a/ --end b --limit 1
shardy scan --start b --end a
shardy -o jsonl scan --keys-only --limit 2
for i in 0 1 2; do shardy scan --shard-ids $i --keys-only; done | sort
code shardy scan --shard-ids 3
shardy scan --value-encoding base64
shardy -o json scan --prefix-key none
