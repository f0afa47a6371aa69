"""The tables that people keep in spreadsheets, as pages and files: rates, budgets, limits, people."""
