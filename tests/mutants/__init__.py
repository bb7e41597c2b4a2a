"""Guards, and the test that fails without each: `python -m tests.mutants [WORDS …]`, or `make mutants`.

A guard is a line of the code that keeps a promise. Here each is taken away in turn, in a copy of the tree, and the test
that stands for it must fail. A guard that can go unnoticed is no guard.
"""
