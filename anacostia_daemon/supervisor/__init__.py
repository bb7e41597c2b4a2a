"""The shell around the pure core: turns what happens into events, performs the core's actions, answers commands.

Everything here runs in one thread on one loop, and nothing here runs user code (law 9).
"""
