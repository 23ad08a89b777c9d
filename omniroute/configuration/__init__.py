"""Configuration as a document: what `config apply`, `config export` and the management API share.

`schema` says what may stand in it, `write` puts one entry into the database, `apply` a whole
document, and `export` reads it back.
"""
