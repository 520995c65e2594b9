make_kv
export SHARDY_PREFIX=snap
shardy get banana | od -c
shardy get banana >file; cat file; echo
for f in table json jsonl; do shardy -o $f get banana; done
for e in auto utf8 hex base64; do shardy get banana --value-encoding $e | tail -n 1; done
echo
for e in auto utf8 hex base64; do shardy -o jsonl get banana --value-encoding $e; done
