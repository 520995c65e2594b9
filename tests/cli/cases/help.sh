# The list of commands, three ways.
shardy --help
shardy help >other
shardy -h | cmp - other
