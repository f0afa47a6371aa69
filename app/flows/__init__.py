"""The path of an order, one file a step. Flows write rows and enqueue work in one transaction; they never send."""
