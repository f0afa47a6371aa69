"""What people keep in spreadsheets: exchange rates, budgets, approval limits, people. One file each; `table` is how all
of them are held against a file, and changed by it."""
