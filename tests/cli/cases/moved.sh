# A snapshot that was copied elsewhere is read where it is.
make_vec
mv snap elsewhere
shardy --prefix elsewhere get north; echo
shardy --prefix elsewhere search 0,1 -k 1
shardy --prefix elsewhere verify
