# Which snapshot: options before the environment, prefix before pointer.
make_kv
export SHARDY_PREFIX=nowhere SHARDY_CURRENT=nowhere/_CURRENT
shardy --prefix snap get apple; echo
shardy get apple --prefix=snap; echo
shardy --prefix "file://$PWD/snap" get apple; echo
shardy --current-url snap/_CURRENT get apple; echo
shardy --current-url "file://$PWD/snap/_CURRENT" get apple; echo
SHARDY_PREFIX=snap shardy get apple; echo
unset SHARDY_PREFIX
SHARDY_CURRENT=snap/_CURRENT shardy get apple; echo
SHARDY_PREFIX= SHARDY_CURRENT=snap/_CURRENT shardy get apple; echo
cp snap/_CURRENT snap/older
shardy --current-url snap/older get apple; echo
cd snap
shardy --current-url _CURRENT get apple; echo
code shardy get apple
