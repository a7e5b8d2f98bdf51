"""Measures of accuracy and of image quality."""
