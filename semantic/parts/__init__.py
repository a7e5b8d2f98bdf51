"""Parts of a user: the files that they read, and the errors that they raise."""
