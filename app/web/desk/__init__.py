"""The desk: every order that waits for a person, and what that person can do about it."""
