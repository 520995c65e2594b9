# Keys that cannot be stored; nothing is published.
try() {
    printf "$1\n" | code shardy build snap -n 2 $2
}
try '{"id": ""}'
try '{"id": null}'
try '{"id": 1.5}'
try '{"id": 1e3}'
try '{"id": true}'
try '{"id": [1]}'
try '{"id": -1}'
try '{"id": 9223372036854775808}'
try '{"id": "a"}\n{"id": 1}'
try '{"id": 1}\n{"id": "a"}'
try '{"id": 4294967296}' '--key-encoding u32be'
try '{"id": "a"}' '--key-encoding u64be'
try '{"id": "xyz"}' '--key-format hex'
try '{"id": "a"}' '--key-format base64'
try '{"id": 1}' '--key-format hex'
try '{"id": "%070000d"}'
ls
