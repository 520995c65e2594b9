# In every format an error is one line on stderr and nothing on stdout.
make_vec
for f in text table json jsonl; do
    for c in 'get x --key-format hex' 'multiget zz --key-format base64' 'scan --shard-ids 9' 'search 1' \
        'search --like nobody' 'route 1 --key-format hex' 'build x missing -n 1'; do
        code shardy -o $f --prefix snap $c
    done
done 2>/dev/null | sort | uniq -c
