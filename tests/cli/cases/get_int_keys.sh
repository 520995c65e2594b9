printf '{"id": 1}\n{"id": 2}\n{"id": 300}\n' | shardy build snap -n 2 >/dev/null
export SHARDY_PREFIX=snap
shardy get 300; echo
shardy -o jsonl get 300
shardy get 3
code shardy get abc
code shardy get 1.0
code shardy get -1
code shardy get 99999999999999999999
code shardy get 01 --key-format hex
shardy -o jsonl multiget 1 2 3
shardy scan --start 2
shardy scan --start 2 --end 300 --keys-only
code shardy scan --prefix-key 3
code shardy scan --start x
shardy route 300
