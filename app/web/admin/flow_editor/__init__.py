"""The pages on which approval rules are written by people who do not program: everything is a form that is posted."""
