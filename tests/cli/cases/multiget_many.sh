# More keys than one batch, in the order given.
seq 1 10000 | sed 's/.*/{"id": &, "f": "v&"}/' | shardy build snap -n 4 --value-field f >/dev/null
seq 10000 -1 1 | shardy --prefix snap multiget - >found
head -n 2 found
wc -l <found
seq 10000 -1 1 | sed 's/.*/&\tv&/' | cmp - found
seq 9000 20000 | shardy --prefix snap -o jsonl multiget - | grep -o '"found": false' | wc -l
