"""The records behind the pages as plain lists: every column that is no secret, filtered and sorted at will, read only.

starlette-admin draws them, under our session, our roles, our realm and our own export. What people change has pages or
commands that hold it against the rules; the lists offer bulk acts only where such a function exists."""
