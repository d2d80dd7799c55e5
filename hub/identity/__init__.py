"""Who is who: persons by network number, enterprises by USCC, their keys and their tokens."""
