"""Processes as the system knows them: who they are, when they end, who belongs together. Decides nothing.

`identity` tells a process from a later one with the same pid, `handle` waits for any process and signals no other,
`family` and `cgroup` find what a node left behind, `reaper` collects exit statuses.
"""
