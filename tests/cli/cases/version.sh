shardy version
shardy --version
for f in table json jsonl; do shardy -o $f version; done
