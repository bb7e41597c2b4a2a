"""What changes, as it changes: seen by one watch (`watch`), handed to every listener by a hub (`hub`). Nobody who
listens holds up the watch, and nothing is looked at while nobody listens."""
