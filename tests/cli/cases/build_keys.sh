# Integers are exact to 64 bits; keys of 1 byte and of 60 kB.
printf '{"id": 9007199254740993}\n{"id": 9223372036854775807}\n{"id": 0}\n' |
    shardy build ints -n 4 >/dev/null
shardy --prefix ints scan --keys-only
shardy --prefix ints get 9007199254740993
echo
shardy --prefix ints get 9007199254740992
long=$(head -c 60000 /dev/zero | tr '\0' k)
printf '{"id": "x", "f": "short"}\n{"id": "%s", "f": "long"}\n' "$long" |
    shardy build strings -n 4 --value-field f >/dev/null
shardy --prefix strings get x
echo
shardy --prefix strings get "$long"
echo
shardy --prefix strings scan --keys-only | wc -c
printf '{"id": "a"}\n' | shardy build raw -n 1 --key-encoding raw >/dev/null
shardy --prefix raw info | grep key_encoding
printf '{"id": 7}\n' | shardy build small -n 1 --key-encoding u32be --key-field id >/dev/null
shardy --prefix small info | grep key_
