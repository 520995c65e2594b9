# A signal while rows are read: the build ends by it, nothing is published.
for s in SIGINT SIGTERM SIGHUP; do
    $TOOL interrupt $s shardy build snap -n 2 --value-field value
done
ls
