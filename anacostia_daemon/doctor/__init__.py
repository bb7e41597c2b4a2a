"""What may be wrong around a daemon, looked at from outside: one module per part, each a function that gives findings.

Nothing here starts, mends or writes anything, and no check needs a daemon that runs.
"""
