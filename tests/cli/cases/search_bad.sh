make_vec
export SHARDY_PREFIX=snap
code shardy search 1,2,3
code shardy search 0,0
code shardy search nan,1
code shardy search inf,1
code shardy search 1,,2
code shardy search 1,2x
code shardy search '[1,2'
code shardy search ''
: | code shardy search -
code shardy search 1,2 --shard-ids 5
code shardy search --like nobody
code shardy search --vector-file missing
printf 123 >q
code shardy search --vector-file q
$TOOL npy q.npy '<f4' 2 2
code shardy search --vector-file q.npy --row 2
$TOOL npy q.npy '<f4' 2 3
code shardy search --vector-file q.npy
make_kv
code shardy search 1,2
