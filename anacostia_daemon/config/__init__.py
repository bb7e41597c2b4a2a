"""The configuration of a daemon: which file, what may stand in it, what holds. Depends on nothing that runs: it reads a
file and an environment, and says what they mean or what is wrong with them.
"""
