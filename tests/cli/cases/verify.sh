make_vec -n 2
for f in text table json jsonl; do code shardy --prefix snap -o $f verify; done
code shardy --prefix snap verify --threads 1
