# Without a snapshot: the golden values of the routing.
for n in 2 8 17 64 1000; do shardy route hello -n $n; done
for k in 0 1 42 255 256 2147483647 2147483648 9007199254740992 9223372036854775807; do
    shardy route $k -n 1000 --key-encoding u64be
done
shardy route 42 -n 1000
shardy route é -n 1000
shardy route 00ff -n 1000 --key-format hex --key-encoding raw
shardy route 2a00000000000000 -n 1000 --key-format hex --key-encoding raw
for f in table json jsonl; do shardy -o $f route user:42 --num-dbs 64; done
SHARDY_PREFIX=nowhere shardy route a -n 1
code shardy route -1 -n 4 --key-encoding u64be
code shardy route 4294967296 -n 4 --key-encoding u32be
code shardy route "$(printf '\377')" -n 4
code shardy route '' -n 4
make_kv -n 8
shardy --prefix snap route durian
shardy route durian -n 8
