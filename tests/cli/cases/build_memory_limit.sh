head -c 400000 /dev/zero | tr '\0' x >value
for i in 1 2 3 4 5; do printf '{"id": %d, "f": "%s"}\n' $i "$(cat value)"; done |
    code shardy build snap -n 1 --memory-limit 1MiB
ls
