"""Flash loans on a person's or an enterprise's government records."""
