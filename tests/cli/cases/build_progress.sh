# On a terminal a bar appears after a second and is removed at the end; --quiet shows none.
$TOOL pty 1.5 shardy build snap -n 2 --value-field value >shown
grep -c ' rows' shown >n && [ "$(cat n)" -gt 0 ] && echo "a bar"
grep -o "$(printf '\033')" shown | sort -u | wc -l
$TOOL pty 1.5 shardy -q build snap -n 2 --value-field value | grep -c ' rows'
echo "(none when quiet)"
