"""What machines ask: the ERP and integrators, with keys."""
