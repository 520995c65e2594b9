# A damaged or missing object is an error that names it, never a wrong answer.
make_vec
cp -r snap good
try() { # try PATTERN FUNCTION ARGUMENT COMMAND...
    rm -rf snap
    cp -r good snap
    file=$(find_one snap "$1")
    echo "-- ${1##*/} $2"
    case $2 in
        missing) rm "$file" ;;
        empty) : >"$file" ;;
        *) $TOOL $2 "$file" $3 ;;
    esac
    shift 3
    code shardy --prefix snap "$@"
}
try '*/_CURRENT' flip 5 info
try '*/_CURRENT' empty 0 info
try '*/_CURRENT' cut 3 info
try '*/_CURRENT' missing 0 info
try '*/manifests/*/manifest' flip 0 info
try '*/manifests/*/manifest' cut 100 info
try '*/manifests/*/manifest' empty 0 info
try '*/manifests/*/manifest' missing 0 info
try '*.sst' flip 10 get east
try '*.sst' flip 10 scan
try '*.sst' flip -10 get east
try '*.sst' cut 5 get east
try '*.sst' empty 0 get east
try '*.sst' missing 0 get east
try '*.manifest' flip 20 get east
try '*.manifest' missing 0 get east
try '*/data/*.lance' flip -10 search 1,0
try '*/data/*.lance' cut 7 search 1,0
try '*/data/*.lance' missing 0 search 1,0
try '*/index.idx' flip -5 search 1,0
try '*/auxiliary.idx' missing 0 search 1,0
