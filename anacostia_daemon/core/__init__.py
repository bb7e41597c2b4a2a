"""The supervision core: what to do about one node, decided by a pure function and a table.

`step(state, event, now)` gives the new state and the actions to perform; `plan.next_events` orders the nodes of a
pipeline. Nothing here looks at a clock, starts a process or imports anything but the graph and the policy.
"""
