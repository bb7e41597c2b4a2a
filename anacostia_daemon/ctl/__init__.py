"""`anacostiactl`: one file per command, each speaking to the daemon only through `control.client`.

Nothing is imported before it is needed: a command is typed hundreds of times a day, and its start is all that it costs.
"""
