"""What browsers and integrators see."""
