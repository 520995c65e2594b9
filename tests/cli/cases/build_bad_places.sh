# Input and targets that cannot be.
echo '{"id": 1}' >rows.jsonl
code shardy build snap missing.jsonl -n 1
code shardy build snap . -n 1
code shardy build rows.jsonl rows.jsonl -n 1
code shardy build rows.jsonl/below rows.jsonl -n 1
code shardy build /proc/snap rows.jsonl -n 1
code shardy build s3://bucket/prefix rows.jsonl -n 1
code shardy build http://host/prefix rows.jsonl -n 1
code shardy build snap rows.jsonl -n 1 --run-id a/b
code shardy build snap rows.jsonl -n 1 --custom '[1]'
code shardy build snap rows.jsonl -n 1 --block-size 100
code shardy build snap rows.jsonl -n 1 --bloom-bits 99
ls
