"""Other terms for what is left of a loan: offered by the workout desk, in force once the borrower signed."""
