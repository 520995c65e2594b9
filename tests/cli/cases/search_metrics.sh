# Distances: 1 - cos, squared Euclid, 1 - dot.
for m in cosine l2 dot_product; do
    make_vec --metric $m
    echo "-- $m"
    shardy --prefix snap search 2,0
done
