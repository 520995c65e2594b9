# Where values come from: strings, JSON of any kind as it is spelled, the whole line, spelled bytes.
cat >rows.jsonl <<'ROWS'
{"id": "array", "f": [1,  2.50, {"x": null}]}
{"id": "big", "f": 12345678901234567890.10}
{"id": "empty", "f": ""}
{"id": "escapes", "f": "tab\t quote\" slash\/ e\u0301 \ud83d\ude00 nul\u0000"}
{"id": "false", "f": false}
{"id": "utf8", "f": "grün"}
ROWS
shardy build snap rows.jsonl -n 3 --value-field f >/dev/null
shardy --prefix snap scan
shardy build snap rows.jsonl -n 3 >/dev/null
shardy --prefix snap scan --limit 2
printf '{"id": "00ff", "f": "AP8="}\n{"id": "6162", "f": "aGk="}\n' |
    shardy build bytes -n 2 --key-format hex --value-field f --value-format base64 >/dev/null
shardy --prefix bytes -o jsonl scan
shardy --prefix bytes get 00ff --key-format hex | od -An -tx1
