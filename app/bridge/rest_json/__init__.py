"""Any system that takes an order as signed JSON: our own contract, for everything that has no adapter of its own."""
