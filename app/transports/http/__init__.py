"""Documents over HTTP, one file a protocol."""
