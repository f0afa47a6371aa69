"""Who is calling, on whose behalf, and under which agreement."""
