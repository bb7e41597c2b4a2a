"""What every request must pass before it is looked at, and what every answer carries.

Decisions are pure functions (`origins`, `sessions`, `limits`); `guard` acts on them, as plain ASGI: streams
pass unbuffered.
"""
