# The C examples.
[ -x "$EXAMPLES/example_build" ] || { echo "the examples are not built"; exit 77; }
"$EXAMPLES/example_build" snap
"$EXAMPLES/example_get" snap
"$EXAMPLES/example_search" snap
code "$EXAMPLES/example_get" nowhere
shardy --prefix snap verify
