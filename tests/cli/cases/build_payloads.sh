# Payloads gathered from fields of every kind: nothing is rounded or spelled anew.
cat >rows.jsonl <<'ROWS'
{"n": null, "s": "gr\u00fcn \"q\" \u0000", "v": [1, 0], "i": 9223372036854775807, "id": "a", "r": 0.10}
{ "id" : "b" , "o" : { "x" : [1, 2.50, "]" ] } , "v": [0, 1] , "t":true,"r" : 12345678901234567890.5 }
ROWS
shardy build snap rows.jsonl -n 1 --vector-field v --index-type flat --payload-fields s,i,r,o,t,n >/dev/null
shardy --prefix snap search 1,0
shardy build snap rows.jsonl -n 1 --vector-field v --index-type flat --payload-field o >/dev/null
shardy --prefix snap search 0,1
