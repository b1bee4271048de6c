"""What each part of a recipe is worth: the same training again, with one thing changed."""
