"""One module for each revision of the schema; what was released is never changed."""
