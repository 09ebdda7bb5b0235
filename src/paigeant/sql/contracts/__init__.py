"""The contracts of a store over one database, a file each; what a method does is in the statements."""
