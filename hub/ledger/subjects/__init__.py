"""The chains of persons' records and the files that prove them complete."""
