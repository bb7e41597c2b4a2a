"""What the daemon does when asked: one module per command or small group, found by name in `table`.

A command answers in its turn, or leaves a waiter; it never blocks. Results have the shapes of docs (DESIGN part 7).
"""
