"""Configuration, the places of files, and who may read them."""
