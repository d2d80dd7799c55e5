"""Early signs of trouble, counted for lending."""
