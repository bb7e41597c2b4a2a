"""The peers: what each needs (NAME.txt), how those that are programs are driven (NAME.py), and the scripts that run
inside the environment of those that are libraries (inside/)."""
