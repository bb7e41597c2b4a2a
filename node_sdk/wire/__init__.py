"""What travels between processes: typed, frozen messages, filed by direction; strict to read, msgpack only (law 10).

`codec` turns messages into bytes and back (`unpack` the bytes into plain values, within bounds), `frames` cuts a byte
stream into messages; the other modules are the messages themselves. Nothing here opens a socket.
"""
