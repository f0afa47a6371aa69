"""What the engine runs, one file a kind."""
