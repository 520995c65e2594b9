# A reader that goes away ends the scan quietly; a full disk does not.
seq 1 50000 | sed 's/.*/{"id": &}/' | shardy build snap -n 2 >/dev/null
shardy --prefix snap scan --keys-only | head -n 2
shardy --prefix snap scan --keys-only | wc -l
[ -e /dev/full ] || { echo "no /dev/full"; exit 77; }
shardy --prefix snap scan >/dev/full
echo "exit $?"
shardy --prefix snap info >/dev/full
echo "exit $?"
shardy help >/dev/full
echo "exit $?"
