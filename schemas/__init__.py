"""Values and wire definitions: the canonical documents that every protocol is read into and written from."""
