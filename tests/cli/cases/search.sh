make_vec
export SHARDY_PREFIX=snap
for f in text table json jsonl; do echo "-- $f"; shardy -o $f search 1,0.1 --top-k 3; done
echo "-- queries"
shardy search '[0, 1]' -k 1
shardy search -1,0 -k 1
shardy search -k 1 -- -1,0
echo '0,-1' | shardy search - -k 1
shardy search --like southwest -k 2
shardy search 1,0 -k 100 | wc -l
shardy search 1,0 --exact -k 1
shardy search 1,0 --nprobes 1 -k 1
shardy search 1,0 --shard-ids 0 --threads 1 -k 1
$TOOL npy q.npy '<f8' 2 2
shardy search --vector-file q.npy --row 1 -k 1
$TOOL npy q.npy '<f4' 1 2 'shape=(2,)'
shardy search --vector-file q.npy -k 1
printf '\000\000\000\000\000\000\200\077\000\000\200\277\000\000\000\000' >q.f32
shardy search --vector-file q.f32 -k 1
shardy search --vector-file q.f32 --row 1 -k 1
