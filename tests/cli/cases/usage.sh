# Wrong usage: status 2, one line on stderr, nothing on stdout.
code shardy
code shardy nope
code shardy --nope
code shardy -x
code shardy help nope
code shardy get
code shardy get a b
code shardy get a --nope
code shardy get a --strict=yes
code shardy get a --value-encoding
code shardy get a --value-encoding rot13
code shardy -o xml get a
code shardy info extra
code shardy get a
code shardy --prefix a --current-url b/_CURRENT get a
code shardy --prefix '' get a
code shardy --current-url snap/ get a
SHARDY_CURRENT=snap/ code shardy get a
code shardy --prefix snap scan --prefix-key a --start b
code shardy --prefix snap scan --limit 0
code shardy --prefix snap scan --limit -1
code shardy --prefix snap scan --shard-ids 0,x
code shardy --prefix snap search
code shardy --prefix snap search 1,2 --like a
code shardy --prefix snap search 1,2 --row 1
code shardy --prefix snap search --vector-file a --row x
code shardy --prefix snap search 1,2 --exact --nprobes 1
code shardy route a --num-dbs 0
code shardy route a --num-dbs 4294967296
code shardy --prefix snap route a --num-dbs 4
code shardy --prefix snap route a --key-encoding utf8
code shardy route a --num-dbs 4 --key-encoding u128
code shardy multiget
