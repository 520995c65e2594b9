# A NUL byte is a control character like the others.
printf '{"id": "a\0b"}\n' | code shardy build snap -n 1
printf '{"id": "a"}\0\n' | code shardy build snap -n 1
