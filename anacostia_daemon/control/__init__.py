"""The control socket: what people and programs ask of the daemon, and what it answers (law 10).

`messages` are the frames, `server` sits in the daemon's loop, `client` and `glance` speak to it.
"""
