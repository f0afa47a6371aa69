"""The rules that decide who must say yes; pure."""
