"""Pure translators: bytes or form fields in, canonical documents out, and back. No IO, clock, random or settings."""
