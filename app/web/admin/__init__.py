"""Administration: who works here, who is connected, by which rules orders are approved, and the record of it all."""
