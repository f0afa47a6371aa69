"""The bridge to the ERPs: one folder an ERP, `mapping.py` pure and `adapter.py` thin IO."""
