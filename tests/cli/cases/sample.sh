# The sample data, as `make demo` builds it: answers are the real ones.
shardy -o jsonl build snap $DATA/packages.jsonl.zst --num-dbs 16 --value-field payload \
    --vectors $DATA/packages.f16.npy --metric cosine --payload-fields section,description --run-id r
export SHARDY_PREFIX=snap
shardy get curl
echo
shardy search --like curl -k 5
shardy search --like mpg123 -k 5
for row in 0 1 2 3 4 5 6 7; do
    sed -n "$((row + 1))p" $DATA/queries.jsonl
    shardy search --vector-file $DATA/queries.f16.npy --row $row -k 5 --exact
done
shardy scan --keys-only | wc -l
shardy scan --keys-only | LC_ALL=C sort -c && echo sorted
shardy verify
