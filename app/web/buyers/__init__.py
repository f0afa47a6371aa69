"""Where buyers' systems post their documents."""
