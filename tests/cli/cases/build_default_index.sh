# What the default index type really builds is said.
make_vec --index-type hnsw
shardy --prefix snap info
