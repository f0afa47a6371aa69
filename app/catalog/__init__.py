"""Items, this customer's prices, search and the cart."""
