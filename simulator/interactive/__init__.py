"""For Python and notebooks: an opened link that sends images, and runs read back from disk."""
