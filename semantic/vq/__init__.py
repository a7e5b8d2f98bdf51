"""Vector quantization of what the tasks need of an image."""
