"""Pictures of the pages for docs/images, taken of a real gateway that a small team seems to use."""
