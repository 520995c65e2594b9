# Vector files that do not fit: nothing is published.
printf '{"id": "a"}\n{"id": "b"}\n\n{"id": "c"}\n' >rows.jsonl
try() {
    $TOOL npy m.npy "$@"
    code shardy build snap rows.jsonl -n 2 --vectors m.npy
}
try '<f4' 2 2
try '<f4' 4 2
try '<f4' 0 2
try '>f4' 3 2
try '<i4' 3 2
try '<f4' 3 2 fortran=1
try '<f4' 3 2 'shape=(3, 2, 1)'
try '<f4' 3 2 'shape=(3,)'
try '<f4' 3 2 'shape=(3, 0)'
try '<f4' 3 2 'shape=(3, x)'
try '<f4' 3 2 'shape=(4294967296, 4294967296)'
try '<f4' 3 2 'shape=(99999999999999999999, 2)'
try '<f4' 3 2 cut=1
try '<f4' 3 2 extra=1
try '<f4' 3 2 version=4
try '<f4' 3 2 "header={'descr': '<f4'}"
try '<f4' 3 2 "header={'descr': '<f4', 'fortran_order': False, 'shape': (3, 2)"
try '<f4' 3 2 header=
try '<f4' 3 2 nan=4
try '<f4' 3 2 cut=80
printf 'x' >m.npy
code shardy build snap rows.jsonl -n 2 --vectors m.npy
code shardy build snap rows.jsonl -n 2 --vectors missing.npy
code shardy build snap rows.jsonl -n 2 --vectors .
$TOOL npy m.npy '<f4' 3 2
code shardy build snap rows.jsonl -n 2 --vectors m.npy --dim 3
ls
