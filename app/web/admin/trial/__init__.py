"""Pages on which rules are tried: on past orders, and on the examples that are kept with them."""
