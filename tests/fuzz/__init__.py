"""Every decoder of bytes that come from outside of its process, under random bytes.

Each file in `targets` is one decoder: `SEEDS`, made from real messages, and `check(data)`, which raises where the
decoder does anything but read or refuse. `tests/property/test_decoders.py` feeds them by hypothesis in every test run;
`python -m tests.fuzz TARGET --seconds N` by atheris, which is guided by coverage (the extra `fuzz`).
"""
