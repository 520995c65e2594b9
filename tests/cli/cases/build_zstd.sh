# Compressed rows; and compressed rows that are damaged.
shardy -o jsonl build snap $DATA/packages.jsonl.zst -n 4 --value-field payload --run-id r
cp $DATA/packages.jsonl.zst bad.zst
$TOOL cut bad.zst 1000
code shardy build snap2 bad.zst -n 4
cp $DATA/packages.jsonl.zst bad.zst
$TOOL flip bad.zst 200000
code shardy build snap2 bad.zst -n 4
head -c 6 $DATA/packages.jsonl.zst >bad.zst
code shardy build snap2 bad.zst -n 4
ls
