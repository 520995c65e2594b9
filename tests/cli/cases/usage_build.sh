# Wrong usage of build: status 2, and nothing is created.
code shardy build
code shardy build a b c
code shardy build snap rows.jsonl
code shardy build snap rows.jsonl -n x
code shardy --prefix x build snap rows.jsonl -n 2
code shardy build snap rows.jsonl -n 2 --value-row --value-field a
code shardy build snap rows.jsonl -n 2 --value-format hex
code shardy build snap rows.jsonl -n 2 --vectors a.npy --vector-field v
code shardy build snap rows.jsonl -n 2 --vectors a.npy --payload-field p --payload-fields a,b
code shardy build snap rows.jsonl -n 2 --kv-only --vectors a.npy
code shardy build snap rows.jsonl -n 2 --metric l2
code shardy build snap rows.jsonl -n 2 --payload-fields a
code shardy build snap rows.jsonl -n 2 --vector-field v --payload-fields a,,b
code shardy build snap rows.jsonl -n 2 --vector-field v --metric l1
code shardy build snap rows.jsonl -n 2 --vector-field v --index-type tree
code shardy build snap rows.jsonl -n 2 --vector-field v --quantization q4
code shardy build snap rows.jsonl -n 2 --vector-field v --index-param M
code shardy build snap rows.jsonl -n 2 --vector-field v --index-param K=1
code shardy build snap rows.jsonl -n 2 --vector-field v --index-param M=0
code shardy build snap rows.jsonl -n 2 --memory-limit 2Gx
code shardy build snap rows.jsonl -n 2 --memory-limit 0
: >rows.jsonl
code shardy build snap rows.jsonl -n 2 --key-encoding latin1
code shardy build snap rows.jsonl -n 2 --compression lz4
code shardy build snap rows.jsonl -n 2 --block-size 5GiB
ls
