# Values and keys that are not UTF-8.
printf '{"id": "ff00", "f": "ff0041"}\n{"id": "61", "f": ""}\n' |
    shardy build snap -n 2 --key-format hex --value-field f --value-format hex >/dev/null
export SHARDY_PREFIX=snap
shardy get ff00 --key-format hex | od -An -tx1
shardy -o jsonl get ff00 --key-format hex
shardy -o jsonl get /wA= --key-format base64 --value-encoding hex
shardy -o jsonl get a
code shardy get ff00 --key-format hex --value-encoding utf8
code shardy -o jsonl get ff00 --key-format hex --value-encoding utf8
code shardy get xx --key-format hex
shardy scan
shardy -o jsonl scan
shardy -o table scan
