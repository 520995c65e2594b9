# Every kind of object, damaged: verify names the object and ends with 1.
make_vec
cp -r snap good
try() { # try PATTERN FUNCTION ARGUMENTS
    rm -rf snap
    cp -r good snap
    file=$(find_one snap "$1")
    echo "-- ${1##*/}"
    case $2 in
        missing) rm "$file" ;;
        *) $TOOL $2 "$file" $3 ;;
    esac
    code shardy --prefix snap verify
}
try '*.sst' flip 10
try '*.sst' flip -10
try '*.sst' cut 5
try '*.sst' missing
try '*/attempt=00/manifest/*.manifest' flip 20
try '*/data/*.lance' flip 10
try '*/data/*.lance' flip -10
try '*/data/*.lance' missing
try '*/index.idx' flip -5
try '*/auxiliary.idx' flip 8
try '*/_versions/*' flip 30
