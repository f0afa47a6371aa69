"""A small ERP to try the server with: a process of its own, with a database of its own.

It behaves as real ones do: it verifies who speaks, gives each order its own number, and does *not* notice that it gets
the same order twice; who does not want doubles must look up before sending again. It can be told to fail in the ways
that real ones fail.
"""
