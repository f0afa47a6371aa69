"""Virtual peers: they come in through the same doors as real ones and know nothing of our inside."""
