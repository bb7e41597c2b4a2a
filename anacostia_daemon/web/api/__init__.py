"""The JSON API under /api/v1: the facts over HTTP, with the shapes of `--json`, typed and described by OpenAPI.

Routes are thin: they read what is asked, call `facts`, and name the shape of the answer. One module per subject.
"""
