# Standard input with and without "-", blank lines, CRLF, a byte order mark, no line end at the end.
printf '\357\273\277{"id":"a"}\r\n\n   \n{"id":"b"}' | shardy -o jsonl build one -n 1 --run-id r
printf '{"id":"a"}\n' | shardy -o jsonl build two - -n 1 --run-id r
shardy --prefix one scan
shardy --prefix two scan
