"""What the papers of lending say."""
