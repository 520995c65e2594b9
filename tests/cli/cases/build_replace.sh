# A build replaces the snapshot at once; a build that fails leaves the old one.
make_kv
printf '{"id": "apple", "value": "green"}\n' | shardy build snap -n 1 --value-field value >/dev/null
shardy --prefix snap scan
printf '{"id": "apple", "value": "blue"}\nbad\n' | code shardy build snap -n 1 --value-field value
shardy --prefix snap scan
