"""Small processes beside the daemon that look at it from outside, for Prometheus and for people who want to be told.

They are clients of the control socket like any other. The daemon starts them, wakes them and waits for none of them:
whatever they meet (a slow scraper, a mail server that hangs), the supervisor's loop has no part in it.
"""
