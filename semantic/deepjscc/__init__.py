"""Joint source-channel coding of whole images."""
