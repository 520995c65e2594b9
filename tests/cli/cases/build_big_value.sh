# A value of 50 MB, and an empty one.
{
    printf '{"id": "big", "f": "'
    head -c 50000000 /dev/zero | tr '\0' x
    printf '"}\n{"id": "empty", "f": ""}\n'
} | shardy build snap -n 1 --value-field f >/dev/null
shardy --prefix snap get big | wc -c
shardy --prefix snap get empty | wc -c
shardy --prefix snap -o jsonl get empty
shardy --prefix snap scan --keys-only
shardy --prefix snap verify
