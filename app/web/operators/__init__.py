"""What those who run the server ask it."""
