"""Conformance checks of channels, schemes, data sets and codecs, built in or a user's own."""
