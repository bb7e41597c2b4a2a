"""The daemon's journal: which pipelines there are, what is wanted, which processes were started and why each ended.

Process facts only; run facts are the metadata store's. Stdlib sqlite3: the daemon stays small.
"""
